"""An iterator that is half consumed goes on after a move as it would have gone on."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from snapshot_iterators import ITERATOR_PROGRAMS
from snapshot_notebook import moves_that_change_nothing

from caesura.errors import CannotMove
from caesura.snapshot import call_values
from caesura.snapshot.itertools_objects import reduce_itertools_object


@pytest.mark.parametrize("name", ITERATOR_PROGRAMS)
def test_moving_a_cell_with_an_iterator_changes_nothing(name: str, tmp_path: Path) -> None:
    assert moves_that_change_nothing(ITERATOR_PROGRAMS[name], tmp_path) >= 1


NUMBERS = [1, 2, 3, 4, 5, 6]
MADE: dict[str, Callable[[], Iterator[Any]]] = {
    "count": lambda: itertools.count(3),
    "count by two": lambda: itertools.count(3, 2),
    "count of floats": lambda: itertools.count(1.5),
    "cycle": lambda: itertools.cycle(NUMBERS),
    "short cycle": lambda: itertools.cycle("ab"),
    "repeat": lambda: itertools.repeat("x", 4),
    "endless repeat": lambda: itertools.repeat("x"),
    "accumulate": lambda: itertools.accumulate(NUMBERS),
    "accumulate from a start": lambda: itertools.accumulate(NUMBERS, initial=4),
    "chain": lambda: itertools.chain(NUMBERS[:2], "ab"),
    "compress": lambda: itertools.compress(NUMBERS, [1, 0, 1, 0, 1, 1]),
    "dropwhile": lambda: itertools.dropwhile(lambda x: x < 2, NUMBERS),
    "takewhile": lambda: itertools.takewhile(lambda x: x < 3, NUMBERS),
    "filterfalse": lambda: itertools.filterfalse(lambda x: x % 2, NUMBERS),
    "islice": lambda: itertools.islice(NUMBERS, 1, 5, 2),
    "islice without an end": lambda: itertools.islice(NUMBERS, 2, None),
    "pairwise": lambda: itertools.pairwise(NUMBERS),
    "starmap": lambda: itertools.starmap(pow, [(1, 2), (3, 4), (5, 6)]),
    "zip_longest": lambda: itertools.zip_longest(NUMBERS, "ab", "wxyz", fillvalue=0),
    "product": lambda: itertools.product("ab", [1, 2]),
    "empty product": lambda: itertools.product("ab", ""),
    "permutations": lambda: itertools.permutations("abc", 2),
    "combinations": lambda: itertools.combinations("abcd", 2),
    "combinations with replacement": lambda: itertools.combinations_with_replacement("ab", 2),
    "tee": lambda: itertools.tee(range(130))[0],
}
if sys.version_info >= (3, 12):
    MADE["batched"] = lambda: cast("Iterator[Any]", itertools.batched(NUMBERS, 4))


@pytest.mark.parametrize("name", MADE)
def test_an_itertools_object_is_made_again_at_each_of_its_places(name: str) -> None:
    for place in range(9):
        moved, stayed = MADE[name](), MADE[name]()
        for _ in range(place):
            next(moved, None), next(stayed, None)
        make, parts = cast("tuple[Any, Any]", reduce_itertools_object(cast("Any", None), moved))
        assert list(itertools.islice(make(*parts), 9)) == list(itertools.islice(stayed, 9))


def test_what_the_module_of_another_process_may_not_contain_is_not_iterated_there() -> None:
    with pytest.raises(CannotMove, match="iterator over the contents of module itertools"):
        call_values.dumps(iter(vars(itertools)))


def test_an_iterator_can_be_an_argument_of_a_call() -> None:
    mapping = {"a": 1, "b": 2}
    half = iter(mapping.items())
    next(half)
    again, iterator = call_values.loads(call_values.dumps((mapping, half)))
    again["b"] = 3
    assert list(iterator) == [("b", 3)]
