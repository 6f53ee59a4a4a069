"""numpy arrays: views go on sharing memory with their base, and read-only ones stay read-only.

numpy itself pickles a view as an array of its own. Here the memory of an array has an owner, a plain array or what it
was made over (bytes, another buffer), which is written once; every array over it, of whatever class, is written as a
view: an offset, a shape, strides. What lives here must not import numpy: a session that has arrays has imported it.
"""

from __future__ import annotations

import collections
import copyreg
import ctypes
import gc
import importlib
import itertools
import mmap
import operator
import pickle
import sys
import weakref
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot import memory_maps
from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.restoring import owns_its_memory

_RECORD_OFFSET: Final = object.__basicsize__ + ctypes.sizeof(ctypes.c_ssize_t)
"""Where a structured scalar has its address: ``obval``, the first field of ``PyVoidScalarObject`` behind its head, in
https://github.com/numpy/numpy/blob/v2.2.0/numpy/_core/include/numpy/arrayscalars.h."""

_WITH_BUFFER: Final = frozenset("?biufc")
"""Kinds of elements for which every numpy has a buffer; of others it has to be asked."""

_from_store: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
"""Mappings of blobs in which restored arrays lie: nobody else knows them."""


def _numpy() -> Any:
    return sys.modules["numpy"] if "numpy" in sys.modules else importlib.import_module("numpy")


def reduce_array(pickler: Pickling, array: Any) -> Reduced:
    """Of a plain array or of one of a subclass."""
    cls = type(array)
    if cls is _numpy().ndarray and _is_of_its_own(array.base):
        return _reduce_owner(pickler, array)
    if cls.__name__ == "MaskedConstant":
        return NotImplemented  # there is one of it
    root, source = _root_of(array)
    if cls is _numpy().ndarray and source is not None and _is_tensor(source):
        return _reduce_over_tensor(pickler, array, source)
    has_own_memory = type(root) in (_numpy().ndarray, _numpy().memmap)
    owner = root if has_own_memory else _plain(pickler, root)
    if array is owner:
        if cls is not _numpy().ndarray:
            return memory_maps.reduce_memmap(pickler, array)
        return _reduce_view(array, source) if source is not None else _reduce_owner(pickler, array)
    if cls is _numpy().ndarray:
        return _reduce_view(array, owner)
    plain = owner if array is root else _plain(pickler, array)
    if isinstance(array, _numpy().memmap):
        return memory_maps.reduce_part(array, plain, owner)
    return make_subclass, (cls, plain), _state_of(array), None, None, set_state


def _is_of_its_own(base: Any) -> bool:
    """Whether an array with this base owns its memory, or is the one for which it was mapped from the store."""
    return base is None or (type(base) is mmap.mmap and base in _from_store)


def _root_of(array: Any) -> tuple[Any, Any]:
    """The array whose memory ``array`` shows, and the object that lends it to that one (None: it is its own)."""
    numpy = _numpy()
    root, base = array, array.base
    while base is not None:
        if isinstance(base, memoryview):
            base = base.obj  # of an array, or of what a view of memory can be made over again
        elif isinstance(base, numpy.ndarray):
            root, base = base, base.base
        elif type(base).__name__ in ("DummyArray", "_memoryviewslice"):
            base = base.base  # what as_strided, or code compiled by Cython, puts between an array and its base
        elif isinstance(base, mmap.mmap):
            return root, None if base in _from_store or isinstance(root, numpy.memmap) else base
        else:
            return root, base if _is_tensor(base) or _lends(base) else None
    return root, None


def _is_tensor(base: object) -> bool:
    return "torch" in sys.modules and isinstance(base, sys.modules["torch"].Tensor)


def _reduce_over_tensor(pickler: Pickling, array: Any, tensor: Any) -> Reduced:
    from caesura.snapshot import torch_objects

    storage = torch_objects.storage_of(pickler, tensor)
    return _over_storage(array, storage)


def _over_storage(array: Any, storage: Any) -> Reduced:
    from caesura.snapshot import torch_objects

    start = array.__array_interface__["data"][0] - storage.data_ptr()
    flags = (array.dtype, array.shape, array.strides, start, array.flags.writeable)
    return torch_objects.array_over, (storage, *flags)


def _lends(base: object) -> bool:
    """Whether memory of ``base`` can be found again: it has a buffer and is no mere holder of an address."""
    try:
        memoryview(base)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        return False
    return True


