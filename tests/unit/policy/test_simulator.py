"""Policies on rows of waits and on crowds of cells: the decisions of the package, with time as a number."""

from __future__ import annotations

from random import Random

import pytest

from caesura.errors import UsageError
from caesura.policy import Cost, Demand, History, parse
from caesura.policy.crowd import Arrival, arrivals_at, crowd
from caesura.policy.simulate import costing, interact, replay
from caesura.policy.trace import arrivals_of, read_trace
from caesura.policy.workloads import BETA_S, CHANGING, COLD, STATIONARY

COST = costing(BETA_S)


def ratio(policy: str, *durations_s: float) -> float:
    return replay(parse(policy), durations_s, cost=COST).ratio


def test_a_clairvoyant_pays_the_wait_or_the_move_whichever_is_less() -> None:
    assert ratio("never", 5.0) == 1.0
    assert ratio("never", 40.0) == 4.0
    assert ratio("fixed:0", 5.0) == 2.0
    assert ratio("fixed:0", 40.0) == 1.0
    assert ratio("break-even", 40.0) == 2.0


@pytest.mark.parametrize("name", ["90 % 1 s, 10 % 600 s", "50 % 12 s, 50 % 600 s", "steady 30 s"])
def test_auto_is_close_to_a_clairvoyant_where_a_mean_or_a_threshold_is_not(name: str) -> None:
    durations = STATIONARY[name](Random(4), 400)
    assert ratio("auto", *durations) <= 1.2
    assert ratio("never", *durations) >= 2.9


def test_auto_turns_with_a_call_that_changes() -> None:
    durations = CHANGING["2 s and 60 s in turn, every 500"](Random(4), 1500)
    assert ratio("auto", *durations) <= 1.1
    assert ratio("break-even", *durations) >= 1.7


def test_first_calls_cost_at_most_about_half_more_than_they_have_to() -> None:
    random = Random(4)
    for workload in COLD.values():
        runs = [replay(parse("auto"), workload(random, 3), cost=COST) for _ in range(200)]
        paid = sum(outcome.cost_s for run in runs for outcome in run.outcomes)
        assert paid / sum(outcome.optimum_s for run in runs for outcome in run.outcomes) <= 1.75


def test_an_adversary_gains_at_most_a_factor_of_five() -> None:
    found = interact(parse("auto"), lambda hold_s: hold_s * 1.001 + 1e-3, 300, cost=COST, history=History())
    assert found.ratio <= 5


def test_the_band_that_is_predicted_covers_four_waits_of_five() -> None:
    durations = STATIONARY["lognormal 5, sigma 1"](Random(4), 2000)
    assert 0.75 <= replay(parse("auto"), durations, cost=COST).inside_band <= 0.85


# --- many cells -----------------------------------------------------------------------------------------------------


def test_one_worker_serves_cells_that_wait_together_only_if_they_leave_it() -> None:
    arrivals = [Arrival(0.0, "f", 60.0, 1.0, Cost(0.1, 0.1)) for _ in range(10)]
    held = crowd(parse("never"), arrivals, 1)
    let_go = crowd(parse("always"), arrivals, 1)
    assert (held.moved, let_go.moved) == (0, 10)
    assert held.ended_s == pytest.approx(620.0)
    assert let_go.ended_s < 90


def test_auto_adds_no_delay_where_workers_are_idle() -> None:
    durations = STATIONARY["exponential, mean 30"](Random(4), 200)
    arrivals = list(arrivals_at(0.2, durations, 8, Random(5), cost=Cost(0.5, 1.0)))
    assert crowd(parse("auto"), arrivals, 8).added_s <= 0.2
    assert crowd(parse("always"), arrivals, 8).added_s >= 1.0


def test_every_cell_that_comes_ends_and_is_counted() -> None:
    ended: list[int] = []
    durations = STATIONARY["50 % 2 s, 50 % 120 s"](Random(4), 100)
    arrivals = list(arrivals_at(5, durations, 2, Random(5), cost=Cost(0.5, 1.0)))
    found = crowd(parse("auto"), arrivals, 2, progress=lambda: ended.append(1))
    assert found.cells == len(ended) == 100
    assert 0 < found.occupied <= 1


def test_a_queue_has_the_cell_go_first_that_is_expected_to_wait_longest() -> None:
    history = History()
    history.load([("long", "function", 500.0, False), ("short", "function", 30.0, False)] * 20)
    cost = Cost(1.0, 1.0)
    arrivals = [
        Arrival(0.0, "short", 30.0, 0.1, cost),
        Arrival(0.0, "long", 500.0, 0.1, cost),
        Arrival(5.0, "short", 0.1, 0.1, cost),
    ]
    assert crowd(parse("auto"), arrivals, 2, history=history).moved == 1
    assert Demand(1, 2).price == 0.5


# --- recorded waits -------------------------------------------------------------------------------------------------

CSV = "key,start,duration_s,state_bytes\nfunction:b,20,3.5,0\nfunction:a,10,60,1000000\n"


def test_a_trace_is_read_in_the_order_of_its_starts() -> None:
    trace = read_trace(CSV.splitlines(), "t.csv")
    assert [one.key for one in trace] == ["function:a", "function:b"]
    first, second = arrivals_of(trace, speed=2.0)
    assert (first.at, second.at) == (0.0, 5.0)
    assert first.cost.save_s > second.cost.save_s


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key,start\nf,1", "t.csv has no column 'duration_s'"),
        ("key,start,duration_s,state_bytes\n", "t.csv holds no waits"),
        ("key,start,duration_s,state_bytes\nf,1,soon,0", "t.csv, line 2: not a wait: f,1,soon,0"),
        ("key,start,duration_s,state_bytes\nf,1,-3,0", "t.csv, line 2: times are finite"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_name_and_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_trace(text.splitlines(), "t.csv")
