"""A cell whose wait has a known end is loaded ahead of it, so that it goes on in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]


def suspended(world: World, seconds: float) -> tuple[str, str]:
    """A cell that sleeps so long and is let go at once."""
    session = world.open()
    cell = world.run(session, f"%%release\nsleep {seconds:g}")
    world.pass_time(0.5)
    assert world.state(session, cell) == "released"
    return session, cell


def test_it_is_back_before_the_end_and_goes_on_at_it(make_world: MakeWorld) -> None:
    world = make_world(policy="auto")
    session, cell = suspended(world, 60)
    world.pass_time(59)
    assert world.state(session, cell) == "released"
    world.pass_time(0.4)
    assert world.state(session, cell) == "held"
    assert "ahead of the end" in world.session(session).cells[cell].reason
    world.pass_time(0.1)
    assert world.state(session, cell) == "done"
    assert world.session(session).cells[cell].moves == 1
    assert world.trace[-1] == "woke at 1.00006e+06"


def test_the_worker_that_it_takes_meanwhile_is_a_cost(make_world: MakeWorld) -> None:
    world = make_world(policy="auto")
    suspended(world, 60)
    world.pass_time(59.4)
    world.pass_time(0.1)
    (row,) = world.records.savings()
    assert (row.waits, row.moved, row.delay_s) == (1, 1, pytest.approx(0.0, abs=1e-6))
    assert row.wait_s == pytest.approx(60.0)
    assert 0.3 < row.held_s < 0.5
    assert row.freed_s + row.held_s == pytest.approx(60.0, abs=0.02)


@pytest.mark.parametrize("policy", ["always", "fixed:0"])
def test_other_policies_bring_it_back_when_it_is_over(make_world: MakeWorld, policy: str) -> None:
    world = make_world(policy=policy)
    session, cell = suspended(world, 60)
    world.pass_time(59.4)
    assert world.state(session, cell) == "released"
    world.pass_time(0.2)
    assert world.state(session, cell) == "done"
    assert world.session(session).cells[cell].moves == 1


def released(world: World, *durations_s: float) -> tuple[str, str]:
    """A cell that waits for an event that has taken so long before, and is let go at once."""
    world.core.history.load([("event:go", "event", duration_s, False) for duration_s in durations_s])
    session = world.open()
    cell = world.run(session, "%%release\nwait")
    world.pass_time(0.5)
    assert world.state(session, cell) == "released"
    return session, cell


def test_a_call_that_always_takes_as_long_is_foreseen(make_world: MakeWorld) -> None:
    world = make_world(policy="auto")
    session, cell = released(world, *[60.0] * 10)
    world.pass_time(58.9)
    assert world.state(session, cell) == "released"
    world.pass_time(0.4)
    assert world.state(session, cell) == "held"
    world.pass_time(0.3)
    world.send()
    world.settle()
    (row,) = world.records.savings()
    assert (row.waits, row.moved, row.delay_s) == (1, 1, pytest.approx(0.0))
    assert row.wait_s == pytest.approx(60.1)
    assert row.freed_s + row.held_s == pytest.approx(60.1, abs=0.02)


def test_one_that_does_not_come_when_it_was_foreseen_is_let_go_again(make_world: MakeWorld) -> None:
    world = make_world(policy="auto")
    session, cell = released(world, *[60.0] * 10)
    world.pass_time(65)
    assert world.state(session, cell) == "released"
    assert world.session(session).cells[cell].moves == 2
    world.pass_time(600)
    assert world.session(session).cells[cell].moves == 2


@pytest.mark.parametrize("durations_s", [[60.0, 30.0] * 10, [60.0] * 4, [0.6] * 20, []])
def test_a_wait_that_cannot_be_foreseen_is_not_anticipated(make_world: MakeWorld, durations_s: list[float]) -> None:
    world = make_world(policy="auto")
    session, cell = released(world, *durations_s)
    world.pass_time(200)
    assert world.state(session, cell) == "released"
    assert world.session(session).cells[cell].moves == 1


def test_an_interrupt_while_it_is_back_ends_it_at_once(make_world: MakeWorld) -> None:
    world = make_world(policy="auto")
    session, cell = suspended(world, 60)
    world.pass_time(59.3)
    assert world.state(session, cell) == "held"
    world.interrupt(session)
    world.settle()
    assert world.state(session, cell) in ("failed", "cancelled", "done")
