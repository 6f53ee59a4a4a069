"""A cell that is held is saved in case its worker dies, and goes on from there only if nothing has run since."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]


def held(world: World, code: str = "wait") -> tuple[str, str]:
    """A cell that is held and has been saved."""
    session = world.open()
    cell = world.run(session, code)
    world.settle()
    assert world.state(session, cell) == "held"
    world.pass_time(6)
    assert world.session(session).kept is not None
    assert world.state(session, cell) == "held"
    return session, cell


@pytest.mark.parametrize(
    ("policy", "code"), [("fixed:60", "wait"), ("always", "%%hold\nwait"), ("never", "%%hold\nwait")]
)
def test_a_held_cell_goes_on_in_another_worker_when_its_own_dies(make_world: MakeWorld, policy: str, code: str) -> None:
    world = make_world(policy=policy)
    session, cell = held(world, code)
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "released"
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"
    assert world.trace == ["before", "after 7"]


@pytest.mark.parametrize(("policy", "waited_s"), [("fixed:60", 4), ("never", 400)])
def test_short_waits_and_those_under_never_are_not_saved(make_world: MakeWorld, policy: str, waited_s: float) -> None:
    world = make_world(policy=policy)
    session = world.open()
    world.run(session, "wait")
    world.pass_time(waited_s)
    assert world.records.snapshots(session) == []


def test_a_wait_is_saved_once_however_long_it_is_held(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:6000")
    session, _ = held(world)
    world.pass_time(3000)
    assert len(world.records.snapshots(session)) == 1


def test_a_held_cell_goes_on_in_its_worker_when_the_answer_comes(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held(world)
    worker = world.session(session).worker
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"
    assert world.session(session).worker is worker
    assert world.records.moves(session) == []
    assert world.trace == ["before", "after 7"]


def test_an_answer_on_its_way_to_the_worker_that_dies_reaches_the_next(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held(world)
    worker = world.session(session).worker
    assert worker is not None
    world.send()
    received = world.workers[worker.worker_id].received
    world.run_until(lambda: bool(received), "the answer")
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "done"
    assert world.trace == ["before", "after 7"]


def test_a_snapshot_is_not_used_once_code_has_run(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held(world, "wait twice")
    world.send()
    world.run_to("took Answered")
    assert world.trace == ["before", "after 7"]
    worker = world.session(session).worker
    assert worker is not None
    world.workers[worker.worker_id].sent.clear()  # its last words are lost with it
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "failed"
    assert world.trace == ["before", "after 7"]


def test_a_cell_that_dies_after_its_next_wait_began_is_not_taken_back(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held(world, "wait twice")
    world.send()
    world.settle()
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "failed"
    assert world.trace == ["before", "after 7"]


def test_an_interrupted_cell_does_not_go_on_from_its_snapshot(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held(world)
    world.interrupt(session)
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "failed"
    assert world.trace == ["before"]


POINTS = ["sent Freeze", "took Freeze", "Frozen", "saved", "Prepared", "recorded", "sent Verdict"]


def held_until(world: World, point: str) -> tuple[str, str]:
    """A held cell whose save as a precaution has come to the point."""
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    at, name = min((at, name) for name, at in world.timers.items() if name[0] == "decide")
    del world.timers[name]
    world.clock.advance(at - world.clock.wall())
    world.point = ""
    world.act(world.core.timer, name)
    if world.point != point:
        world.run_to(point)
    return session, cell


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_replaced_meanwhile_lets_its_cell_go_on_elsewhere(make_world: MakeWorld, point: str) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held_until(world, point)
    worker = world.session(session).worker
    assert worker is not None
    world.request("restart_worker", of=worker.worker_id)
    world.settle()
    world.pass_time(1)
    assert world.answer()["lost"] is False
    assert world.session(session).worker is not worker
    assert world.state(session, cell) == "held"
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"
    assert world.trace == ["before", "after 7"]


@pytest.mark.parametrize("point", POINTS)
def test_who_replaces_it_hears_if_the_answer_comes_first(make_world: MakeWorld, point: str) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held_until(world, point)
    worker = world.session(session).worker
    assert worker is not None
    world.request("restart_worker", of=worker.worker_id)
    world.send()
    world.settle()
    assert "it runs code" in world.answer()
    assert world.state(session, cell) == "done"
    assert world.trace == ["before", "after 7"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("answers", [False, True])
def test_whenever_the_worker_dies_code_runs_once(make_world: MakeWorld, point: str, answers: bool) -> None:
    world = make_world(policy="fixed:60")
    session, cell = held_until(world, point)
    if answers:
        world.send()
    world.kill(session)
    world.settle()
    is_lost = world.state(session, cell) == "failed"
    if not is_lost and not answers:
        world.send()
        world.settle()
    assert world.state(session, cell) == ("failed" if is_lost else "done")
    assert world.trace == (["before"] if is_lost else ["before", "after 7"])
