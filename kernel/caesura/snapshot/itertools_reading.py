"""The parts of ``itertools`` objects that do not pickle themselves.

Objects are what the garbage collector is told of, told apart by the field in which each stands; numbers are read from
the fields beside. No pointer is followed that the collector does not know, but those to arrays of indexes.

Layouts: https://github.com/python/cpython/blob/3.14/Modules/itertoolsmodule.c.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from typing import Any, Final

from caesura.snapshot.native import get_number

A: Final = 16
B: Final = 24
C: Final = 32
D: Final = 40
E: Final = 48
F: Final = 56
"""Offsets of the fields, which are words, behind the head of the object."""

Parts = tuple[Any, ...]


def _part(obj: object, offset: int) -> Parts:
    """What the field refers to, or nothing if it is empty."""
    word = get_number(obj, offset)
    return tuple(part for part in gc.get_referents(obj) if id(part) == word)[:1]


def _iterator(obj: object, offset: int) -> Any:
    """The iterator in the field; an ended one takes its place if the object has let go of it."""
    return next(iter(_part(obj, offset)), ended())


def ended() -> Iterator[Any]:
    return iter(())


def _number(obj: object, offset: int) -> int:
    return ctypes.c_int.from_address(id(obj) + offset).value


def _indexes(obj: object, offset: int, count: int) -> list[int]:
    return list((ctypes.c_ssize_t * count).from_address(get_number(obj, offset)))


def read_both(obj: object) -> Parts:
    return _iterator(obj, A), _iterator(obj, B)


def read_count(obj: object) -> Parts:
    large = _part(obj, B)
    return (*large, *_part(obj, C)) if large else (get_number(obj, A), 1)


def read_repeat(obj: object) -> Parts:
    times = get_number(obj, B)
    return (*_part(obj, A), times) if times >= 0 else _part(obj, A)


def read_islice(obj: object) -> Parts:
    if not _part(obj, A):
        return ended(), 0, 0, 1
    following, stop, step, taken = (get_number(obj, offset) for offset in (B, C, D, E))
    return _iterator(obj, A), following - taken, None if stop < 0 else stop - taken, step


def read_accumulate(obj: object) -> Parts:
    function, initial = next(iter(_part(obj, C)), None), next(iter(_part(obj, D)), None)
    return _iterator(obj, B), function, initial, _part(obj, A)


def read_batched(obj: Any) -> Parts:
    size = get_number(obj, B)
    is_strict = type(obj).__basicsize__ > C and bool(get_number(obj, C) & 1)
    return (_iterator(obj, A), size, is_strict) if size > 0 else (ended(), 1, False)


def read_zip_longest(obj: object) -> Parts:
    (iterators,) = _part(obj, C)
    # The tuple has empty places where an iterator has ended.
    places = (ctypes.c_ssize_t * get_number(obj, A)).from_address(id(iterators) + tuple.__basicsize__)
    found = {id(part): part for part in gc.get_referents(iterators)}
    left = [found[word] if word else ended() for word in places] if get_number(obj, B) else []
    return left, next(iter(_part(obj, E)), None)


def read_groupby(obj: object) -> Parts:
    return _iterator(obj, A), *_part(obj, B), [_part(obj, offset) for offset in (C, D, E)]


def read_grouper(obj: object) -> Parts:
    (parent,) = _part(obj, A)
    # A group of which the parent knows nothing any more gives nothing.
    return (parent, *_part(obj, B)) if get_number(parent, F) == id(obj) else ()


def read_tee(obj: object) -> Parts:
    return *_part(obj, A), _number(obj, B)


def read_tee_data(obj: object) -> Parts:
    count = _number(obj, B)
    words = (ctypes.c_ssize_t * count).from_address(id(obj) + D)
    found = {id(part): part for part in gc.get_referents(obj)}
    return _iterator(obj, A), [found[word] for word in words], next(iter(_part(obj, C)), None)


def read_product(obj: object) -> Parts:
    (pools,) = _part(obj, A)
    result = _part(obj, C)
    return pools, result, _indexes(obj, B, len(pools)) if result else [], bool(_number(obj, D))


def read_combinations(obj: object) -> Parts:
    (pool,) = _part(obj, A)
    result, length = _part(obj, C), get_number(obj, D)
    return pool, length, result, _indexes(obj, B, length) if result else [], bool(_number(obj, E))


def read_permutations(obj: object) -> Parts:
    (pool,) = _part(obj, A)
    result, length = _part(obj, D), get_number(obj, E)
    indexes = (_indexes(obj, B, len(pool)), _indexes(obj, C, length)) if result else ([], [])
    return pool, length, result, *indexes, bool(_number(obj, F))


def read_cycle(obj: object) -> Parts:
    # Up to 3.13 the index is 0 in the first round, from 3.14 on it is -1: as in the object that is made.
    return _part(obj, A), *_part(obj, B), get_number(obj, C)


def read_pairwise(obj: object) -> Parts:
    return (_iterator(obj, A), _part(obj, B)) if _part(obj, A) else (ended(), ())


def read_chain(obj: object) -> Parts:
    return _iterator(obj, A), _part(obj, B)


def read_with_flag(obj: object) -> Parts:
    return *read_both(obj), get_number(obj, C)
