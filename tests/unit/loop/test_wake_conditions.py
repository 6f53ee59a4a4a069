"""Conditions are put together in their shortest form, and mean the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from caesura.loop.wake import NEVER, all_of, any_of
from caesura.model import AllOf, AnyOf, AtTime, OnOp, Wake, is_satisfied

A, B, C = OnOp("a"), OnOp("b"), OnOp("c")


def test_one_part_is_itself() -> None:
    assert any_of([A]) == A
    assert all_of([A], fail_fast=True) == A


def test_nothing_never_comes_true() -> None:
    assert any_of([]) == NEVER
    assert any_of([NEVER, A]) == A


def test_nested_conditions_of_a_kind_are_flat() -> None:
    assert any_of([A, any_of([B, A])]) == AnyOf((A, B))
    assert all_of([A, all_of([B, C], fail_fast=True)], fail_fast=True) == AllOf((A, B, C), fail_fast=True)


def test_an_inner_group_that_keeps_its_errors_is_not_mixed_with_an_outer_one_that_fails() -> None:
    inner = all_of([A, B])
    assert all_of([inner, C], fail_fast=True) == AllOf((inner, C), fail_fast=True)


def test_of_several_times_only_the_one_that_matters_is_left() -> None:
    assert any_of([AtTime(5.0), AtTime(3.0), A]) == AnyOf((A, AtTime(3.0)))
    assert all_of([AtTime(5.0), AtTime(3.0)]) == AtTime(5.0)


def test_a_group_with_a_part_that_never_comes_can_only_fail() -> None:
    assert all_of([A, NEVER]) == NEVER
    only_failure = all_of([A, NEVER], fail_fast=True)
    assert not is_satisfied(only_failure, {"a": True}, 0.0)
    assert is_satisfied(only_failure, {"a": False}, 0.0)


leaves = st.one_of(st.sampled_from([A, B, C]), st.builds(AtTime, st.sampled_from([1.0, 2.0, 3.0])))


@settings(deadline=None)
@given(
    parts=st.lists(leaves, min_size=1, max_size=5),
    answers=st.dictionaries(st.sampled_from("abc"), st.booleans()),
    now=st.sampled_from([0.5, 1.5, 2.5, 3.5]),
)
def test_the_short_form_means_what_the_long_one_means(parts: list[Wake], answers: dict[str, bool], now: float) -> None:
    assert is_satisfied(any_of(parts), answers, now) == is_satisfied(AnyOf(tuple(parts)), answers, now)
    assert is_satisfied(all_of(parts), answers, now) == is_satisfied(AllOf(tuple(parts)), answers, now)
