"""Iterators over dicts, ordered dicts, sets, lists and deques that have been begun.

Pickle writes a dict's iterator as one over a list of what is left: it no longer shows values that are set later, and
raises nothing when the dict changes. Here it comes back over the same dict, at the same position, with what it knew of
the dict's size. A position is counted in entries: the dict at the other end has no holes.

Layouts: ``dictiterobject`` in https://github.com/python/cpython/blob/3.13/Objects/dictobject.c, ``setiterobject`` in
setobject.c, ``odictiterobject`` in odictobject.c beside it; the same in 3.11 to 3.14.
"""

from __future__ import annotations

import collections
import functools
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.native import get_number, get_object, set_number, set_object
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced
from caesura.snapshot.unmovable import kind_name

_OWNER: Final = 16
_SIZE: Final = 24
_POSITION: Final = 32
_LEFT: Final = 48
"""Offsets in iterators over dicts; those over sets have the first three."""

_ORDERED_OWNER: Final = 24
_ORDERED_SIZE: Final = 32
_ORDERED_STATE: Final = 40
_ORDERED_KEY: Final = 48

_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "keys": dict.__iter__,
    "values": lambda mapping: iter(dict.values(mapping)),
    "items": lambda mapping: iter(dict.items(mapping)),
    "reversed keys": dict.__reversed__,
    "reversed values": lambda mapping: reversed(dict.values(mapping)),
    "reversed items": lambda mapping: reversed(dict.items(mapping)),
}
_KIND_OF: Final = {type(make({})): kind for kind, make in _KINDS.items()}
DICT_ITERATORS: Final = frozenset(_KIND_OF)

_Ordered = collections.OrderedDict
_ORDERED_KINDS: Final[dict[int, Callable[[Any], Any]]] = {
    2: _Ordered.__iter__,
    4: lambda mapping: iter(_Ordered.values(mapping)),
    6: lambda mapping: iter(_Ordered.items(mapping)),
    3: _Ordered.__reversed__,
    5: lambda mapping: reversed(_Ordered.values(mapping)),
    7: lambda mapping: reversed(_Ordered.items(mapping)),
}
_KIND: Final = 16
_KIND_BITS: Final = 7

ORDERED_DICT_ITERATOR: Final[Any] = type(iter(_Ordered()))
SET_ITERATOR: Final[Any] = type(iter(set()))
LIST_ITERATORS: Final[Any] = (type(iter([])), type(reversed([])))
REVERSED_DEQUE: Final[Any] = type(reversed(collections.deque()))

_NEVER: Final = -1
"""A number of entries left that is not reached by counting down."""


# --- dicts ----------------------------------------------------------------------------------------------------------


def reduce_dict_iterator(pickler: Pickling, iterator: Any) -> Reduced:
    _demand(iterator)
    kind = _KIND_OF[type(iterator)]
    try:
        mapping: Any = get_object(iterator, _OWNER)
    except LookupError:
        return make_ended, (kind,)
    _refuse_modules(mapping)
    position = dict.__len__(mapping) - len(_rest(iterator, mapping, kind))
    pickler.later("iterator", iterator, (mapping, get_number(iterator, _SIZE), position, get_number(iterator, _LEFT)))
    return make_dict_iterator, (kind,)


def _rest(iterator: object, mapping: Any, kind: str) -> collections.deque[object]:
    """The keys that ``iterator`` has not come to, whatever it thinks of the size of its dict."""
    probe: Iterator[object] = _KINDS["reversed keys" if kind.startswith("reversed") else "keys"](mapping)
    set_number(probe, _POSITION, get_number(iterator, _POSITION))
    set_number(probe, _LEFT, _NEVER)
    return collections.deque(probe)  # a list would ask the probe for its length


def _refuse_modules(mapping: Any) -> None:
    name = mapping.get("__name__")
    if isinstance(name, str) and name not in NOTEBOOK_MODULES and "__spec__" in mapping:
        module = sys.modules.get(name)
        if isinstance(module, types.ModuleType) and module.__dict__ is mapping:
            raise CannotMove(f"iterator over the contents of module {name}", remedy="Iterate over a list of them.")


def make_dict_iterator(kind: str) -> object:
    """One over an empty dict, to be filled by :func:`fill_iterator`."""
    made: object = _KINDS[kind]({})
    return made


def make_ended(kind: str) -> object:
    made = _KINDS[kind]({})
    next(made, None)
    return made


def _fill_dict_iterator(iterator: Any, mapping: Any, size: int, position: int, left: int) -> None:
    _demand(iterator)
    at_place = _KINDS[_KIND_OF[type(iterator)]](mapping)
    next(itertools.islice(at_place, position, position), None)
    set_object(iterator, _OWNER, mapping)
    set_number(iterator, _POSITION, get_number(at_place, _POSITION))
    set_number(iterator, _SIZE, size)
    set_number(iterator, _LEFT, left)


# --- ordered dicts --------------------------------------------------------------------------------------------------


def reduce_ordered_dict_iterator(pickler: Pickling, iterator: Any) -> Reduced:
    _demand(iterator)
    kind = get_number(iterator, _KIND) & _KIND_BITS
    try:
        mapping: Any = get_object(iterator, _ORDERED_OWNER)
        key = (get_object(iterator, _ORDERED_KEY),)
    except LookupError:
        return make_ended_ordered, (kind,)
    behind = get_number(_Ordered.__iter__(mapping), _ORDERED_STATE) - get_number(iterator, _ORDERED_STATE)
    pickler.later("iterator", iterator, (mapping, get_number(iterator, _ORDERED_SIZE), behind, key))
    return make_ordered_iterator, (kind,)