def _plain(pickler: Pickling, array: Any) -> Any:
    """A plain array over the memory of one of a subclass: the same one, however often it is asked for."""
    found = pickler.stand_ins.get(id(array))
    if found is None:
        found = pickler.stand_ins[id(array)] = array.view(_numpy().ndarray)
    return found


def _state_of(array: Any) -> Any:
    attributes = getattr(array, "__dict__", None)
    slots = {
        name: getattr(array, name)
        for name in copyreg._slotnames(type(array))  # type: ignore[attr-defined]
        if hasattr(array, name)
    }
    return (attributes or None, slots) if slots else attributes or None


def make_subclass(cls: Any, plain: Any) -> Any:
    return plain.view(cls)


# --- owners ---------------------------------------------------------------------------------------------------------


def _reduce_owner(pickler: Pickling, array: Any) -> Reduced:
    if "torch" in sys.modules and array.nbytes:
        # A tensor may show the memory of an array, which only their addresses tell.
        address = array.__array_interface__["data"][0]
        storage = pickler.memory.find(address, array.nbytes)
        if storage is not None:
            return _over_storage(array, storage)
        pickler.memory.add(address, array.nbytes, array)
    if array.dtype.kind in _WITH_BUFFER and array.flags.c_contiguous:
        shape = array.shape
        return make_array, (
            pickle.PickleBuffer(array),
            array.dtype,
            shape,
            tuple(range(len(shape))),
            array.flags.writeable,
        )
    axes = _axes_in_memory(array)
    if axes is None or array.dtype.kind == "T":
        return _as_numpy_does(array)
    lying, back = array.transpose(axes), tuple(axes.index(axis) for axis in range(array.ndim))
    if array.dtype.hasobject:
        if _is_contiguous(array):
            return _as_numpy_does(array)
        return make_transposed, (lying.copy(), back, array.flags.writeable)
    # numpy gives no buffer of dates; their integers it does.
    bare = lying.view("i8") if array.dtype.kind in "mM" else lying
    reduced = bare.__reduce_ex__(5)
    if reduced[0].__name__ != "_frombuffer" or len(reduced[1]) != 4:
        return _as_numpy_does(array)
    return make_array, (reduced[1][0], array.dtype, lying.shape, back, array.flags.writeable)


def _as_numpy_does(array: Any) -> Reduced:
    if array.flags.writeable:
        return array.__reduce_ex__(5)
    return make_read_only, (array.copy(),)


