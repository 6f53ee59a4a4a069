"""What users say about waits: marks of cells, and how far a remote function is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

from caesura.coordinator import commands as do
from caesura.wire import messages as wire

MakeWorld = Callable[..., World]


def report(world: World, done: float, total: float) -> None:
    """The one function that runs says how far it is."""
    (worker,) = [worker for worker in world.alive() if worker.kind == "function"]
    worker.say(wire.Progress(epoch=worker.epoch, done=done, total=total))
    world.settle()


def bars(world: World) -> list[tuple[str, str]]:
    shown = [command for command in world.front if isinstance(command, do.FrontPublish)]
    return [(c.msg_type, c.content["data"]["text/plain"]) for c in shown if "display_data" in c.msg_type]


def test_a_cell_that_is_marked_is_held_whatever_the_policy_is(make_world: MakeWorld) -> None:
    world = make_world(policy="always")
    session = world.open()
    cell = world.run(session, "%%hold\nwait")
    world.pass_time(1000)
    assert world.state(session, cell) == "held"


def test_a_cell_that_is_marked_is_let_go_at_each_wait(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    cell = world.run(session, "%%release\nwait twice")
    for _ in range(2):
        world.pass_time(0.5)
        assert world.state(session, cell) == "released"
        world.send()
    world.settle()
    assert world.session(session).cells[cell].moves == 2


def test_a_function_that_says_how_far_it_is_decides_about_who_waits_for_it(make_world: MakeWorld) -> None:
    world = make_world(policy="auto", workers=1)
    world.core.history.load([("function:loop", "function", 0.01, False)] * 40)
    session = world.open()
    cell = world.run(session, "call loop")
    world.pass_time(0.01)
    assert world.state(session, cell) == "held"
    world.pass_time(0.02)
    report(world, 1, 1000)
    world.pass_time(0.5)
    assert world.state(session, cell) == "released"
    (decision,) = [d for d in world.records.decisions(session_id=session) if d.action == "suspend"]
    assert "ends in" in decision.reason


def test_its_progress_is_shown_as_one_bar_in_the_cell_that_waits(make_world: MakeWorld) -> None:
    world = make_world(policy="never", workers=2)
    session = world.open()
    world.run(session, "call loop")
    world.settle()
    for done in (1, 2, 4):
        world.pass_time(1)
        report(world, done, 4)
    first, *later = bars(world)
    assert first[0] == "display_data"
    assert [kind for kind, _ in later] == ["update_display_data"] * 2
    assert [text.rpartition(" ")[2] for _, text in bars(world)] == ["25%", "50%", "100%"]


@pytest.mark.parametrize(("done", "total"), [(5.0, 4.0), (-1.0, 4.0), (0.0, 0.0)])
def test_a_report_that_makes_no_sense_is_left_out(make_world: MakeWorld, done: float, total: float) -> None:
    world = make_world(policy="never", workers=2)
    session = world.open()
    world.run(session, "call loop")
    world.settle()
    report(world, done, total)
    assert bars(world) == []
