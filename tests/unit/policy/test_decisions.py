"""Hold or suspend: the rule as a table of sentences, and its laws."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesura.model import AllOf, AnyOf, AtTime, CallKind, OnOp, Wait, Wake
from caesura.policy import Cost, Decision, History, decide, parse

START = 1_700_000_000.0
CHEAP = Cost(0.01, 0.05)


def call(key: str, op_id: str = "", since: float = START, due: float | None = None) -> Wait:
    return Wait(op_id or key, CallKind.FUNCTION, key, key, since, due)


def timer(rest_s: float) -> Wait:
    return Wait("", CallKind.TIMER, "timer", "sleep", START, START + rest_s)


def known(**means: float) -> History:
    history = History()
    for key, mean_s in means.items():
        for _ in range(4):
            history.add(key, "function", mean_s)
    return history


def after(
    elapsed_s: float,
    policy: str,
    *waits: Wait,
    history: History | None = None,
    cost: Cost = CHEAP,
    wake: Wake | None = None,
) -> Decision:
    return decide(parse(policy), waits, START + elapsed_s, history or History(), cost, elapsed_s, wake)


# --- one wait -------------------------------------------------------------------------------------------------------

FAST_AND_SLOW = known(fast=0.05, slow=3.02)


@pytest.mark.parametrize(
    ("policy", "wait", "elapsed_s", "action", "again_s", "reason"),
    [
        ("always", call("fast"), 0.0, "suspend", None, "the policy is always: every wait leaves its worker"),
        (
            "never",
            call("slow"),
            9e9,
            "hold",
            None,
            "the policy is never: a cell keeps its worker while it waits",
        ),
        (
            "fixed:60",
            call("slow"),
            2.0,
            "hold",
            60.0,
            "the wait has lasted 2 s, less than the fixed threshold of 60 s",
        ),
        (
            "fixed:60",
            call("fast"),
            60.0,
            "suspend",
            None,
            "the wait has lasted 60 s, at least the fixed threshold of 60 s",
        ),
        ("fixed:0", call("fast"), 0.0, "suspend", None, "the wait has lasted 0 s, at least the fixed threshold of 0 s"),
        (
            "mean:1",
            call("slow"),
            0.0,
            "suspend",
            None,
            "slow has taken 3.02 s on average over 4 calls, at least the threshold of 1 s",
        ),
        (
            "mean:1",
            call("fast"),
            0.0,
            "hold",
            4.0,
            "fast has taken 0.05 s on average over 4 calls, less than the threshold of 1 s",
        ),
        (
            "mean:1",
            call("fast"),
            4.0,
            "suspend",
            None,
            "fast has taken 0.05 s on average over 4 calls, but this time it has lasted 4 s, "
            "far beyond the threshold of 1 s",
        ),
        (
            "mean:1",
            call("new"),
            0.0,
            "hold",
            1.0,
            "new has no history yet and has lasted 0 s, less than the threshold of 1 s",
        ),
        (
            "mean:1",
            call("new"),
            1.0,
            "suspend",
            None,
            "new has no history yet and has lasted 1 s, at least the threshold of 1 s",
        ),
        ("mean:1", timer(30.0), 0.0, "suspend", None, "sleep ends in 30 s, at least the threshold of 1 s"),
        ("mean:1", timer(0.5), 0.0, "hold", 4.5, "sleep ends in 0.5 s, less than the threshold of 1 s"),
        (
            "auto",
            timer(2.0),
            0.0,
            "suspend",
            None,
            "sleep ends in 2 s: not worth holding on to its worker; moving costs 0.06 s and pays from 0.11 s on, "
            "with 1 waiting for 1 worker",
        ),
        (
            "break-even",
            call("slow"),
            0.1,
            "hold",
            0.11,
            "the wait has lasted 0.1 s, less than the break-even threshold of 0.11 s",
        ),
    ],
)
def test_one_wait(policy: str, wait: Wait, elapsed_s: float, action: str, again_s: float | None, reason: str) -> None:
    decision = after(elapsed_s, policy, wait, history=FAST_AND_SLOW)
    assert decision.reason == reason
    assert decision.action == action
    assert decision.at == (None if again_s is None else START + again_s)
    assert decision.wait == wait


def test_a_call_that_was_started_long_ago_has_already_lasted_that_long() -> None:
    assert after(0.0, "mean:1", call("new", since=START - 5)).action == "suspend"


def test_the_first_call_does_not_borrow_the_decision_from_others_of_its_kind() -> None:
    decision = after(0.0, "mean:1", call("new"), history=known(slow=500.0))
    assert decision.action == "hold"
    assert decision.prediction.basis == "kind"


def test_one_call_of_50_ms_and_one_of_3_s_under_mean_1() -> None:
    history = History()
    moved: dict[str, list[bool]] = {"fast": [], "slow": []}
    for turn in range(10):
        for key, seconds in (("fast", 0.05), ("slow", 3.0)):
            decision = after(0.0, "mean:1", call(key), history=history)
            if decision.action == "hold" and decision.at is not None and decision.at < START + seconds:
                decision = after(decision.at - START, "mean:1", call(key), history=history)
            moved[key].append(decision.action == "suspend")
            if turn >= 2:
                assert decision.prediction.mean == pytest.approx(seconds, rel=0.2)
            history.add(key, "function", seconds)
    assert moved == {"fast": [False] * 10, "slow": [True] * 10}


def test_the_decisions_swap_when_the_calls_do() -> None:
    history = known(a=0.05, b=20.0)
    turns = 0
    while after(0.0, "mean:1", call("a"), history=history).action == "hold":
        history.add("a", "function", 20.0)
        turns += 1
    assert turns <= 2


# --- several waits --------------------------------------------------------------------------------------------------

A, B = OnOp("a"), OnOp("b")


@pytest.mark.parametrize(
    ("wake", "a_s", "b_s", "action", "decided_by"),
    [
        (AllOf((A, B)), 0.1, 30.0, "suspend", "b"),
        (AllOf((A, B)), 0.1, 0.2, "hold", "b"),
        (AllOf((A, B)), 20.0, 30.0, "suspend", "b"),
        (AnyOf((A, B)), 0.1, 30.0, "hold", "a"),
        (AnyOf((A, B)), 20.0, 30.0, "suspend", "a"),
        (AllOf((A, B)), None, 30.0, "suspend", "b"),
        (AllOf((A, B)), None, 0.1, "hold", "a"),
        (AnyOf((A, B)), None, 30.0, "hold", "a"),
        (None, 0.1, 30.0, "hold", "a"),
        (AnyOf((AllOf((A, B)), AtTime(START + 0.2))), 20.0, 30.0, "hold", ""),
        (AnyOf((AllOf((A, B)), AtTime(START + 90.0))), 20.0, 30.0, "suspend", "b"),
    ],
)
def test_all_of_lasts_as_long_as_its_longest_and_any_of_as_its_shortest(
    wake: Wake | None, a_s: float | None, b_s: float | None, action: str, decided_by: str
) -> None:
    means = {key: mean_s for key, mean_s in (("a", a_s), ("b", b_s)) if mean_s is not None}
    decision = after(0.0, "mean:1", call("a"), call("b"), history=known(**means), wake=wake)
    assert decision.action == action
    assert decision.wait is not None
    assert decision.wait.op_id == decided_by


def test_a_cell_that_waits_for_nothing_that_can_come_is_let_go_after_the_threshold() -> None:
    decision = after(0.0, "mean:1", wake=AnyOf(()))
    assert (decision.action, decision.at) == ("hold", START + 1)
    assert after(1.0, "mean:1", wake=AnyOf(())).action == "suspend"
    assert after(0.0, "always").action == "suspend"


# --- laws -----------------------------------------------------------------------------------------------------------

means = st.dictionaries(st.sampled_from("abc"), st.floats(0.0, 1e4), max_size=3)
waits = st.lists(
    st.builds(
        lambda key, ago, rest: call(key, since=START - ago, due=None if rest is None else START + rest),
        st.sampled_from("abc"),
        st.floats(0.0, 1e3),
        st.none() | st.floats(-10.0, 1e3),
    ),
    max_size=4,
)
wakes = st.recursive(
    st.sampled_from("abcd").map(OnOp) | st.floats(-10.0, 1e3).map(lambda rest_s: AtTime(START + rest_s)),
    lambda parts: st.lists(parts, max_size=3).map(tuple).flatmap(lambda p: st.sampled_from([AnyOf(p), AllOf(p)])),
    max_leaves=6,
)
conditions = st.none() | wakes
seconds = st.floats(0.0, 1e4)


@given(waits, means, conditions, seconds, seconds, seconds, st.sampled_from(["mean", "fixed"]))
def test_a_higher_threshold_never_suspends_what_a_lower_one_holds(
    waits: list[Wait],
    means: dict[str, float],
    wake: Wake | None,
    low_s: float,
    more_s: float,
    elapsed_s: float,
    name: str,
) -> None:
    history = known(**means)
    if after(elapsed_s, f"{name}:{low_s}", *waits, history=history, wake=wake).action == "hold":
        high = after(elapsed_s, f"{name}:{low_s + more_s}", *waits, history=history, wake=wake)
        assert high.action == "hold"


@given(waits, means, conditions, seconds, st.sampled_from(["auto", "always", "never", "mean:1", "mean:0", "fixed:3"]))
def test_a_decision_looks_ahead_says_why_and_is_made_when_its_time_comes(
    waits: list[Wait], means: dict[str, float], wake: Wake | None, elapsed_s: float, policy: str
) -> None:
    history = known(**means)
    decision = after(elapsed_s, policy, *waits, history=history, wake=wake)
    assert decision.reason
    assert "None" not in decision.reason
    if decision.action == "suspend":
        assert decision.at is None
    elif decision.at is not None:
        assert decision.at > START + elapsed_s
        later = after(decision.at - START, policy, *waits, history=history, wake=wake)
        assert later.action == "suspend"


def test_a_decision_takes_less_than_a_fifth_of_a_millisecond() -> None:
    history = History()
    for index in range(240):
        history.add("slow", "function", 3 + index / 100)
    fastest = 1.0
    for _ in range(50):
        begin = time.perf_counter()
        after(0.0, "mean:1", call("slow"), history=history)
        fastest = min(fastest, time.perf_counter() - begin)
    assert fastest < 0.0002