def _is_contiguous(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _axes_in_memory(array: Any) -> tuple[int, ...] | None:
    """The order of axes in which the array lies in memory without gaps; None if there is none."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    axes = tuple(sorted(range(array.ndim), key=lambda axis: (-array.strides[axis], axis)))
    return axes if array.transpose(axes).flags.c_contiguous else None


def make_array(buffer: Any, dtype: Any, shape: Any, axes: Any, writable: bool) -> Any:
    if isinstance(buffer, memoryview) and isinstance(buffer.obj, mmap.mmap):
        _from_store.add(buffer.obj)
    numpy = _numpy()
    if axes == tuple(range(len(axes))):
        array = numpy.ndarray(shape, dtype, buffer)  # nothing between it and its memory, which the next save looks at
    else:
        array = numpy.frombuffer(buffer, dtype=dtype).reshape(shape).transpose(axes)
    if owns_its_memory(array.nbytes) or (writable and not array.flags.writeable):
        array = array.copy(order="K")
    if not writable:
        array.flags.writeable = False
    return array


def make_transposed(array: Any, axes: Any, writable: bool) -> Any:
    array = array.transpose(axes)
    array.flags.writeable = writable
    return array


def make_read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


# --- views ----------------------------------------------------------------------------------------------------------


def _reduce_view(array: Any, base: Any) -> Reduced:
    numpy = _numpy()
    if array.size == 0:
        return make_read_only if not array.flags.writeable else numpy.array, (array.copy(),)
    is_dense, address, size = True, 0, 0
    if isinstance(base, numpy.ndarray):
        is_dense = _axes_in_memory(base) is not None
        address, size = base.__array_interface__["data"][0], base.nbytes
    else:
        whole = numpy.frombuffer(base, dtype=numpy.uint8)
        address, size = whole.__array_interface__["data"][0], whole.nbytes
    start = array.__array_interface__["data"][0] - address
    steps = [(count - 1) * stride for count, stride in zip(array.shape, array.strides, strict=True)]
    first, last = start + sum(min(step, 0) for step in steps), start + sum(max(step, 0) for step in steps)
    if is_dense and first >= 0 and last + array.itemsize <= size:
        return make_view, (base, array.dtype, array.shape, array.strides, start, array.flags.writeable)
    if array.flags.writeable:
        raise CannotMove("numpy array over memory of another kind of object", remedy="Copy it before the await.")
    return make_read_only, (array.copy(),)


def make_view(base: Any, dtype: Any, shape: Any, strides: Any, start: int, writable: bool) -> Any:
    numpy = _numpy()
    is_closed = writable and isinstance(base, numpy.ndarray) and not base.flags.writeable
    if is_closed:
        base.flags.writeable = True  # it was closed after the view was made
    if not dtype.hasobject:
        view = numpy.ndarray(shape, dtype, _bytes_of(base), start, strides)
    elif dtype.kind == "T":
        view = _slice(_flat(base), shape, strides, start)
    elif dtype == base.dtype:
        # Objects have no buffer; their array can be walked with other steps.
        first = _flat(base)[start // base.itemsize :]
        view = numpy.lib.stride_tricks.as_strided(first, shape=shape, strides=strides)
    else:
        view = numpy.asarray(DummyArray(base, shape, strides, start))
    if is_closed:
        base.flags.writeable = False
    if not writable:
        view.flags.writeable = False
    return view


class DummyArray:
    """Objects at some place in ``base``, as numpy's own class of this name has them."""

    def __init__(self, base: Any, shape: Any, strides: Any, start: int) -> None:
        self.base = base
        place = base.__array_interface__["data"][0] + start
        self.__array_interface__ = {
            "version": 3,
            "data": (place, not base.flags.writeable),
            "typestr": "|O",
            "shape": shape,
            "strides": strides,
        }


def _slice(flat: Any, shape: Any, strides: Any, start: int) -> Any:
    """Strings of variable length can be reached by slices only."""
    item = flat.itemsize
    if len(shape) == 1 and strides[0] % item == 0 and strides[0]:
        step, begin = strides[0] // item, start // item
        end = begin + step * shape[0]
        return flat[begin : end if end >= 0 else None : step]
    return flat[start // item :][: _numpy().prod(shape, dtype=int)].reshape(shape)


def _flat(base: Any) -> Any:
    """The elements of an array as they lie in memory."""
    return base.transpose(_axes_in_memory(base)).reshape(-1)


def _bytes_of(base: Any) -> Any:
    """Something with a contiguous buffer over the memory of ``base``, if possible ``base`` itself."""
    if not isinstance(base, _numpy().ndarray):
        return base
    if base.dtype.kind in "mM":
        base = base.view("i8")
    return base if base.flags.c_contiguous else base.transpose(_axes_in_memory(base))


# --- places in arrays: iterators and scalars ------------------------------------------------------------------------


def reduce_flat_iterator(pickler: Pickling, iterator: Any) -> Reduced:
    return make_flat_iterator, (iterator.base, iterator.index)


def make_flat_iterator(array: Any, index: int) -> Any:
    iterator = array.flat
    collections.deque(itertools.islice(iterator, index), maxlen=0)
    return iterator


def reduce_ufunc(pickler: Pickling, ufunc: Any) -> Reduced:
    """One that ``numpy.frompyfunc`` made keeps its function where only the collector sees it."""
    functions = [each for each in gc.get_referents(ufunc) if callable(each)]
    if len(functions) != 1 or getattr(_numpy(), ufunc.__name__, None) is ufunc:
        return NotImplemented
    options = {} if ufunc.identity is None else {"identity": ufunc.identity}
    return make_ufunc, (functions[0], ufunc.nin, ufunc.nout, options)


def make_ufunc(function: Any, inputs: int, outputs: int, options: Any) -> Any:
    return _numpy().frompyfunc(function, inputs, outputs, **options)


def reduce_record(pickler: Pickling, record: Any) -> Reduced:
    """A structured scalar: it goes on showing its place in the array from which it was taken."""
    numpy = _numpy()
    base = record.base
    if not isinstance(base, numpy.ndarray) or record.dtype.hasobject:
        return NotImplemented
    place = ctypes.c_void_p.from_address(id(record) + _RECORD_OFFSET).value or 0
    start = place - base.__array_interface__["data"][0]
    if not 0 <= start <= base.nbytes - record.dtype.itemsize or _axes_in_memory(base) is None:
        return NotImplemented
    shown = numpy.ndarray((), record.dtype, _bytes_of(base), start)
    if record.tobytes() != shown.tobytes():
        return NotImplemented
    return operator.getitem, (shown, ())
