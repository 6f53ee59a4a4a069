"""numpy arrays: views go on sharing memory with their base, and read-only ones stay read-only.

numpy itself pickles a view as an array of its own. What lives here must not import numpy: a session that has arrays has
imported it.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

OWNED_BYTES: Final = 1 << 20
"""A restored array below this size owns its memory; a larger one lies in the mapped file."""


def _numpy() -> Any:
    return sys.modules["numpy"]


def reduce_array(pickler: Pickling, array: Any) -> Reduced:
    base = _shared_base(array)
    if base is not None:
        return _reduce_view(array, base)
    if array.dtype.kind in "mM" and _is_contiguous(array):
        # numpy gives no buffer of dates; their integers it does.
        order = "C" if array.flags.c_contiguous else "F"
        buffer = pickle.PickleBuffer(array.view("i8"))
        return make_array, (buffer, array.dtype, array.shape, order, array.flags.writeable)
    reduced = array.__reduce_ex__(5)
    if reduced[0].__name__ == "_frombuffer" and len(reduced[1]) == 4:
        return make_array, (*reduced[1], array.flags.writeable)
    if array.flags.writeable:
        return reduced
    return make_read_only, (array.copy(),)


def _is_contiguous(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _shared_base(array: Any) -> Any:
    """The object whose memory ``array`` shows, if that can be pickled; None if the array counts as the owner."""
    base = array.base
    # What as_strided makes has a stand-in between itself and its base; a chain of views ends in the owner.
    while type(base).__name__ == "DummyArray" or (type(base) is type(array) and _is_view(base)):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if type(base) in (bytes, bytearray) or type(base) is type(array):
        return base
    if base is None or hasattr(base, "__array_interface__"):
        return None
    if type(base).__name__ == "mmap" and hasattr(base, "flush") and type(array).__name__ == "memmap":
        raise CannotMove("numpy.memmap", remedy="Copy it with numpy.array(x), or open it after the await.")
    return None


def _is_view(array: Any) -> bool:
    return type(array.base) is type(array) or type(array.base).__name__ == "DummyArray"


def _reduce_view(array: Any, base: Any) -> Reduced:
    numpy = _numpy()
    whole = base if isinstance(base, numpy.ndarray) else numpy.frombuffer(base, dtype=numpy.uint8)
    if array.size == 0:
        return make_read_only if not array.flags.writeable else numpy.array, (array.copy(),)
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    extent = sum((size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True) if stride > 0)
    if start < 0 or start + extent + array.itemsize > whole.nbytes or not _is_contiguous(whole):
        return make_read_only if not array.flags.writeable else numpy.array, (array.copy(),)
    return make_view, (base, array.dtype, array.shape, array.strides, start, array.flags.writeable)


def make_array(buffer: Any, dtype: Any, shape: Any, order: str, writable: bool) -> Any:
    array = _numpy().frombuffer(buffer, dtype=dtype).reshape(shape, order=order)
    if array.nbytes < OWNED_BYTES or (writable and not array.flags.writeable):
        array = array.copy(order="K")
    if not writable:
        array.flags.writeable = False
    return array


def make_read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def make_view(base: Any, dtype: Any, shape: Any, strides: Any, start: int, writable: bool) -> Any:
    numpy = _numpy()
    if dtype.hasobject:
        # Objects have no buffer; their array can be walked with other steps.
        flat = base.reshape(-1, order="A")
        first = flat[start // base.itemsize :]
        view = numpy.lib.stride_tricks.as_strided(first, shape=shape, strides=strides)
    else:
        view = numpy.ndarray(shape, dtype, _bytes_of(base), start, strides)
    if not writable:
        view.flags.writeable = False
    return view


def _bytes_of(base: Any) -> Any:
    """Something with a contiguous buffer over the memory of ``base``, if possible ``base`` itself."""
    if not hasattr(base, "flags"):
        return base
    if base.dtype.kind in "mM":
        base = base.view("i8")
    return base if base.flags.c_contiguous else base.T
