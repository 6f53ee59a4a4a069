"""The rule of ``auto``: what a history makes of a wait, who else wants the worker, and when a cell has come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caesura.model import AllOf, AnyOf, CallKind, OnOp, Wait, Wake
from caesura.policy import BUSY, Cost, Decision, Demand, History, break_even_s, decide, parse
from caesura.policy.hazard import CAP
from caesura.policy.rest import Rest, all_of, any_of, ends_in, from_history
from caesura.policy.samples import CHANGE_CALLS

START = 1_700_000_000.0
COST = Cost(4.0, 3.0)
BETA_S = 10.0
"""The break-even wait of ``COST`` when somebody wants the worker."""


def call(key: str = "f", since: float = START, due: float | None = None) -> Wait:
    return Wait(key, CallKind.FUNCTION, key, key, since, due)


def history_of(*durations_s: float, key: str = "f") -> History:
    history = History()
    for duration_s in durations_s:
        history.add(key, "function", duration_s)
    return history


def after(
    elapsed_s: float,
    *waits: Wait,
    history: History | None = None,
    cost: Cost = COST,
    demand: Demand = BUSY,
    wake: Wake | None = None,
    resumed_s: float | None = None,
) -> Decision:
    return decide(
        parse("auto"),
        waits or (call(),),
        START + elapsed_s,
        history or History(),
        cost,
        elapsed_s,
        wake,
        demand=demand,
        resumed_s=resumed_s,
    )


# --- one wait -------------------------------------------------------------------------------------------------------


def test_the_first_call_ever_is_held_for_as_long_as_a_move_costs() -> None:
    assert after(0.0).at == START + BETA_S
    assert after(BETA_S).action == "suspend"


def test_a_call_that_always_takes_long_is_let_go_at_once_and_a_short_one_never() -> None:
    assert after(0.0, history=history_of(*[20.0] * 20)).action == "suspend"
    short = history_of(*[0.05] * 40)
    held = after(0.0, history=short)
    assert (held.action, held.at is not None and held.at > START + 0.05) == ("hold", True)


def test_of_two_modes_the_first_is_waited_for_and_the_second_is_not() -> None:
    history = history_of(*[1.0, 1.0, 1.0, 1.0, 600.0] * 20)
    first = after(0.0, history=history)
    assert first.at is not None
    assert 1.0 < first.at - START < 5.0
    assert after(first.at - START, history=history).action == "suspend"


def test_no_wait_is_held_for_more_than_four_break_even_waits() -> None:
    history = history_of(*[BETA_S * 0.9] * 200)
    for elapsed_s in (0.0, 9.5, 20.0, 39.0):
        decision = after(elapsed_s, history=history)
        assert decision.action == "suspend" or (decision.at or 0.0) <= START + CAP * BETA_S + 1e-6
    assert after(CAP * BETA_S, history=history).action == "suspend"


def test_a_known_end_is_used_exactly() -> None:
    assert after(0.0, call(due=START + 10.5)).action == "suspend"
    assert after(0.0, call(due=START + 9.5)).action == "hold"


def test_a_session_that_grows_is_held_from_where_moving_costs_what_the_wait_takes() -> None:
    history = history_of(*[20.0] * 60)
    sizes = [Cost(0.4 * beta_s, 0.3 * beta_s) for beta_s in range(10, 40)]
    held = [break_even_s(cost, BUSY) for cost in sizes if after(0.0, history=history, cost=cost).action == "hold"]
    assert held == pytest.approx([break_even_s(cost, BUSY) for cost in sizes][-len(held) :])  # one flip
    assert 15 <= held[0] <= 25


# --- a history that changes, lies, or is gone ----------------------------------------------------------------------


def decisions_over(history: History, duration_s: float, calls: int) -> list[str]:
    found = []
    for _ in range(calls):
        found.append(after(0.0, history=history).action)
        history.add("f", "function", duration_s)
    return found


@pytest.mark.parametrize(("before_s", "after_s", "action"), [(0.05, 20.0, "suspend"), (20.0, 0.05, "hold")])
def test_a_call_that_becomes_another_one_is_decided_anew_within_twelve_calls(
    before_s: float, after_s: float, action: str
) -> None:
    history = history_of(*[before_s] * 120)
    assert set(decisions_over(history, after_s, 60)[CHANGE_CALLS:]) == {action}


def test_what_was_wiped_is_a_first_call_again() -> None:
    history = history_of(*[20.0] * 40)
    assert after(0.0, history=history).action == "suspend"
    history.forget()
    assert after(0.0, history=history).at == START + BETA_S


def test_a_forged_history_is_followed() -> None:
    history = History()
    history.load([("f", "function", 500.0, False)] * 40)
    assert after(0.0, history=history).action == "suspend"


def test_where_the_past_misleads_no_wait_is_let_go_at_once() -> None:
    history = history_of(*[20.0] * 40)
    for _ in range(20):
        history.settle("f", 5.0, 1.0)
    held = after(0.0, history=history)
    assert (held.action, held.at) == ("hold", pytest.approx(START + 0.3 * BETA_S))


# --- who else wants the worker --------------------------------------------------------------------------------------


def test_while_nobody_wants_the_worker_a_long_wait_is_held() -> None:
    history = history_of(*[20.0] * 20)
    assert after(0.0, history=history, demand=Demand(0, 2)).action == "hold"
    assert after(0.0, history=history, demand=Demand(1, 2)).action == "suspend"


@given(st.integers(0, 20), st.integers(1, 8))
def test_the_more_wait_for_each_worker_the_sooner_a_move_pays(queued: int, workers: int) -> None:
    pays_s = [break_even_s(COST, Demand(count, workers)) for count in (queued, queued + 1)]
    assert pays_s[1] < pays_s[0]
    assert COST.save_s + COST.load_s < pays_s[1]


# --- after a resume -------------------------------------------------------------------------------------------------


def test_a_cell_that_has_just_come_back_stays_for_as_long_as_the_move_cost() -> None:
    history = history_of(*[20.0] * 20)
    held = after(0.0, history=history, resumed_s=1.0)
    assert (held.action, held.at) == ("hold", START + max(BETA_S, 14.0) - 1.0)
    assert "has come back lately" in held.reason
    assert after(0.0, history=history, resumed_s=14.0).action == "suspend"


# --- several waits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wake", "action"),
    [
        (AllOf((OnOp("quick"), OnOp("slow"))), "suspend"),
        (AnyOf((OnOp("quick"), OnOp("slow"))), "hold"),
        (AnyOf((AllOf((OnOp("quick"), OnOp("slow"))), OnOp("slow"))), "suspend"),
        (AllOf((AnyOf((OnOp("quick"), OnOp("slow"))), OnOp("quick"))), "hold"),
    ],
)
def test_all_of_waits_for_the_last_and_any_of_for_the_first(wake: Wake, action: str) -> None:
    history = history_of(*[0.1] * 20, key="quick")
    history.load([("slow", "function", 60.0, False)] * 20)
    assert after(0.0, call("quick"), call("slow"), history=history, wake=wake).action == action


def test_a_thousand_calls_of_one_kind_last_about_as_long_as_the_longest() -> None:
    history = history_of(*[1.0] * 60, *[30.0] * 5)
    waits = [Wait(f"o{n}", CallKind.FUNCTION, "f", "f", START) for n in range(1000)]
    wake = AllOf(tuple(OnOp(f"o{n}") for n in range(1000)))
    assert after(0.0, *waits, history=history, wake=wake).action == "suspend"
    assert after(0.0, waits[0], history=history).action == "hold"


ends = st.lists(st.floats(0.0, 1e4), min_size=1, max_size=30)


@given(ends, ends, st.floats(0.0, 1e4))
def test_together_they_last_at_least_as_long_as_each_and_the_first_at_most(
    first: list[float], second: list[float], moment: float
) -> None:
    parts = [
        from_history([(history_of(*some).weighed("f", "function")[0][0], 5.0)], 0.0, 10.0) for some in (first, second)
    ]
    alone = [part.outlasts(moment) for part in parts]
    assert all_of(parts).mean_s(1e5) >= max(part.mean_s(1e5) for part in parts) * (1 - 1e-9)
    assert any_of(parts).outlasts(moment) <= max(alone) + 1e-9


def test_the_rest_of_a_known_end_is_certain() -> None:
    rest = ends_in(5.0)
    assert (rest.outlasts(4.9), rest.outlasts(5.0), rest.mean_s()) == (1.0, 0.0, 5.0)
    assert Rest((), ()).mean_s(7.0) == 7.0
