"""ctypes: structures and arrays of the notebook, and values that lie in the memory of others.

A pointer means nothing in another process, and is refused (see :mod:`caesura.snapshot.unmovable`).
"""

from __future__ import annotations

import ctypes
import operator
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_LAYOUT: Final = ("__module__", "__qualname__", "_pack_", "_align_", "_layout_", "_anonymous_", "_fields_")
_MADE: Final = frozenset({*_LAYOUT, "__dict__", "__weakref__", "__slotnames__"})


def reduce_type(pickler: Pickling, cls: Any) -> Reduced:
    """An array type, or a structure or union of the notebook."""
    if issubclass(cls, ctypes.Array):
        return operator.mul, (cls._type_, cls._length_)
    if not issubclass(cls, ctypes.Structure | ctypes.Union):
        raise CannotMove(f"the type {cls.__module__}.{cls.__qualname__}", remedy="It cannot be imported by its name.")
    layout = {name: cls.__dict__[name] for name in _LAYOUT if name in cls.__dict__}
    rest = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _MADE and type(value).__name__ not in ("CField", "getset_descriptor")
    }
    return make_structure, (cls.__name__, cls.__bases__, layout), rest, None, None, fill_structure


def make_structure(name: str, bases: tuple[type, ...], layout: dict[str, Any]) -> type:
    return type(bases[0])(name, bases, dict(layout))


def fill_structure(cls: type, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(cls, name, value)


def reduce_value(pickler: Pickling, value: Any) -> Reduced:
    base, address = value._b_base_, ctypes.addressof(value)
    if base is not None:
        return make_over, (type(value), base, address - ctypes.addressof(base))
    if value._b_needsfree_:
        return NotImplemented
    kept = value._objects
    for lent in kept.values() if isinstance(kept, dict) else (kept,):
        if isinstance(lent, memoryview) and lent.obj is not None:
            whole = ctypes.addressof(ctypes.c_char.from_buffer(lent.obj))
            return make_over, (type(value), lent.obj, address - whole)
    raise CannotMove("ctypes value at an address", remedy="Addresses mean nothing in another process.")


def make_over(cls: Any, source: Any, start: int) -> object:
    return cls.from_buffer(source, start)
