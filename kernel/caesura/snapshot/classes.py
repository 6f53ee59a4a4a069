"""Classes of the notebook, by value: first an empty class of the right shape, then its attributes.

No metaclass's ``__new__``, no ``__init_subclass__`` of the notebook and no ``__set_name__`` runs again at a load: what
they did is in the attributes.
"""

from __future__ import annotations

import abc
import contextlib
import enum
import gc
import importlib
import sys
import types
import uuid
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from caesura.errors import CannotMove
from caesura.snapshot import models
from caesura.snapshot.class_namespaces import note_class
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
    if type(cls).__module__ == "_ctypes":
        from caesura.snapshot import ctypes_objects

        return ctypes_objects.reduce_type(pickler, cls)
    if not cls.__flags__ & _HEAP_TYPE or cls.__flags__ & _IMMUTABLE:
        if _is_found_by_importing(cls):
            return NotImplemented
        raise CannotMove(f"the type {cls.__module__}.{cls.__qualname__}", remedy="It cannot be imported by its name.")
    note_class(cls)
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for special in ("__slots__", "__orig_bases__"):
        if special in cls.__dict__:
            namespace[special] = cls.__dict__[special]
    arguments = (type(cls), cls.__name__, cls.__bases__, namespace, pickler.token_of(cls))
    state = (_attributes(cls), _registered(cls), _registered_with(cls))
    return make_class, arguments, state, None, None, fill_class


def _is_found_by_importing(cls: type) -> bool:
    """Whether the standard library has the class under its name in a module that nobody has imported yet: what
    ``t"..."`` makes is named after ``string.templatelib`` and needs no import."""
    if cls.__module__ in sys.modules or cls.__module__.partition(".")[0] not in sys.stdlib_module_names:
        return False
    with contextlib.suppress(ImportError):
        importlib.import_module(cls.__module__)
    return find_global(cls.__module__, cls.__qualname__) is cls


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


def _registered_with(cls: type) -> list[abc.ABCMeta]:
    """The abstract classes of modules with which ``cls`` is registered."""
    # Such a class keeps a weak reference in one of its sets, whose callback takes it out.
    references = [each for each in weakref.getweakrefs(cls) if issubclass(type(each), weakref.ref)]
    if not any(getattr(each.__callback__, "__name__", "") == "_destroy" for each in references):
        return []
    return [found for found in _abstract_classes() if cls in _registered(found) and global_name(found) is not None]


def _abstract_classes() -> Iterator[abc.ABCMeta]:
    waiting: list[type] = [object]
    seen: set[type] = set()
    while waiting:
        cls = waiting.pop()
        if isinstance(cls, abc.ABCMeta):
            yield cls
        new: Any = set(type.__subclasses__(cls)) - seen
        seen |= new
        waiting += new


def make_class(meta: type, name: str, bases: tuple[type, ...], namespace: dict[str, Any], token: str) -> type:
    known = _by_token.get(token) if token else None
    if known is not None:
        return known
    new: Any = abc.ABCMeta.__new__ if issubclass(meta, abc.ABCMeta) else type.__new__
    try:
        with _without_init_subclass(bases, _is_by_value):
            cls = cast("type", new(meta, name, bases, dict(namespace)))
    except TypeError:
        # The hook of a module's class wants what stood in the class statement; it has had it.
        with _without_init_subclass(bases, lambda base: True):
            cls = cast("type", new(meta, name, bases, dict(namespace)))
    if token:
        _remember(cls, token)
    _unfilled.add(cls)
    return cls


@contextlib.contextmanager
def _without_init_subclass(bases: tuple[type, ...], is_meant: Callable[[type], bool]) -> Iterator[None]:
    """Keep ``__init_subclass__`` of such classes from running: it ran when the class was made."""
    hooked: dict[type, Any] = {}
    for base in {ancestor for direct in bases for ancestor in direct.__mro__}:
        hook = base.__dict__.get("__init_subclass__")
        if hook is not None and base.__flags__ & _HEAP_TYPE and is_meant(base):
            hooked[base] = hook
            type.__setattr__(base, "__init_subclass__", classmethod(cast("Any", _do_nothing)))
    try:
        yield
    finally:
        for base, hook in hooked.items():
            type.__setattr__(base, "__init_subclass__", hook)


def _is_by_value(cls: type) -> bool:
    return global_name(cls) is None


def _do_nothing(cls: type, **_options: object) -> None:
    return


def fill_class(cls: type, state: tuple[dict[str, Any], list[type], list[abc.ABCMeta]]) -> None:
    if cls not in _unfilled:
        return  # known in this process already, where it may have changed since
    _unfilled.discard(cls)
    attributes, registered, registered_with = state
    for name, value in attributes.items():
        if _is_taken(type(cls), name):
            gc.get_referents(vars(cls))[0][name] = value
        else:
            type.__setattr__(cls, name, value)
    type.__setattr__(cls, "__module__", cls.__module__)  # the interpreter forgets what it knew of the class
    for each in registered:
        cast("abc.ABCMeta", cls).register(each)
    for abstract in registered_with:
        abstract.register(cls)
    models.note_class(cls)


def _is_taken(meta: type, name: str) -> bool:
    """Whether setting an attribute of a class would set something of its metaclass instead."""
    for base in meta.__mro__:
        if name in base.__dict__ and base is not type:
            return hasattr(base.__dict__[name], "__set__")
    return False


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
