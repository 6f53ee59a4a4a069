"""What a user decides instead of the policy."""

from __future__ import annotations

from collections.abc import Callable

from world import World

MakeWorld = Callable[..., World]


def test_a_cell_that_waits_in_its_process_is_released_at_once(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    assert world.state(session, cell) == "held"
    world.request("release", cell_id=cell)
    world.settle()
    assert world.state(session, cell) == "released"
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"


def test_a_held_cell_stays_whatever_the_policy_is_until_it_is_not_held_any_more(make_world: MakeWorld) -> None:
    world = make_world(policy="fixed:10")
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.request("hold", cell_id=cell)
    world.pass_time(100)
    assert world.state(session, cell) == "held"
    assert "by hand" in world.session(session).cells[cell].reason
    world.request("hold", cell_id=cell, hold=False)
    world.pass_time(1)
    assert world.state(session, cell) == "released"


def test_a_suspended_cell_is_brought_back_and_waits_on_in_a_process(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    assert world.state(session, cell) == "released"
    world.request("bring_back", cell_id=cell)
    world.settle()
    assert world.state(session, cell) == "held"
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"


def test_what_cannot_be_done_is_said(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.request("release", cell_id=cell)
    assert "only one that waits in its process" in world.answer()
    world.send()
    world.settle()
    for method in ("interrupt", "hold", "release"):
        world.request(method, cell_id=cell)
        assert "is done already" in world.answer()
    world.request("bring_back", cell_id=cell)
    assert "only one that is suspended" in world.answer()
    world.request("give_up_call", op_id="nobody's")
    assert "Nobody waits" in world.answer()


def test_a_cell_that_cannot_be_moved_is_not_released(make_world: MakeWorld) -> None:
    world = make_world()
    world.save_obstacles = [{"kind": "socket.socket", "path": "conn", "detail": "", "remedy": ""}]
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.request("release", cell_id=cell)
    assert "conn → socket.socket" in world.answer()
    assert world.state(session, cell) == "held"


def test_an_interrupt_by_hand_ends_a_suspended_cell(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.request("interrupt", cell_id=cell)
    world.settle()
    assert world.state(session, cell) == "failed"


def test_a_call_that_is_given_up_wakes_its_cell_with_an_error(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    (operation,) = world.core.operations.values()
    world.request("give_up_call", op_id=operation.op_id)
    world.settle()
    assert not operation.ok
    assert "was given up by hand" in operation.text
    assert world.state(session, cell) in ("done", "failed")
