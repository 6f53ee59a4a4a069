"""Who gets a worker, as sentences, with time moved by hand."""

from __future__ import annotations

from collections.abc import Callable

from world import World

MakeWorld = Callable[..., World]

BURST_S = 1.0


def live(world: World) -> set[str]:
    return {worker.session_id for worker in world.alive()}


def test_an_idle_notebook_is_parked_for_one_that_needs_its_worker(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    first, second = world.open(1), world.open(2)
    world.run(first, "pass")
    world.settle()
    cell = world.run(second, "pass")
    world.settle()
    assert world.state(second, cell) == "done"
    assert live(world) == {second}
    assert world.session(first).state == "suspended"


def test_a_parked_notebook_comes_back_with_its_variables(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    first, second = world.open(1), world.open(2)
    world.run(first, "pass")
    world.settle()
    world.run(second, "pass")
    world.settle()
    world.run(first, "pass")
    world.settle()
    (worker,) = world.alive()
    assert worker.session_id == first
    assert worker.memory["variables"] == 2


def test_nothing_is_parked_while_there_is_room(make_world: MakeWorld) -> None:
    world = make_world(workers=2)
    first, second = world.open(1), world.open(2)
    for session in (first, second):
        world.run(session, "pass")
        world.settle()
    assert live(world) == {first, second}


def test_the_notebook_that_was_used_least_recently_is_parked(make_world: MakeWorld) -> None:
    world = make_world(workers=2)
    first, second, third = world.open(1), world.open(2), world.open(3)
    for session in (first, second, first):
        world.run(session, "pass")
        world.pass_time(1)
    world.run(third, "pass")
    world.settle()
    assert live(world) == {first, third}


def test_a_cell_that_runs_for_long_does_not_keep_others_waiting(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    first, second = world.open(1), world.open(2)
    world.run(first, "loop")
    world.settle()
    cell = world.run(second, "pass")
    world.settle()
    assert world.state(second, cell) == "queued"
    assert world.session(second).cells[cell].reason == "waits for a worker"
    world.pass_time(BURST_S + 0.1)
    assert world.state(second, cell) == "done"


def test_a_held_cell_does_not_count(make_world: MakeWorld) -> None:
    world = make_world(workers=1, policy="never")
    first, second = world.open(1), world.open(2)
    held = world.run(first, "wait")
    world.settle()
    assert world.state(first, held) == "held"
    cell = world.run(second, "pass")
    world.settle()
    assert world.state(second, cell) == "done"
    assert live(world) == {first, second}


def test_an_idle_notebook_that_cannot_be_parked_does_not_count(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    world.obstacles = [{"kind": "socket.socket", "path": "s", "detail": "", "remedy": ""}]
    first, second = world.open(1), world.open(2)
    world.run(first, "pass")
    world.settle()
    cell = world.run(second, "pass")
    world.settle()
    assert world.state(second, cell) == "done"
    assert live(world) == {first, second}


def test_without_memory_no_worker_beyond_the_pool_is_started_and_the_cell_says_so(make_world: MakeWorld) -> None:
    world = make_world(workers=1, policy="never")
    world.memory = 0.05
    first, second = world.open(1), world.open(2)
    world.run(first, "wait")
    world.settle()
    cell = world.run(second, "pass")
    world.settle()
    assert world.state(second, cell) == "queued"
    assert "memory" in world.session(second).cells[cell].reason
    world.memory = 0.5
    world.pass_time(2)
    assert world.state(second, cell) == "done"


def test_a_resumed_cell_comes_before_a_new_one(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    waiting, busy, new = world.open(1), world.open(2), world.open(3)
    resumed = world.run(waiting, "wait")
    world.settle()
    world.run(busy, "loop")
    world.settle()
    queued = world.run(new, "loop")
    world.settle()
    world.send()
    world.settle()
    assert world.state(waiting, resumed) == "due"
    world.pass_time(BURST_S + 0.1)
    assert world.state(waiting, resumed) == "done"
    assert world.state(new, queued) == "running"


def test_a_new_cell_that_has_waited_for_long_comes_before_a_resumed_one(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    waiting, *others = [world.open(link) for link in range(1, 6)]
    resumed = world.run(waiting, "wait")
    world.settle()
    cells = [world.run(session, "loop") for session in others]
    world.pass_time(2 * BURST_S + 0.2)
    assert [world.state(*each) for each in zip(others, cells, strict=True)] == ["running"] * 3 + ["queued"]
    world.send()
    world.pass_time(BURST_S)
    assert world.state(others[-1], cells[-1]) == "running"
    assert world.state(waiting, resumed) == "due"
    world.pass_time(BURST_S)
    assert world.state(waiting, resumed) == "done"


def test_an_interrupted_suspended_cell_does_not_wait_for_a_place(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    waiting, busy = world.open(1), world.open(2)
    cell = world.run(waiting, "wait")
    world.settle()
    world.run(busy, "loop")
    world.settle()
    world.interrupt(waiting)
    world.settle()
    assert world.state(waiting, cell) == "failed"
    assert world.trace == ["before", "before", "interrupted"]


def test_a_new_process_is_only_started_when_the_old_one_is_gone(make_world: MakeWorld) -> None:
    world = make_world(workers=4)
    session = world.open()
    world.run(session, "wait")
    world.run_to("sent Verdict")
    world.send()
    world.run_until(lambda: world.session(session).is_due, "due")
    assert not world.starting
    world.run_to("exited")
    assert world.starting


def test_forty_suspended_notebooks_finish_on_two_workers(make_world: MakeWorld) -> None:
    world = make_world(workers=2)
    sessions = [world.open(link) for link in range(1, 41)]
    cells = [world.run(session, "wait") for session in sessions]
    world.pass_time(60)
    assert world.alive() == []
    world.send()
    world.pass_time(60)
    states = [world.state(session, cell) for session, cell in zip(sessions, cells, strict=True)]
    assert states == ["done"] * len(sessions)
    assert world.trace.count("after 7") == len(sessions)
