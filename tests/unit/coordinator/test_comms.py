"""What the front end says to widgets while a cell of the notebook is under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

from caesura.wire.life import CellState

MakeWorld = Callable[..., World]


def test_a_running_cell_gets_it_before_what_is_queued_behind_it(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "loop")
    behind = world.run(session, "pass")
    world.settle()
    world.ask(session, "comm_msg", comm_id="c", data={})
    world.settle()
    assert world.trace == ["before", "comm_msg"]
    assert world.replies(behind) == []


def test_it_overtakes_the_queue_also_when_it_came_before_its_cell_began(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "loop")
    world.run(session, "pass")
    world.ask(session, "comm_msg", comm_id="c", data={})
    world.settle()
    assert world.trace == ["before", "comm_msg"]


def test_it_keeps_its_place_between_cells(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "pass")
    world.settle()
    said = world.ask(session, "comm_msg", comm_id="c", data={})
    following = world.run(session, "pass")
    world.settle()
    assert world.states(said) == ["busy", "idle"]
    assert world.replies(following)[0]["status"] == "ok"


def test_a_suspended_session_comes_back_for_it_and_waits_on(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    assert world.state(session, cell) == CellState.RELEASED
    world.ask(session, "comm_msg", comm_id="c", data={})
    world.settle()
    assert world.trace == ["before", "comm_msg"]
    assert world.state(session, cell) == CellState.RELEASED
    world.send()
    world.settle()
    assert world.trace == ["before", "comm_msg", "after 7"]
    assert world.replies(cell)[0]["status"] == "ok"


def test_a_close_waits_until_the_session_is_back(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.ask(session, "comm_close", comm_id="c", data={})
    world.settle()
    assert world.trace == ["before"]
    world.ask(session, "comm_msg", comm_id="d", data={})
    world.settle()
    assert world.trace == ["before", "comm_close", "comm_msg"]
    world.send()
    world.settle()
    assert world.replies(cell)[0]["status"] == "ok"


@pytest.mark.parametrize("policy", ["fixed:0", "always"])
@pytest.mark.parametrize("point", ["sent Freeze", "Frozen", "saved", "Prepared", "recorded"])
def test_it_is_not_lost_when_the_session_is_on_its_way_out(make_world: MakeWorld, point: str, policy: str) -> None:
    world = make_world()
    session = world.open(CAESURA_POLICY=policy)
    cell = world.run(session, "wait")
    world.run_until(lambda: world.session(session).move is not None, "the session leaves")
    if point != "sent Freeze":
        world.run_to(point)
    world.ask(session, "comm_msg", comm_id="c", data={})
    world.settle()
    assert world.trace == ["before", "comm_msg"]
    world.send()
    world.settle()
    assert world.trace == ["before", "comm_msg", "after 7"]
    assert world.replies(cell)[0]["status"] == "ok"


def test_a_restart_drops_it(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.ask(session, "comm_close", comm_id="c", data={})
    world.restart(session)
    world.settle()
    world.come_back(session)
    world.settle()
    following = world.run(session, "pass")
    world.settle()
    assert world.replies(following)[0]["status"] == "ok"
    assert world.trace == ["before", "before"]
