"""Dead workers, snapshots that cannot be loaded, and resuming by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from world import World

from caesura.errors import UsageError
from caesura.wire import messages as wire

MakeWorld = Callable[..., World]


def request(world: World, method: str, **params: Any) -> wire.Reply:
    """What a client gets for a request."""
    world.act(world.core.rpc.request, 99, wire.Request(number=1, method=method, params=params))
    world.settle()
    return [message for link, message in world.told if link == 99 and isinstance(message, wire.Reply)][-1]


def failed_after_a_move(world: World) -> tuple[str, str]:
    """A cell that waited once, went on, and whose worker was killed then."""
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.send()
    world.run_to("Going")
    world.kill(session)
    for worker in world.alive():
        worker.sent.clear()
    for worker in world.workers.values():
        if worker.worker_id not in world.gone:
            worker.sent.clear()
    world.pass_time(1)
    return session, cell


def test_a_dead_worker_fails_its_cell_with_an_error_that_offers_to_resume(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = failed_after_a_move(world)
    (reply,) = world.replies(cell)
    assert reply["ename"] == "WorkerDied"
    assert f"`caesura resume {cell}`" in reply["evalue"]
    assert "SIGKILL" in reply["evalue"]
    assert world.state(session, cell) == "failed"


def test_a_failed_cell_goes_on_from_its_snapshot_by_hand_and_says_what_runs_again(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = failed_after_a_move(world)
    world.trace.clear()
    reply = request(world, "resume", cell_id=cell)
    world.pass_time(3)
    assert reply.result["resumed"]
    assert "waited for go" in reply.result["warning"]
    assert world.trace == ["after 7"]
    assert world.state(session, cell) == "done"


def test_a_cell_without_a_snapshot_cannot_be_resumed(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "loop")
    world.settle()
    world.kill(session)
    world.settle()
    assert world.state(session, cell) == "failed"
    assert "no snapshot" in request(world, "resume", cell_id=cell).error


def test_a_session_whose_worker_died_goes_on_with_no_variables_and_says_so_once(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "pass")
    world.settle()
    world.kill(session)
    world.settle()
    world.run(session, "pass")
    world.run_to("sent Attach")
    attach = [m for w in world.alive() for m in w.received if isinstance(m, wire.Attach)][-1]
    assert "its variables are lost" in attach.notice
    world.settle()
    assert world.trace == ["before", "before"]


def test_a_snapshot_that_cannot_be_loaded_three_times_fails_the_cell_and_is_kept(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.load_error = "no module named x"
    world.send()
    world.pass_time(5)
    (reply,) = world.replies(cell)
    assert (reply["ename"], reply["evalue"]) == ("SnapshotRefused", "no module named x")
    assert len(world.workers) == 1 + 3
    (snapshot,) = world.look(lambda records: records.snapshots(session))
    assert (snapshot.state, snapshot.failures) == ("failed", 3)
    world.load_error = ""
    following = world.run(session, "pass")
    world.pass_time(5)
    assert world.state(session, following) == "done"


def test_a_worker_that_dies_while_it_loads_is_followed_by_another(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.send()
    world.run_to("sent Attach")
    for worker in world.alive():
        worker.is_alive = False
    world.pass_time(5)
    assert world.trace == ["before", "after 7"]
    assert world.state(session, cell) == "done"


def test_a_cell_for_which_no_worker_can_be_started_fails_with_the_reason(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.fork_error = "No worker could be forked: out of processes"
    cell = world.run(session, "pass")
    world.pass_time(5)
    (reply,) = world.replies(cell)
    assert "out of processes" in reply["evalue"]


def test_a_failed_cell_can_be_resumed_after_a_restart_of_the_coordinator(make_world: MakeWorld) -> None:
    world = make_world()
    session, cell = failed_after_a_move(world)
    world.kill_core()
    world.come_back(session)
    world.settle()
    world.trace.clear()
    assert request(world, "resume", cell_id=cell).result["resumed"]
    world.pass_time(5)
    assert world.trace == ["after 7"]
    assert world.state(session, cell) == "done"


def test_an_event_that_nobody_waits_for_is_an_error_that_names_who_waits(make_world: MakeWorld) -> None:
    world = make_world()
    world.run(world.open(), "wait")
    world.settle()
    with pytest.raises(UsageError, match="Cells wait for: 'go'"):
        world.core.operation.send_event("gone", value=1)


def test_status_lists_what_a_suspended_cell_waits_for(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    status = request(world, "status").result
    (shown,) = status["cells"]
    assert (shown["cell_id"], shown["state"], shown["moves"], shown["worker_pid"]) == (cell, "released", 1, None)
    assert [wait["label"] for wait in shown["waits"]] == ["go"]
    assert status["workers"] == []
    assert [found["state"] for found in status["sessions"]] == ["suspended"]


def test_a_stop_with_open_notebooks_needs_force(make_world: MakeWorld) -> None:
    world = make_world()
    world.open()
    assert "--force" in request(world, "stop").error
    assert request(world, "stop", force=True).result == {"stopping": True}
    assert world.quit


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_cell_whose_worker_and_coordinator_die_before_its_beginning_is_recorded_runs_at_most_once(
    make_world: MakeWorld, has_begun: bool
) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "pass")
    world.settle()
    cell = world.run(session, "print")
    world.run_to("took Deliver" if has_begun else "sent Deliver")
    (worker,) = world.alive()
    worker.sent.clear()  # its last words reach nobody
    worker.received.clear()
    worker.is_alive = False
    if has_begun:
        world.begun.add((session, cell))
    world.trace.clear()
    world.kill_core()
    world.come_back(session)
    world.pass_time(5)
    (reply,) = world.replies(cell)
    assert reply["status"] == ("error" if has_begun else "ok")
    assert reply.get("ename", "") == ("WorkerDied" if has_begun else "")
    assert len(world.trace) == (0 if has_begun else 1)
    following = world.run(session, "pass")
    world.pass_time(5)
    assert world.state(session, following) == "done"
