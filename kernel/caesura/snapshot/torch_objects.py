"""torch: tensors on the CPU go on sharing their storage, gradients and hooks come along; what cannot come holds.

torch itself writes every tensor's storage anew, forgets ``.grad``, and forgets the graph that a result belongs to.
"""

from __future__ import annotations

import ctypes
import importlib
import pickle
import sys
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced, Reducer
from caesura.snapshot.restoring import owns_its_memory


def _torch() -> Any:
    return importlib.import_module("torch")


def reducer_of(cls: type) -> Reducer | None:
    """The reducer for a type of torch or a subclass, or None if torch pickles it well."""
    torch: Any = sys.modules["torch"]
    if cls is torch.UntypedStorage:
        return reduce_storage
    if issubclass(cls, torch.Tensor):
        return reduce_tensor
    if cls.__qualname__ == "_SingleProcessDataLoaderIter":
        return reduce_loop_over_loader
    optim: Any = sys.modules.get("torch.optim")
    if optim is not None and issubclass(cls, optim.Optimizer):
        return reduce_optimizer
    return None


# --- storages -------------------------------------------------------------------------------------------------------


def storage_of(pickler: Pickling, tensor: Any) -> Any:
    """The storage of a tensor: one object, however many tensors share it."""
    storage = tensor.untyped_storage()
    return pickler.stand_ins.setdefault(storage._cdata, storage)


def reduce_storage(pickler: Pickling, storage: Any) -> Reduced:
    known = pickler.stand_ins.setdefault(storage._cdata, storage)
    if known is not storage:
        return make_same, (known,)
    if storage.device.type != "cpu":
        raise CannotMove(f"torch storage on {storage.device}", remedy="Take it to the CPU before the await: x.cpu().")
    size = storage.nbytes()
    if not size:
        return make_storage, (b"",)
    source = pickler.memory.find(storage.data_ptr(), size)
    if source is not None:
        return make_storage_over, (source, storage.data_ptr() - source.__array_interface__["data"][0], size)
    pickler.memory.add(storage.data_ptr(), size, storage)
    shown = (ctypes.c_char * size).from_address(storage.data_ptr())
    return make_storage, (pickle.PickleBuffer(memoryview(shown).cast("B")),)


def make_same(obj: object) -> object:
    return obj


def make_storage(buffer: Any) -> Any:
    torch = _torch()
    size = memoryview(buffer).nbytes
    if owns_its_memory(size) or memoryview(buffer).readonly:
        storage = torch.UntypedStorage(size)
        ctypes.memmove(storage.data_ptr(), bytes(buffer), size)
        return storage
    return torch.frombuffer(buffer, dtype=torch.uint8).untyped_storage()


def make_storage_over(array: Any, start: int, size: int) -> Any:
    """The storage of a tensor that was made from an array of numpy."""
    numpy: Any = sys.modules["numpy"]
    flat = numpy.ndarray((size,), "u1", array, start)
    return _torch().from_numpy(flat).untyped_storage()


def array_over(storage: Any, dtype: Any, shape: Any, strides: Any, start: int, writable: bool) -> Any:
    """An array of numpy that was made from a tensor."""
    numpy: Any = importlib.import_module("numpy")
    torch = _torch()
    flat = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
    view = numpy.ndarray(shape, dtype, flat, start, strides)
    if not writable:
        view.flags.writeable = False
    return view


# --- tensors --------------------------------------------------------------------------------------------------------


def reduce_tensor(pickler: Pickling, tensor: Any) -> Reduced:
    torch = _torch()
    cls = type(tensor)
    if tensor.grad_fn is not None:
        remedy = "Call backward() and keep x.detach() or x.item() instead of it before the await."
        raise CannotMove("torch tensor that belongs to a graph", remedy=remedy)
    if tensor.device.type not in ("cpu", "meta"):
        raise CannotMove(f"torch tensor on {tensor.device}", remedy="Take it to the CPU before the await: x.cpu().")
    if not _is_strided(tensor) or not _is_known(cls):
        return tensor.__reduce_ex__(2)
    shape = (tensor.dtype, tensor.storage_offset(), tuple(tensor.size()), tensor.stride())
    flags = (tensor.requires_grad, tensor.is_conj(), tensor.is_neg())
    place = cls if cls is not torch.Tensor else None
    return make_tensor, (place, storage_of(pickler, tensor), *shape, *flags), _state_of(tensor), None, None, fill_tensor


def _is_strided(tensor: Any) -> bool:
    return tensor.layout is _torch().strided and not tensor.is_quantized and tensor.device.type == "cpu"


def _is_known(cls: type) -> bool:
    torch = _torch()
    if cls in (torch.Tensor, torch.nn.Parameter):
        return True
    is_plain = cls.__reduce_ex__ is torch.Tensor.__reduce_ex__ and "__torch_dispatch__" not in cls.__dict__
    return is_plain and not issubclass(cls, torch.nn.Parameter)


def _state_of(tensor: Any) -> dict[str, Any] | None:
    state = {"grad": tensor.grad, "hooks": tensor._backward_hooks, "attributes": dict(tensor.__dict__) or None}
    return {name: value for name, value in state.items() if value is not None} or None


def make_tensor(
    cls: Any, storage: Any, dtype: Any, offset: int, size: Any, stride: Any, wants: bool, is_conj: bool, is_neg: bool
) -> Any:
    torch = _torch()
    with torch.no_grad():
        tensor = torch.empty(0, dtype=dtype).set_(storage, offset, size, stride)
        if is_conj:
            tensor = tensor.conj()
        if is_neg:
            tensor = torch._neg_view(tensor)
    if cls is not None and issubclass(cls, torch.nn.Parameter):
        return cls(tensor, wants)
    if cls is not None:
        tensor = tensor.as_subclass(cls)
    return tensor.requires_grad_(wants)


def fill_tensor(tensor: Any, state: dict[str, Any]) -> None:
    tensor.__dict__.update(state.get("attributes", {}))
    if "grad" in state:
        tensor.grad = state["grad"]
    if "hooks" in state:
        tensor._backward_hooks = state["hooks"]


# --- iterators and optimizers ---------------------------------------------------------------------------------------


def reduce_loop_over_loader(pickler: Pickling, iterator: Any) -> Reduced:
    """What a loop over a DataLoader without processes of its own holds, which refuses to be pickled."""
    return object.__new__, (type(iterator),), dict(vars(iterator)), None, None, set_state


def reduce_optimizer(pickler: Pickling, optimizer: Any) -> Reduced:
    """With its hooks, and with what a scheduler has put into it."""
    return object.__new__, (type(optimizer),), dict(vars(optimizer)), None, None, fill_optimizer


def fill_optimizer(optimizer: Any, state: dict[str, Any]) -> None:
    set_state(optimizer, state)
    patch = getattr(optimizer, "_patch_step_function", None)
    if patch is not None:
        patch()  # of its class, which has it only once an optimizer has been made
