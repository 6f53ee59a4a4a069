"""Objects of :mod:`functools` that are written in C: caches with what they hold, and keys for sorting.

A cache is filled in the last step of a load, when all that it holds can be hashed.
"""

from __future__ import annotations

import ctypes
import functools
import gc
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from caesura.errors import CannotMove
from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import Pickling, Reduced, global_name

_WORD: Final = ctypes.sizeof(ctypes.c_ssize_t)


class Kept(NamedTuple):
    """What a cache holds: the arguments of calls with their results, the oldest first, and its counts."""

    calls: list[tuple[tuple[Any, ...], dict[str, Any], Any]]
    hits: int
    misses: int


def reduce_lru_cache(pickler: Pickling, cached: Any) -> Reduced:
    name = global_name(cached)
    if name is not None:
        return import_global, name
    options = cached.cache_parameters()
    attributes = {key: value for key, value in vars(cached).items() if key != "__wrapped__"}
    info = cached.cache_info()
    if info.hits or info.misses:
        if _fields() is None:
            remedy = "This Python keeps caches in another way: call its cache_clear() before the await."
            raise CannotMove("functools.lru_cache with results", remedy=remedy)
        kept = Kept(list(_calls(cached, options["typed"])), info.hits, info.misses)
        pickler.later("cache", cached, kept)
    arguments = (cached.__wrapped__, options["maxsize"], options["typed"])
    return make_lru_cache, arguments, attributes, None, None, fill_lru_cache


def make_lru_cache(function: Any, maxsize: int | None, typed: bool) -> Any:
    # Not through update_wrapper: the function may still be without its name.
    return functools.lru_cache(maxsize=maxsize, typed=typed)(function)


def fill_lru_cache(cached: Any, attributes: dict[str, Any]) -> None:
    vars(cached).update(attributes)


def _calls(cached: Any, typed: bool) -> Iterator[tuple[tuple[Any, ...], dict[str, Any], Any]]:
    """The calls whose results a cache holds."""
    mark = _keyword_mark(cached)
    for key, result in _contents(cached):
        if type(key) is not tuple:
            yield (key,), {}, result  # a single int or str stands for itself
            continue
        marks = [index for index, part in enumerate(key) if part is mark]
        place = marks[0] if marks else len(key)
        rest = len(key) - place - len(marks[:1])
        if not typed:
            arguments, named = key[:place], key[place + 1 :]
        elif marks:
            # arguments, the mark, names and values, then a type for each argument and each value
            count = (rest - place) // 3
            arguments, named = key[:place], key[place + 1 : place + 1 + 2 * count]
        else:
            arguments, named = key[: len(key) // 2], ()
        yield arguments, dict(zip(named[::2], named[1::2], strict=True)), result


def _contents(cached: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and results, the oldest first."""
    if cached.cache_parameters()["maxsize"] is None:
        attributes = vars(cached)
        stored = next(part for part in gc.get_referents(cached) if type(part) is dict and part is not attributes)
        yield from stored.items()
        return
    # The collector is shown the type of the cache, then the key, the result and the type of each link
    # (``lru_cache_tp_traverse`` in https://github.com/python/cpython/blob/3.13/Modules/_functoolsmodule.c).
    parts = gc.get_referents(cached)
    for index in range(cached.cache_info().currsize):
        yield parts[1 + 3 * index], parts[2 + 3 * index]


def _keyword_mark(cached: Any) -> object:
    contents = 0 if cached.cache_parameters()["maxsize"] is None else 3 * cached.cache_info().currsize
    return next((part for part in gc.get_referents(cached)[1 + contents :] if type(part) is object), None)


class _Fields(NamedTuple):
    """Where a cache has its function and its counts, in bytes from its beginning."""

    function: int
    hits: int
    misses: int


@functools.cache
def _fields() -> _Fields | None:
    """Found on caches with known contents; None if they are not where one of them says."""

    def function(value: object) -> object:
        return value

    cached: Any = functools.lru_cache(maxsize=1234567)(function)
    for value in (*range(7), *([6] * 11)):
        cached(value)
    words = [
        ctypes.c_ssize_t.from_address(id(cached) + offset).value
        for offset in range(object.__basicsize__, type(cached).__basicsize__, _WORD)
    ]
    known = (id(function), 11, 7)
    if any(words.count(value) != 1 for value in known):
        return None
    return _Fields(*(object.__basicsize__ + _WORD * words.index(value) for value in known))


def fill_cache(cached: Any, kept: Kept) -> None:
    """Put results into a cache that is empty: they are given by a stand-in for its function, which it calls."""
    fields = _fields()
    assert fields is not None
    results = iter([result for _, _, result in kept.calls])

    def give(*_arguments: Any, **_named: Any) -> Any:
        return next(results)

    place = ctypes.c_ssize_t.from_address(id(cached) + fields.function)
    own = place.value
    place.value = id(give)
    try:
        for arguments, named, _ in kept.calls:
            cached(*arguments, **named)
    finally:
        place.value = own
    ctypes.c_ssize_t.from_address(id(cached) + fields.hits).value = kept.hits
    ctypes.c_ssize_t.from_address(id(cached) + fields.misses).value = kept.misses


def reduce_sort_key(pickler: Pickling, key: Any) -> Reduced:
    """What :func:`functools.cmp_to_key` gives, or one of its keys."""
    return make_sort_key, tuple(part for part in gc.get_referents(key) if part is not type(key))


def make_sort_key(compare: Any, *value: Any) -> object:
    make: Any = functools.cmp_to_key(compare)
    return make(*value) if value else make
