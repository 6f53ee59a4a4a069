"""Weak references, proxies, weak containers and finalizers: what they refer to comes along, and they stay weak.

If nothing else holds it at the other end, the reference is dead there.
"""

from __future__ import annotations

import ctypes
import gc
import types
import weakref
from typing import Any, Final

from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced

_TARGET_OFFSET: Final = object.__basicsize__
"""Where a proxy has its target: ``wr_object``, the first field of ``PyWeakReference``, in
https://github.com/python/cpython/blob/3.13/Include/cpython/weakrefobject.h."""


class _Gone:
    def __call__(self) -> None:
        return


def reduce_weak_reference(pickler: Pickling, reference: Any) -> Reduced:
    cls, target, callback = type(reference), reference(), reference.__callback__
    if cls is weakref.ref:
        if target is None:
            return make_dead_reference, (cls,)
        return weakref.ref, (target,) if callback is None else (target, callback)
    if target is None:
        return make_dead_reference, (cls, *_attributes(reference))
    if isinstance(reference, weakref.WeakMethod):
        return make_weak_method, (cls, target, _variable_of(callback, "callback"))
    if isinstance(reference, weakref.KeyedRef):
        return weakref.KeyedRef, (target, callback, reference.key)
    return weakref.ref.__new__, (cls, target, callback), _attributes(reference)[0], None, None, set_state


def _attributes(reference: Any) -> tuple[Any]:
    state: Any = object.__getstate__(reference)
    return (state,)


def make_weak_method(cls: Any, method: types.MethodType, callback: Any) -> object:
    return cls(method, callback)


def _variable_of(function: Any, name: str) -> object:
    """The value of a variable in the closure of ``function``."""
    found: object = function.__closure__[function.__code__.co_freevars.index(name)].cell_contents
    return found


def make_dead_reference(cls: Any, state: Any = None) -> object:
    if issubclass(cls, weakref.WeakMethod):
        return cls(_Gone().__call__)
    reference = weakref.ref.__new__(cls, _Gone())
    if state:
        set_state(reference, state)
    return reference


def reduce_proxy(pickler: Pickling, proxy: Any) -> Reduced:
    # A proxy hands on every attribute, even its class: only its own memory says what it stands for.
    target = ctypes.py_object.from_address(id(proxy) + _TARGET_OFFSET).value
    if target is None:
        return make_dead_proxy, (type(proxy) is weakref.CallableProxyType,)
    return weakref.proxy, (target, *gc.get_referents(proxy))


def make_dead_proxy(is_callable: bool) -> object:
    class Gone:
        if is_callable:
            __call__ = _Gone.__call__

    return weakref.proxy(Gone())


def reduce_weak_dictionary(pickler: Pickling, mapping: Any) -> Reduced:
    """With all that is in it: somebody may be half-way through its entries."""
    return object.__new__, (type(mapping),), mapping.__dict__


def reduce_finalizer(pickler: Pickling, finalizer: Any) -> Reduced:
    found = finalizer.peek()
    if found is not None:
        pickler.later("finalize", finalizer, (*found, finalizer.atexit))
    return object.__new__, (type(finalizer),)


# --- finalizers that nobody holds -----------------------------------------------------------------------------------


def capture_finalizers() -> list[Any] | None:
    """Those that the notebook has set on its objects: the library alone has them."""
    finalizers: Any = weakref.finalize
    return [each for each in list(finalizers._registry) if _is_of_the_notebook(each)] or None


def _is_of_the_notebook(finalizer: Any) -> bool:
    found = finalizer.peek()
    if found is None:
        return False
    target, function = found[:2]
    modules = (type(target).__module__, getattr(function, "__module__", None))
    return not NOTEBOOK_MODULES.isdisjoint(modules)


def restore_finalizers(finalizers: list[Any]) -> None:
    """They are registered again in the last step of the load."""
