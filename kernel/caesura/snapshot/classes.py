"""Classes of the notebook, by value: first an empty class of the right shape, then its attributes.

No metaclass's ``__new__``, no ``__init_subclass__`` of the notebook and no ``__set_name__`` runs again at a load: what
they did is in the attributes.
"""

from __future__ import annotations

import abc
import contextlib
import enum
import types
import uuid
import weakref
from collections.abc import Iterator
from typing import Any, Final, cast

from caesura.errors import CannotMove
from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import Pickling, Reduced, find_global, global_name

_HEAP_TYPE: Final = 1 << 9
_IMMUTABLE: Final = 1 << 8
_NOT_ATTRIBUTES: Final = frozenset({"__dict__", "__weakref__", "__module__", "__slots__", "_abc_impl"})
_TYPES_MODULE: Final = {id(value): name for name, value in vars(types).items() if isinstance(value, type)}
_NATIVE: Final = (type(None), type(NotImplemented), type(...))

_tokens: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
_by_token: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_unfilled: weakref.WeakSet[type] = weakref.WeakSet()


def token_for(cls: type) -> str:
    """The name under which a class by value is known: a process that gets it twice has it once."""
    token = _tokens.get(cls)
    if token is None:
        token = uuid.uuid4().hex
        _remember(cls, token)
    return token


def known_token(cls: type) -> str:
    """The name of a class that has one already, else the empty string."""
    return _tokens.get(cls, "")


def _remember(cls: type, token: str) -> None:
    _tokens[cls] = token
    _by_token[token] = cls


def reduce_class(pickler: Pickling, cls: type) -> Reduced:
    if cls in _NATIVE:
        return NotImplemented
    name = global_name(cls)
    if name is not None:
        is_plain = name[1] == cls.__qualname__ and find_global(*name) is cls
        return NotImplemented if is_plain else (import_global, name)
    if id(cls) in _TYPES_MODULE:
        return import_global, ("types", _TYPES_MODULE[id(cls)])
    if not cls.__flags__ & _HEAP_TYPE or cls.__flags__ & _IMMUTABLE:
        raise CannotMove(f"the type {cls.__module__}.{cls.__qualname__}", remedy="It cannot be imported by its name.")
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for special in ("__slots__", "__orig_bases__"):
        if special in cls.__dict__:
            namespace[special] = cls.__dict__[special]
    arguments = (type(cls), cls.__name__, cls.__bases__, namespace, pickler.token_of(cls))
    return make_class, arguments, (_attributes(cls), _registered(cls)), None, None, fill_class


def _attributes(cls: type) -> dict[str, Any]:
    own_descriptors = (types.MemberDescriptorType, types.GetSetDescriptorType)
    return {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _NOT_ATTRIBUTES and not (isinstance(value, own_descriptors) and value.__objclass__ is cls)
    }


def _registered(cls: type) -> list[type]:
    """The virtual subclasses of an abstract class."""
    if not isinstance(cls, abc.ABCMeta):
        return []
    dump = vars(abc)["_get_dump"](cls)
    return [found for reference in dump[0] if (found := reference()) is not None]


def make_class(meta: type, name: str, bases: tuple[type, ...], namespace: dict[str, Any], token: str) -> type:
    known = _by_token.get(token) if token else None
    if known is not None:
        return known
    new = abc.ABCMeta.__new__ if issubclass(meta, abc.ABCMeta) else type.__new__
    with _without_init_subclass(bases):
        cls = cast("type", new(meta, name, bases, dict(namespace)))
    if token:
        _remember(cls, token)
    _unfilled.add(cls)
    return cls


@contextlib.contextmanager
def _without_init_subclass(bases: tuple[type, ...]) -> Iterator[None]:
    """Keep ``__init_subclass__`` of classes by value from running: it ran when the class was made."""
    hooked: dict[type, Any] = {}
    for base in {ancestor for direct in bases for ancestor in direct.__mro__}:
        hook = base.__dict__.get("__init_subclass__")
        if hook is not None and base.__flags__ & _HEAP_TYPE and global_name(base) is None:
            hooked[base] = hook
            type.__setattr__(base, "__init_subclass__", classmethod(cast("Any", _do_nothing)))
    try:
        yield
    finally:
        for base, hook in hooked.items():
            type.__setattr__(base, "__init_subclass__", hook)


def _do_nothing(cls: type, **_options: object) -> None:
    return


def fill_class(cls: type, state: tuple[dict[str, Any], list[type]]) -> None:
    if cls not in _unfilled:
        return  # known in this process already, where it may have changed since
    _unfilled.discard(cls)
    for name, value in state[0].items():
        type.__setattr__(cls, name, value)
    for registered in state[1]:
        cast("abc.ABCMeta", cls).register(registered)


# --- members of enumerations by value -------------------------------------------------------------------------------


def reduce_enum_member(pickler: Pickling, member: enum.Enum) -> Reduced:
    cls = type(member)
    if global_name(cls) is not None:
        return NotImplemented
    data: Any = next(base for base in cls.__mro__ if not base.__flags__ & _HEAP_TYPE)
    content = () if data is object else (data(member),)
    return make_enum_member, (cls, member._name_, content), dict(member.__dict__), None, None, fill_enum_member


def make_enum_member(cls: type[enum.Enum], name: str | None, content: tuple[Any, ...]) -> enum.Enum:
    known = cast("Any", cls.__dict__.get("_member_map_", {})).get(name)
    if known is not None:
        return cast("enum.Enum", known)
    new = vars(type(content[0]) if content else object)["__new__"]
    return cast("enum.Enum", new(cls, *content))


def fill_enum_member(member: enum.Enum, state: dict[str, Any]) -> None:
    if "_value_" not in member.__dict__:
        member.__dict__.update(state)
