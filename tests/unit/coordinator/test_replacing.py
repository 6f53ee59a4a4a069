"""A worker is replaced by hand, and what its session holds goes on in another one."""

from __future__ import annotations

from collections.abc import Callable

from world import World

from caesura.wire import messages as wire

MakeWorld = Callable[..., World]


def worker_of(world: World, session: str) -> str:
    worker = world.session(session).worker
    assert worker is not None
    return worker.worker_id


def error_type(world: World) -> str:
    """Of the last answer."""
    return [message.error_type for _, message in world.told if isinstance(message, wire.Reply)][-1]


def test_an_idle_session_is_saved_and_lives_on_in_another_process(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    world.run(session, "x = 1")
    world.settle()
    before = worker_of(world, session)
    world.request("restart_worker", of=before)
    world.settle()
    assert world.answer()["lost"] is False
    assert worker_of(world, session) != before
    assert world.session(session).is_idle
    cell = world.run(session, "x")
    world.settle()
    assert world.state(session, cell) == "done"


def test_a_cell_that_waits_goes_on_waiting_in_another_process(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    before = worker_of(world, session)
    world.request("restart_worker", of=str(world.core.workers[before].pid))
    world.settle()
    assert world.answer()["lost"] is False
    assert worker_of(world, session) != before
    assert world.state(session, cell) == "held"
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"
    assert world.trace.count("before") == 1


def test_a_worker_that_runs_code_is_ended_only_by_force(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "loop")
    world.settle()
    worker = worker_of(world, session)
    world.request("restart_worker", of=worker)
    assert "it runs code" in world.answer()
    assert error_type(world) == "WouldLoseState"
    assert worker_of(world, session) == worker
    world.request("restart_worker", of=worker, force=True)
    assert world.answer()["lost"] is True
    world.settle()
    assert world.state(session, cell) == "failed"
    after = world.run(session, "x")
    world.settle()
    assert world.state(session, after) == "done"


def test_a_session_that_cannot_be_saved_stays_until_it_is_forced(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    world.save_obstacles = [{"kind": "socket.socket", "path": "conn", "detail": "", "remedy": ""}]
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    worker = worker_of(world, session)
    for _ in range(2):  # the second time it is known before it is tried
        world.request("restart_worker", of=worker)
        world.settle()
        assert "conn → socket.socket" in world.answer()
        assert error_type(world) == "WouldLoseState"
    assert world.state(session, cell) == "held"
    world.request("restart_worker", of=worker, force=True)
    world.settle()
    assert world.state(session, cell) == "failed"


def test_an_idle_session_that_cannot_be_saved_stays_too(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    world.run(session, "x = 1")
    world.save_obstacles = [{"kind": "socket.socket", "path": "conn", "detail": "", "remedy": ""}]
    world.settle()
    world.request("restart_worker", of=worker_of(world, session))
    world.settle()
    assert "conn → socket.socket" in world.answer()
    assert world.session(session).is_idle


def test_who_asked_hears_when_the_worker_dies_before_its_session_is_saved(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.request("restart_worker", of=worker_of(world, session))
    world.request("restart_worker", of=worker_of(world, session))
    assert "is being replaced already" in world.answer()
    world.kill(session)
    world.settle()
    assert "has ended before" in world.answer()


def test_a_worker_that_nobody_knows_is_named(make_world: MakeWorld) -> None:
    world = make_world()
    world.request("restart_worker", of="4711")
    assert "no worker '4711'" in world.answer()
