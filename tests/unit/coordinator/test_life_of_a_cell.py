"""Cells through the core: queued, run, suspended, resumed."""

from __future__ import annotations

from collections.abc import Callable

from world import World

MakeWorld = Callable[..., World]


def test_a_cell_runs_and_its_reply_comes_once(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "pass")
    world.settle()
    assert world.trace == ["before"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]
    assert world.states(cell) == ["busy", "idle"]
    assert world.state(session, cell) == "done"


def test_a_cell_that_waits_leaves_its_worker_and_goes_on_in_another(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    assert world.state(session, cell) == "released"
    assert world.alive() == []
    world.send(7)
    world.settle()
    assert world.trace == ["before", "after 7"]
    assert world.state(session, cell) == "done"
    assert world.states(cell) == ["busy", "idle"]
    (move,) = world.look(lambda records: records.moves(cell_id=cell))
    assert move.to_pid not in (None, move.from_pid)
    assert len(world.workers) == 2
