"""What stood in the way of a save may go: the session is tried again, less and less often."""

from __future__ import annotations

from collections.abc import Callable

from world import World

MakeWorld = Callable[..., World]

LOCK = {"kind": "lock", "path": "guard", "detail": "it is held", "remedy": "Release it."}
FULL = {"kind": "the store", "path": "", "detail": "it is full", "remedy": "Make room."}


def held(world: World, obstacle: dict[str, str]) -> tuple[str, str]:
    world.save_obstacles.append(obstacle)
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    assert world.state(session, cell) == "held"
    return session, cell


def reason(world: World, session: str) -> str:
    cell = world.session(session).cell
    assert cell is not None
    return cell.reason


def test_a_cell_that_could_not_be_saved_says_why_and_leaves_when_it_can(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = held(world, LOCK)
    assert reason(world, session) == "guard → lock (it is held): Release it."
    world.save_obstacles.clear()
    world.pass_time(4)
    assert world.state(session, cell) == "held"
    world.pass_time(2)
    assert world.state(session, cell) == "released"
    world.send(7)
    world.settle()
    assert world.trace == ["before", "after 7"]


def test_tries_become_rare_and_do_not_end(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = held(world, LOCK)
    tries = []
    for _ in range(8):
        before = world.session(session).refusals
        for second in range(2000):
            world.pass_time(1)
            if world.session(session).refusals > before:
                tries.append(second + 1)
                break
    assert tries == [5, 10, 20, 40, 80, 160, 320, 640]
    assert world.state(session, cell) == "held"
    assert reason(world, session) == "guard → lock (it is held): Release it."


def test_for_room_in_the_store_it_is_tried_each_minute(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = held(world, FULL)
    world.pass_time(61)
    world.save_obstacles.clear()
    world.pass_time(58)
    assert world.state(session, cell) == "held"
    world.pass_time(3)
    assert world.state(session, cell) == "released"


def test_the_answer_ends_the_tries(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = held(world, LOCK)
    world.send(7)
    world.settle()
    assert world.state(session, cell) == "done"
    world.pass_time(3600)
    assert world.session(session).refusals == 1


def test_a_notebook_that_could_not_be_parked_is_parked_later(make_world: MakeWorld) -> None:
    world = make_world(park_after_s=30)
    session = world.open()
    world.run(session, "pass")
    world.settle()
    world.save_obstacles.append(LOCK)
    world.pass_time(31)
    assert world.session(session).worker is not None
    world.save_obstacles.clear()
    world.pass_time(10)
    assert world.session(session).worker is None
