"""Views of memory (``memoryview``): they go on showing their object, all of it or a part."""

from __future__ import annotations

import ctypes
import gc
import io
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_FULL_READ_ONLY: Final = 0x11C
"""``PyBUF_FULL_RO``: https://docs.python.org/3/c-api/buffer.html#compound-requests."""


class _Buffer(ctypes.Structure):
    """``Py_buffer``: https://docs.python.org/3/c-api/buffer.html#buffer-structure."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


def reduce_memory_view(pickler: Pickling, view: memoryview) -> Reduced:
    try:
        source: Any = view.obj
    except ValueError:
        return make_released, ()
    if type(source).__name__ == "_BytesIOBuffer":
        # The buffer of a file in memory.
        source = next(each for each in gc.get_referents(source) if isinstance(each, io.BytesIO))
    whole = _of(source)
    if view.nbytes == whole.nbytes and view.contiguous:
        return make_memory_view, (source, view.format, view.shape, view.readonly)
    if not whole.contiguous or not view.nbytes or (view.ndim > 1 and not view.c_contiguous):
        raise CannotMove("memoryview of scattered parts", remedy="Keep the object and the range instead.")
    start = _address(view) - _address(whole)
    if view.ndim > 1:
        return make_part, (source, start, view.nbytes, view.format, view.shape, 1, view.readonly)
    assert view.strides is not None
    step = view.strides[0] // view.itemsize
    span = (len(view) - 1) * abs(view.strides[0]) + view.itemsize
    first = start if step > 0 else start - span + view.itemsize
    if view.strides[0] % view.itemsize:
        raise CannotMove("memoryview of scattered parts", remedy="Keep the object and the range instead.")
    return make_part, (source, first, span, view.format, None, step, view.readonly)


def _of(source: Any) -> memoryview:
    return source.getbuffer() if isinstance(source, io.BytesIO) else memoryview(source)


def _address(view: memoryview) -> int:
    buffer = _Buffer()
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
    if get(ctypes.py_object(view), ctypes.byref(buffer), _FULL_READ_ONLY):
        raise BufferError("this view has no buffer")
    try:
        return buffer.buf or 0
    finally:
        release(ctypes.byref(buffer))


def make_memory_view(obj: Any, form: str, shape: Any, is_read_only: bool) -> memoryview:
    view: Any = _of(obj)
    if view.format != form or view.shape != shape:
        view = view.cast("B").cast(form, shape)
    return _closed(view, is_read_only)


def make_part(obj: Any, first: int, size: int, form: str, shape: Any, step: int, is_read_only: bool) -> memoryview:
    view: Any = _of(obj).cast("B")[first : first + size]
    if form != "B" or shape is not None:
        view = view.cast(form) if shape is None else view.cast(form, shape)
    return _closed(view if step == 1 else view[::step], is_read_only)


def _closed(view: memoryview, is_read_only: bool) -> memoryview:
    return view.toreadonly() if is_read_only and not view.readonly else view


def make_released() -> memoryview:
    view = memoryview(b"")
    view.release()
    return view
