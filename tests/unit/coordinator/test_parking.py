"""A notebook that runs no cell leaves its worker, with time moved by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]


def used(world: World, **variables: str) -> str:
    """A notebook that has run a cell; the session's id."""
    session_id = world.open(**variables)
    world.run(session_id, "pass")
    world.settle()
    return session_id


def is_parked(world: World, session_id: str) -> bool:
    return world.session(session_id).saved is not None and not world.alive()


def test_an_idle_notebook_is_parked_after_the_time_of_the_setting(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    session = used(world)
    world.pass_time(29)
    assert not is_parked(world, session)
    world.pass_time(2)
    assert is_parked(world, session)


def test_the_time_begins_anew_with_every_cell(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    session = used(world)
    world.pass_time(29)
    world.run(session, "pass")
    world.pass_time(29)
    assert not is_parked(world, session)
    world.pass_time(2)
    assert is_parked(world, session)


def test_a_parked_notebook_comes_back_for_the_next_cell_and_is_parked_again(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    session = used(world)
    world.pass_time(31)
    cell = world.run(session, "pass")
    world.settle()
    assert world.state(session, cell) == "done"
    (worker,) = world.alive()
    assert worker.memory["variables"] == 2
    world.pass_time(31)
    assert is_parked(world, session)


@pytest.mark.parametrize(("limit", "variable"), [(None, None), (30, "never")])
def test_it_is_never_parked_by_itself_if_that_is_the_setting(
    make_world: MakeWorld, limit: float | None, variable: str | None
) -> None:
    world = make_world(park_after_s=limit)
    session = used(world, **({"CAESURA_PARK_AFTER": variable} if variable else {}))
    world.pass_time(100_000)
    assert not is_parked(world, session)


def test_the_notebooks_own_setting_wins(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=3000)
    session = used(world, CAESURA_PARK_AFTER="5")
    world.pass_time(6)
    assert is_parked(world, session)


def test_a_setting_that_is_no_time_is_said_and_the_default_counts(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    session = world.open(CAESURA_PARK_AFTER="soon")
    assert "CAESURA_PARK_AFTER is 'soon'" in world.session(session).notice
    assert "after 30 s" in world.session(session).notice
    world.run(session, "pass")
    world.pass_time(31)
    assert is_parked(world, session)


def test_a_waiting_cell_is_no_idle_notebook(make_world: MakeWorld) -> None:
    world = make_world(policy="never", park_after_s=30)
    session = world.open()
    cell = world.run(session, "wait")
    world.pass_time(100)
    assert world.state(session, cell) == "held"


def test_it_is_parked_at_once_on_request(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.request("park", of=session)
    assert world.answer() is None
    world.settle()
    assert world.answer() == {"session_id": session, "name": "", "parked": True}
    assert is_parked(world, session)
    world.request("park", of=session)
    assert world.answer()["parked"]


def test_a_notebook_that_runs_a_cell_is_not_parked_on_request(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "loop")
    world.settle()
    world.request("park", of=session)
    assert "runs a cell (running)" in world.answer()


def test_what_holds_it_is_said_to_who_asks_for_it_to_be_parked(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    world.obstacles = [{"kind": "socket.socket", "path": "conn", "detail": "", "remedy": ""}]
    session = used(world)
    world.request("park", of=session)
    world.settle()
    assert "conn → socket.socket" in world.answer()
    world.pass_time(100)
    assert not is_parked(world, session)


def test_who_asked_hears_of_the_notebooks_end(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.request("park", of=session)
    world.restart(session)
    assert "restarted" in world.answer()


@pytest.mark.parametrize("steps", range(12))
def test_a_coordinator_killed_while_it_parks_loses_nothing(make_world: MakeWorld, steps: int) -> None:
    world = make_world(park_after_s=30)
    session = used(world)
    world.request("park", of=session)
    for _ in range(steps):
        world.step()
    world.kill_core()
    world.come_back(session)
    world.settle()
    cell = world.run(session, "pass")
    world.pass_time(1)
    assert world.state(session, cell) == "done"
    (worker,) = world.alive()
    assert worker.memory["variables"] == 2


def test_a_silent_cell_is_said_to_be_busy_again_and_again_and_a_parked_notebook_is_not(make_world: MakeWorld) -> None:
    world = make_world(activity_s=60, park_after_s=30)
    session = used(world)
    cell = world.run(session, "wait")
    world.pass_time(181)
    assert world.state(session, cell) == "released"
    assert world.states(cell) == ["busy"] * 4
    world.send()
    world.pass_time(40)
    assert world.states(cell) == ["busy"] * 4 + ["idle"]
    assert is_parked(world, session)
    world.front.clear()
    world.pass_time(1000)
    assert world.front == []


def test_a_cell_that_is_about_to_start_is_said_to_be_busy_later(make_world: MakeWorld) -> None:
    world = make_world(activity_s=60, park_after_s=30)
    session = used(world)
    cell = world.run(session, "wait")
    world.run_until(lambda: world.session(session).cell is not None, "handed out")
    del world.timers["activity",]
    world.core.timer(("activity",))  # it is due just now
    world.pass_time(61)
    assert world.states(cell) == ["busy"] * 2
