"""Instances of classes written in Python that pickle would write well and not be able to load.

Pickle makes an object with ``cls.__new__(cls)`` and sets its state by what the class says. That fails at the load, when
the old process is gone, where ``__new__`` wants arguments, where ``__class__`` or ``__getattr__`` answer for something
else, where ``__setattr__`` refuses, and where an object must be hashed (it is in a set that it refers to) before its
state is there.
"""

from __future__ import annotations

import copyreg
import types
from dataclasses import dataclass
from typing import Any, Final

from caesura.snapshot.forwarding import is_forwarding, set_state
from caesura.snapshot.reducing import Pickling, Reduced, Reducer, global_name

_SIMPLE: Final = frozenset({int, str, float, bool, type(None), bytes, complex})
_ATTRS_CACHED_HASH: Final = "_attrs_cached_hash"


def reducer_of_instances(cls: type, *, is_plain: bool) -> Reducer | None:
    """The reducer that instances of ``cls`` need, or None if pickle's own way is right.

    ``cls`` leaves its reduction to :class:`object`; ``is_plain``: no class above it is written in C.
    """
    _note_slots(cls)
    base = _base_of_new(cls)
    get_state = _attribute(cls, "__getstate__")
    is_attrs = hasattr(cls, "__attrs_attrs__") and getattr(get_state, "__name__", "") == "slots_getstate"
    is_set_from_outside = is_attrs or is_forwarding(cls) or _guards_its_slots(cls)
    has_own_hash = get_state is object.__getstate__ and isinstance(cls.__hash__, types.FunctionType)
    is_odd = base is not None or (is_plain and (is_set_from_outside or _lies(cls)))
    if not is_odd and not (is_plain and has_own_hash):
        return None
    return _Instances(base, is_set_from_outside, has_own_hash, is_attrs, is_odd)


@dataclass(frozen=True)
class _Instances:
    """``base``: the class whose ``__new__`` is called instead of that of the object's class; None if that one is fit.
    ``is_odd``: pickle's own way is never right."""

    base: type | None
    is_set_from_outside: bool
    has_own_hash: bool
    is_attrs: bool
    is_odd: bool

    def __call__(self, pickler: Pickling, obj: Any) -> Reduced:
        if not self.is_odd and _early_state(object.__getstate__(obj)) is None:
            return NotImplemented
        make, arguments, state, items, pairs = (*object.__reduce_ex__(obj, 5), None, None, None)[:5]
        if make is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
            cls, given, named = arguments
        else:
            cls, *given = arguments
            named = {}
        if self.is_attrs:
            state = _state_of_attrs(obj)
        head = (cls, self.base or cls, self.base is not None and global_name(cls) is not None, tuple(given), named)
        early = _early_state(state) if self.has_own_hash and state else None
        if early is not None:
            return make_hashed, (*head, early), state, items, pairs, set_whole_state
        set_it = set_state if self.is_set_from_outside and state is not None else None
        return make_instance, head, state, items, pairs, set_it


def make_instance(cls: Any, base: Any, is_fallback: bool, arguments: Any, named: Any) -> object:
    """``is_fallback``: the class gets its own way first, since a module may keep one object of it."""
    if is_fallback:
        try:
            return cls.__new__(cls, *arguments, **named)
        except TypeError:
            pass  # it wants arguments that nobody has kept
    return base.__new__(cls, *arguments, **named)


def make_hashed(cls: Any, base: Any, is_fallback: bool, arguments: Any, named: Any, early: dict[str, Any]) -> object:
    made = make_instance(cls, base, is_fallback, arguments, named)
    for name, value in early.items():
        object.__setattr__(made, name, value)
    return made


def set_whole_state(obj: Any, state: Any) -> None:
    """All attributes in their order: those that were set for the hash are among them."""
    if not isinstance(state, tuple) or state[0]:
        object.__getattribute__(obj, "__dict__").clear()
    set_state(obj, state)


def _early_state(state: Any) -> dict[str, Any] | None:
    """The attributes that a hash may be made of and that cannot lead back to the object; None if that is all of them,
    or none."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if not slots and (not attributes or _SIMPLE.issuperset(map(type, attributes.values()))):
        return None
    whole = {**(attributes or {}), **(slots or {})}
    early = {name: value for name, value in whole.items() if _is_simple(value)}
    return early if 0 < len(early) < len(whole) else None


def _is_simple(value: object) -> bool:
    if type(value) in (tuple, frozenset):
        return all(map(_is_simple, value))  # type: ignore[call-overload]
    return type(value) in _SIMPLE


def _base_of_new(cls: type) -> type | None:
    """The class whose ``__new__`` takes what pickle has for it, if it is not the one that ``cls`` has.

    Pickle gives ``__new__`` what ``__getnewargs__`` gave, and nothing where there is none. A ``__new__`` that was
    written without thinking of that, further down, wants something else.
    """
    for base in cls.__mro__:
        names = base.__dict__
        if "__getnewargs__" in names or "__getnewargs_ex__" in names:
            return None
        if "__new__" in names:
            if not isinstance(names["__new__"], staticmethod):
                return None
            break
    for base in cls.__mro__:
        names = base.__dict__
        if "__getnewargs__" in names or "__getnewargs_ex__" in names:
            return base
        if "__new__" in names and not isinstance(names["__new__"], staticmethod):
            return base
    return None


def _guards_its_slots(cls: type) -> bool:
    """Whether pickle would set slots through a ``__setattr__`` of the class, which may refuse."""
    guards = isinstance(cls.__setattr__, types.FunctionType) and not hasattr(cls, "__setstate__")
    return guards and bool(_slot_names(cls))


def _attribute(cls: type, name: str) -> object:
    return getattr(cls, name)


def _lies(cls: type) -> bool:
    return any("__class__" in base.__dict__ for base in cls.__mro__[:-1])


def _slot_names(cls: type) -> list[str]:
    stand_in: Any = types.SimpleNamespace(__mro__=cls.__mro__, __slots__=())
    names: list[str] = copyreg._slotnames(stand_in)  # type: ignore[attr-defined]
    return names


def _note_slots(cls: type) -> None:
    """Pickle keeps the slots of a class in ``__slotnames__``: a metaclass with a ``__setattr__`` need not see that."""
    if isinstance(type(cls).__setattr__, types.FunctionType) and "__slotnames__" not in cls.__dict__:
        type.__setattr__(cls, "__slotnames__", _slot_names(cls))


def _state_of_attrs(obj: Any) -> Any:
    """The slots of an object of attrs, cached properties among them, which its own ``__getstate__`` leaves out."""
    state = object.__getstate__(obj)
    if isinstance(state, tuple) and _ATTRS_CACHED_HASH in state[1]:
        return state[0], {**state[1], _ATTRS_CACHED_HASH: None}
    return state
