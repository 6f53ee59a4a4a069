"""Sets of numbers and texts show their elements in the order that they had."""

from __future__ import annotations

import gc
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from snapshot_notebook import moves_that_change_nothing

from caesura.snapshot import set_order

PROGRAM = """
numbers = {3, 7, 11, 19}
frozen = frozenset({3, 7, 11, 19, 27})
mixed = set("hello world") | {1.5, 7, (2, "two")}
for i in range(200): mixed.add(i * 8)
for i in range(0, 200, 3): mixed.discard(i * 8)
popped = set(range(0, 800, 8))
for _ in range(30): popped.pop()
table = {"set": numbers, frozen: 1}
log = [list(numbers), list(frozen), list(mixed)]
for number in numbers:
    log.append((number, await turn()))
table["set"].add(42)
log += [list(numbers), list(frozen), list(mixed), popped.pop(), list(popped), table[frozen], 1600 in mixed, 8 in mixed]
result = log
"""


def test_a_cell_sees_the_same_order_after_a_move(tmp_path: Path) -> None:
    assert moves_that_change_nothing(PROGRAM, tmp_path) == 4


def element(choices: random.Random) -> Any:
    kinds = (
        lambda: choices.randrange(-50, 300),
        lambda: f"text {choices.randrange(60)}",
        lambda: (choices.randrange(5), f"part {choices.randrange(9)}"),
        lambda: choices.randrange(40) / 8,
        lambda: 10**30 + choices.randrange(20),
    )
    return choices.choice(kinds)()


def change(choices: random.Random, *same: set[Any]) -> None:
    """Do one thing to each of these sets, which are equal."""
    kind, some = choices.randrange(6), {element(choices) for _ in range(choices.randrange(40))}
    one, chosen = element(choices), choices.choice(list(same[0])) if same[0] else 0
    for each in same:
        if kind < 2:
            each.add(one)
        elif kind == 2:
            each.discard(chosen)
        elif kind == 3:
            each |= some
        elif kind == 4:
            each -= some
        elif each:
            each.pop()


def moved(each: Any) -> Any:
    """What comes back of a set, and whether its order had to be restored."""
    state = set_order.states([each])
    again, states = pickle.loads(pickle.dumps((each, [kept for _, kept in state])))
    for kept in states:
        set_order.restore(again, kept)
    return again, bool(state)


@pytest.mark.parametrize("seed", range(8))
def test_any_past_of_a_set_leads_to_the_same_future(seed: int) -> None:
    choices = random.Random(seed)
    restored = 0
    for _ in range(60):
        before: set[Any] = set()
        for _ in range(choices.randrange(30)):
            change(choices, before)
        after, was_restored = moved(before)
        restored += was_restored
        assert list(after) == list(before)
        for _ in range(10):
            change(choices, before, after)
            assert list(after) == list(before)
        frozen, _ = moved(frozenset(before))
        assert list(frozen) == list(frozenset(before))
        assert all(each in frozen for each in before)
    assert restored > 10


def test_a_restored_set_owns_what_it_holds_and_nothing_else() -> None:
    elements = [1000 + 64 * number for number in range(40)]
    original = set(elements)
    original.difference_update(elements[:20])
    original.update(elements)
    before = [sys.getrefcount(each) for each in elements]
    for _ in range(20):
        ((_, state),) = set_order.states([original])
        for each in (set(elements), frozenset(elements)):
            set_order.restore(each, state)
            assert list(each) == list(original)
        del each, state
    gc.collect()
    assert [sys.getrefcount(each) for each in elements] == before


def test_elements_with_another_hash_are_left_where_they_are() -> None:
    original = {3, 7, 11, 19}
    ((_, state),) = set_order.states([original])
    size, elements, places, hashes, left, finger = state
    again = set(elements)
    order = list(again)
    set_order.restore(again, (size, elements, places, [value + 1 for value in hashes], left, finger))
    assert list(again) == order


def test_sets_whose_order_depends_on_addresses_are_not_looked_at() -> None:
    assert set_order.states([{object(), object()}, {float("nan"), 1.0, 2.0}, {("a", object()), ("b", 1)}]) == []
