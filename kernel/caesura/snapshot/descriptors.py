"""What stands in the dict of a class: properties, wrapped methods, slots, and the view of that dict."""

from __future__ import annotations

import gc
import types
from typing import Any

from caesura.snapshot.reducing import Pickling, Reduced


def reduce_property(pickler: Pickling, prop: Any) -> Reduced:
    parts = (prop.fget, prop.fset, prop.fdel, prop.__doc__)
    if type(prop) is property:
        return property, parts
    return make_property, (type(prop), parts), dict(vars(prop)) or None, None, None, fill_attributes


def make_property(cls: Any, parts: Any) -> object:
    """Of a subclass of :class:`property`, whose own ``__init__`` ran when it was made."""
    prop = property.__new__(cls)
    property.__init__(prop, *parts)
    return prop


def reduce_wrapping_method(pickler: Pickling, method: Any) -> Reduced:
    """``staticmethod`` and ``classmethod``."""
    # Their dict repeats what they took from the function; only what was set on them since counts.
    taken = getattr(method.__func__, "__dict__", {})
    own = {
        key: value
        for key, value in vars(method).items()
        if not (key.startswith("__") and key.endswith("__")) and taken.get(key) is not value
    }
    return make_wrapping_method, (type(method), method.__func__), own or None, None, None, fill_attributes


def make_wrapping_method(cls: Any, function: Any) -> object:
    method = cls.__new__(cls)
    base = staticmethod if issubclass(cls, staticmethod) else classmethod
    base.__init__(method, function)
    return method


def fill_attributes(obj: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(obj, name, value)


def reduce_slot(pickler: Pickling, descriptor: Any) -> Reduced:
    """Of a class, wherever it is from: it has the descriptor again."""
    return member_of, (descriptor.__objclass__, descriptor.__name__)


def member_of(cls: type, name: str) -> object:
    found: object = cls.__dict__[name]
    return found


def reduce_mapping_proxy(pickler: Pickling, proxy: Any) -> Reduced:
    mapping = gc.get_referents(proxy)[0]
    owner = _class_with(mapping)
    return (vars, (owner,)) if owner is not None else (types.MappingProxyType, (mapping,))


def _class_with(mapping: Any) -> type | None:
    """The class whose ``__dict__`` this is, if it is one."""
    if "__module__" in mapping and type(mapping) is dict:
        for holder in gc.get_referrers(mapping):
            if isinstance(holder, type) and gc.get_referents(vars(holder))[0] is mapping:
                return holder
    return None