def make_ordered_iterator(kind: int) -> object:
    made: object = _ORDERED_KINDS[kind](_Ordered())
    return made


def make_ended_ordered(kind: int) -> object:
    made = _ORDERED_KINDS[kind](_Ordered())
    next(made, None)
    return made


def _fill_ordered_iterator(iterator: Any, mapping: Any, size: int, behind: int, key: tuple[object]) -> None:
    _demand(iterator)
    state = get_number(_Ordered.__iter__(mapping), _ORDERED_STATE)
    set_object(iterator, _ORDERED_OWNER, mapping)
    set_object(iterator, _ORDERED_KEY, key[0])
    set_number(iterator, _ORDERED_SIZE, size)
    set_number(iterator, _ORDERED_STATE, state - behind)


# --- sets -----------------------------------------------------------------------------------------------------------


class SetIterator:
    """Goes on where an iterator over a set was, in the order in which that would have gone on.

    The order of a set that is built anew can be another one (it depends on the set's past, and on addresses), so the
    rest is a list. Like the original it raises RuntimeError when the set has another size than at its beginning.
    """

    def __init__(self, owner: set[Any] | frozenset[Any], size: int, rest: list[Any]) -> None:
        self._owner: set[Any] | frozenset[Any] | None = owner
        self._size = size
        self._rest = rest

    def __iter__(self) -> SetIterator:
        return self

    def __next__(self) -> Any:
        if self._owner is None:
            raise StopIteration
        if len(self._owner) != self._size:
            self._size = -1
            raise RuntimeError("Set changed size during iteration")
        if not self._rest:
            self._owner = None
            raise StopIteration
        return self._rest.pop()

    def __length_hint__(self) -> int:
        return len(self._rest) if self._owner is not None and len(self._owner) == self._size else 0


def reduce_set_iterator(pickler: Pickling, iterator: Any) -> Reduced:
    _demand(iterator)
    try:
        owner: Any = get_object(iterator, _OWNER)
    except LookupError:
        return make_ended_set, ()
    probe = iter(owner)
    set_number(probe, _POSITION, get_number(iterator, _POSITION))
    state = {"_owner": owner, "_size": get_number(iterator, _SIZE), "_rest": list(probe)[::-1]}
    return object.__new__, (SetIterator,), state


def make_ended_set() -> object:
    made: Iterator[object] = iter(set())
    next(made, None)
    return made


# --- lists and deques -----------------------------------------------------------------------------------------------


def reduce_list_iterator(pickler: Pickling, iterator: Any) -> Reduced:
    """The place is set when the list has its elements: before, ``__setstate__`` would cut it down."""
    make, arguments, *state = iterator.__reduce__()
    if not state:
        return (reversed if isinstance(iterator, LIST_ITERATORS[1]) else iter), ([],)
    pickler.later("iterator", iterator, (arguments[0], *state))
    return make, arguments


def _fill_list_iterator(iterator: Any, items: list[Any], place: int) -> None:
    iterator.__setstate__(place)


def reduce_reversed_deque(pickler: Pickling, iterator: Any) -> Reduced:
    # Its type cannot be imported by its name.
    return make_reversed_deque, iterator.__reduce__()[1]


def make_reversed_deque(items: collections.deque[Any], place: int) -> object:
    made: object = REVERSED_DEQUE(items, place)
    return made


# --- the last step --------------------------------------------------------------------------------------------------


def fill_iterator(iterator: object, state: tuple[Any, ...]) -> None:
    """Put an iterator over a container, which is whole now, where it was."""
    _FILL[type(iterator)](iterator, *state)


_FILL: Final[dict[type, Callable[..., None]]] = {
    **dict.fromkeys(DICT_ITERATORS, _fill_dict_iterator),
    **dict.fromkeys(LIST_ITERATORS, _fill_list_iterator),
    ORDERED_DICT_ITERATOR: _fill_ordered_iterator,
}


def _demand(iterator: object) -> None:
    if not _is_proved():
        remedy = "This build of Python keeps its iterators in a way that is not known; iterate over a list."
        raise CannotMove(kind_name(type(iterator)), remedy=remedy)


@functools.cache
def _is_proved() -> bool:
    """Whether the offsets of this file are those of this interpreter, tried on iterators made for it."""
    return all(_differences())


def _differences() -> Iterator[bool]:
    mapping = {"a": 1, "b": 2, "c": 3}
    for make in _KINDS.values():
        iterator = make(mapping)
        next(iterator)
        yield iterator.__sizeof__() == _LEFT + 8
        yield _numbers(iterator, _OWNER, _SIZE, _POSITION, _LEFT) == [id(mapping), 3, 1, 2]
    elements = {1, 2, 3}
    of_set: Any = iter(elements)
    next(of_set)
    yield of_set.__sizeof__() == _POSITION + 16
    yield _numbers(of_set, _OWNER, _SIZE, _POSITION) == [id(elements), 3, 2]
    ordered = _Ordered(mapping)
    ordered.move_to_end("a")
    keys = list(ordered)
    for number, make in _ORDERED_KINDS.items():
        iterator = make(ordered)
        next(iterator)
        yield iterator.__sizeof__() == _ORDERED_KEY + 16
        yield get_number(iterator, _KIND) & 0xFFFFFFFF == number
        yield _numbers(iterator, _ORDERED_OWNER, _ORDERED_SIZE, _ORDERED_KEY) == [id(ordered), 3, id(keys[1])]


def _numbers(obj: object, *offsets: int) -> list[int]:
    return [get_number(obj, offset) for offset in offsets]
