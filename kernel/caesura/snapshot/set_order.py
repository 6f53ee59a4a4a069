"""The order of sets over a move.

A set shows its elements in the order of their places in its table, which depends on all that was ever added to it and
taken from it. Pickle adds the elements one after the other to an empty set, which often gives another order. So the
places are saved where that is so, and the loaded set gets the same table.

Only for elements whose hash is the same in every process with the same ``PYTHONHASHSEED``: numbers, texts, bytes, and
tuples of these. The order of other sets has to do with addresses.

Layout: ``PySetObject`` in https://github.com/python/cpython/blob/3.13/Include/cpython/setobject.h, the same in 3.11 to
3.14. It is tried on a set made for the purpose; where that fails, sets keep the order that pickle gives them.
"""

from __future__ import annotations

import ctypes
import functools
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from caesura.snapshot.native import get_number, set_number

_FILL: Final = 16
_USED: Final = 24
_MASK: Final = 32
_TABLE: Final = 40
_FINGER: Final = 56
_SMALL_TABLE: Final = 64
_SIZE_BYTES: Final = 200
_SMALLEST: Final = 8

_BATCH: Final = 1000
"""So many elements are added at a time when a set is loaded (``BATCHSIZE`` in CPython's Modules/_pickle.c)."""

_IN_STREAM: Final = re.compile(rb"\x8f\x94|\x91\x94")
"""A set or frozenset, and that it is remembered. (Other bytes may look like that.)"""

_LARGEST: Final = 20_000
_MOST: Final = 1000
_LONGEST_BYTES: Final = 256 << 10
"""Elements of a set, sets, and bytes of a stream up to which the order is kept. Looking costs a third of what pickling
costs, which is to be felt where there is much."""

_STABLE: Final = frozenset({int, bool, str, bytes} | ({type(None)} if sys.version_info >= (3, 12) else set()))
_STABLE_IN_PART: Final = _STABLE | {float, complex, tuple}

State = tuple[int, list[object], list[int], list[int], list[int], int]
"""Size of the table; elements; their places; their hashes; places of what was taken out; where ``pop`` looks next."""


def is_to_be_kept(stream: Sequence[bytes]) -> bool:
    """Whether to look for sets: a stream of pickle contains some, and it is not so long that looking takes time."""
    return sum(map(len, stream)) <= _LONGEST_BYTES and any(map(_IN_STREAM.search, stream))


def states(written: Iterable[object]) -> list[tuple[set[Any] | frozenset[Any], State]]:
    """The sets among ``written`` that would come back with another table, and what :func:`restore` needs for them."""
    if not _is_proved():
        return []
    sets = [obj for obj in written if type(obj) is set or type(obj) is frozenset]
    if len(sets) > _MOST:
        return []
    return [(each, state) for each in sets if (state := _state(each)) is not None]


def _state(each: set[Any] | frozenset[Any]) -> State | None:
    if len(each) > _LARGEST or not _are_stable(each):
        return None
    size = get_number(each, _MASK) + 1
    elements = list(each)
    again, finger = _as_loaded(elements, type(each)), get_number(each, _FINGER)
    table = list(_table(each, size))
    if not finger and get_number(again, _MASK) + 1 == size and table == list(_table(again, size)):
        return None
    place_of = {table[index]: index // 2 for index in range(0, 2 * size, 2)}
    places = [place_of[id(element)] for element in elements]
    dummy = _dummy() if get_number(each, _FILL) > len(each) else 0
    dummies = [index for index in range(size) if table[2 * index] == dummy] if dummy else []
    return size, elements, places, [hash(element) for element in elements], dummies, finger


def _are_stable(elements: Iterable[Any]) -> bool:
    kinds = set(map(type, elements))
    if kinds <= _STABLE:
        return True
    if not kinds <= _STABLE_IN_PART:
        return False
    tuples = [element for element in elements if type(element) is tuple]
    # What is not equal to itself is hashed by its address.
    return all(element == element for element in elements) and all(map(_are_stable, tuples))


def _as_loaded(elements: list[Any], cls: type) -> set[Any] | frozenset[Any]:
    if cls is frozenset:
        return frozenset(elements)
    again: set[Any] = set()
    for start in range(0, len(elements), _BATCH):
        again.update(tuple(elements[start : start + _BATCH]))
    return again


# --- at the other end -----------------------------------------------------------------------------------------------


def restore(each: set[Any] | frozenset[Any], state: State) -> None:
    """Give a loaded set the table that it had. It stays as it is if its elements have other hashes here."""
    size, elements, places, hashes, dummies, finger = state
    if not _is_proved() or [hash(element) for element in elements] != hashes or set(elements) != each:
        return
    if get_number(each, _MASK) + 1 != size and not _resize(each, size):
        return
    table = _table(each, size)
    owned = [table[2 * index] for index in range(size) if table[2 * index] not in (0, _dummy())]
    for element in elements:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(element))
    words = [0] * (2 * size)
    for element, place, value in zip(elements, places, hashes, strict=True):
        words[2 * place], words[2 * place + 1] = id(element), value
    for place in dummies:
        words[2 * place], words[2 * place + 1] = _dummy(), -1
    table[:] = words
    set_number(each, _USED, len(elements))
    set_number(each, _FILL, len(elements) + len(dummies))
    set_number(each, _FINGER, finger)
    for word in owned:
        ctypes.pythonapi.Py_DecRef(ctypes.cast(word, ctypes.py_object))


def _resize(each: Any, size: int) -> bool:
    """Give a set a table of this size, with anything in it; whether that worked. If not, the set is unchanged."""
    other = set(range(size // 4 + 1 if size > _SMALLEST else 0))
    grown: set[int] = set()
    grown.update(other)  # a set that takes another one in makes room for twice as many
    if get_number(grown, _MASK) + 1 != size:
        return False
    if isinstance(each, set):
        each.clear()
        each.update(other)  # they go when the table is overwritten
        return True
    if min(size, get_number(each, _MASK) + 1) == _SMALLEST:
        return False
    for offset in (_FILL, _USED, _MASK, _TABLE):
        mine, its = get_number(each, offset), get_number(grown, offset)
        set_number(each, offset, its)
        set_number(grown, offset, mine)
    return True


# --- the proof ------------------------------------------------------------------------------------------------------


def _table(each: object, size: int) -> Any:
    return (ctypes.c_ssize_t * (2 * size)).from_address(get_number(each, _TABLE))


@functools.cache
def _dummy() -> int:
    """The address that stands in the place of an element that was taken out."""
    each = {1, 2, 3}
    each.discard(2)
    return int(_table(each, _SMALLEST)[4])


@functools.cache
def _is_proved() -> bool:
    first, last = 257, 259
    each = {first, 258, last}
    each.discard(258)
    numbers = [get_number(each, offset) for offset in (_FILL, _USED, _MASK, _FINGER)]
    if set.__basicsize__ != _SIZE_BYTES or numbers != [3, 2, _SMALLEST - 1, 0]:
        return False
    if get_number(each, _TABLE) != id(each) + _SMALL_TABLE:
        return False
    words = list(_table(each, _SMALLEST))
    dummy, empty = words[4], [0] * 8
    return words == [0, 0, id(first), first, dummy, -1, id(last), last, *empty] and dummy == _dummy() != 0
