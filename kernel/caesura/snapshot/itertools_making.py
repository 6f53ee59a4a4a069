"""``itertools`` objects made again from the parts that :mod:`caesura.snapshot.itertools_reading` gives.

Made from the same parts, which takes nothing from the iterators below; then they get the fields that no argument says.
"""

from __future__ import annotations

import ctypes
import itertools
import typing
from collections.abc import Callable
from typing import Any

from caesura.snapshot.itertools_reading import A, B, C, D, E, Parts, ended
from caesura.snapshot.native import get_number, set_number, set_object


def _own(obj: object, offset: int, part: Parts) -> None:
    for value in part:
        set_object(obj, offset, value)


def _put(obj: object, offset: int, indexes: list[int]) -> None:
    if indexes:
        memory: Any = (ctypes.c_ssize_t * len(indexes)).from_address(get_number(obj, offset))
        memory[:] = indexes


def maker_with_flag(cls: Any) -> Callable[..., object]:
    def make(function: object, iterator: object, flag: int) -> object:
        made: object = cls(function, iterator)
        set_number(made, C, flag)
        return made

    return make


def make_chain(source: Any, active: Parts) -> object:
    made = itertools.chain.from_iterable(source)
    _own(made, B, active)
    return made


def make_cycle(iterator: Parts, saved: Any, index: int) -> object:
    made = itertools.cycle(iterator[0] if iterator else ())
    if not iterator:
        next(made, None)  # lets go of its iterator
    set_object(made, B, saved)
    set_number(made, C, index)
    return made


def make_pairwise(iterator: Any, before: Parts) -> object:
    made = itertools.pairwise(iterator)
    _own(made, B, before)
    return made


def make_accumulate(iterator: Any, function: Any, initial: Any, total: Parts) -> object:
    made = itertools.accumulate(iterator, function, initial=initial)
    _own(made, A, total)
    return made


def make_batched(iterator: Any, size: int, is_strict: bool) -> object:
    batched: Any = vars(itertools)["batched"]
    made: object = batched(iterator, size, strict=True) if is_strict else batched(iterator, size)
    return made


def make_zip_longest(iterators: list[Any], fill: object) -> object:
    return itertools.zip_longest(*iterators, fillvalue=fill)


def make_groupby(iterator: Any, key: Any, parts: list[Parts]) -> object:
    made: object = itertools.groupby(iterator, key)
    for offset, part in zip((C, D, E), parts, strict=True):
        _own(made, offset, part)
    return made


def make_grouper(*parts: Any) -> object:
    return vars(itertools)["_grouper"](*parts) if parts else ended()


def make_tee(data: Any, index: int) -> object:
    made: object = itertools.tee(())[0]
    set_object(made, A, data)
    ctypes.c_int.from_address(id(made) + B).value = index
    return made


def make_product(pools: Any, result: Parts, indexes: list[int], is_over: bool) -> object:
    return _at(itertools.product(*pools), result, is_over, C, (B, indexes))


def maker_of_combinations(cls: Any) -> Callable[..., object]:
    def make(pool: Any, length: int, result: Parts, indexes: list[int], is_over: bool) -> object:
        return _at(cls(pool, length), result, is_over, C, (B, indexes))

    return make


def make_permutations(
    pool: Any, length: int, result: Parts, indexes: list[int], cycles: list[int], is_over: bool
) -> object:
    return _at(itertools.permutations(pool, length), result, is_over, D, (B, indexes), (C, cycles))


def _at(made: Any, result: Parts, is_over: bool, place: int, *arrays: tuple[int, list[int]]) -> object:
    """``made`` after its ``result``. These take nothing from iterators: their pools are tuples."""
    if is_over:
        return ended()
    if result:
        next(made)
        for offset, indexes in arrays:
            _put(made, offset, indexes)
        _own(made, place, result)
    return typing.cast("object", made)
