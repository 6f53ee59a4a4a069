"""An answer, an interrupt, a cancel, a restart, a dead worker or a dead coordinator at every point of a move.

Nothing may be lost and nothing run twice, whatever comes when (DESIGN, sections 4 and 5). The cell notes "before",
waits for an event, notes "after VALUE".
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]

SUSPENDING = (
    "running",
    "blocked",
    "freeze sent",
    "frozen",
    "saved",
    "prepared",
    "committed",
    "verdict sent",
    "worker gone",
)
RESUMING = ("due", "forked", "attach sent", "loading", "loaded", "go sent")

LIVE = ("running", "blocked", "freeze sent", "frozen", "saved")
"""Where the death of the worker loses the cell: there is no snapshot of it yet that the coordinator knows."""


def start(world: World) -> tuple[str, str]:
    session = world.open()
    return session, world.run(session, "wait")


def go_to(world: World, session: str, point: str) -> None:
    """Run the world to ``point``."""
    match point:
        case "running":
            world.run_to("CellStarted")
        case "blocked":
            world.run_until(lambda: any(w.block and w.block.cell_id for w in world.workers.values()), point)
        case "freeze sent":
            world.run_to("sent Freeze")
        case "frozen":
            world.run_to("Frozen")
        case "saved":
            world.run_to("saved")
        case "prepared":
            world.run_to("Prepared")
        case "committed":
            world.run_until(lambda: _lives_in_snapshot(world, session), point)
        case "verdict sent":
            world.run_to("sent Verdict")
        case "worker gone":
            world.settle()
        case "due":
            world.settle()
            world.send(7)
            world.run_until(lambda: world.session(session).is_due, point)
        case "forked":
            go_to(world, session, "due")
            world.run_to("forked")
        case "attach sent":
            go_to(world, session, "due")
            world.run_to("sent Attach")
        case "loading":
            go_to(world, session, "due")
            world.run_to("took Attach")
        case "loaded":
            go_to(world, session, "due")
            world.run_to("Loaded")
        case "go sent":
            go_to(world, session, "due")
            world.run_to("sent Go")
        case "going":
            go_to(world, session, "due")
            world.run_to("took Go")


def _lives_in_snapshot(world: World, session: str) -> bool:
    row = world.look(lambda records: records.session(session))
    return row is not None and row.snapshot_id is not None


def finish(world: World) -> None:
    """Let everything happen; the event is sent if somebody still waits for it."""
    world.pass_time(2)
    if world.core.operation.waiting_events():
        world.send(7)
    world.pass_time(2)


POLICIES = pytest.mark.parametrize("policy", ["always", "fixed:0"])


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING)
def test_an_answer_is_delivered_once(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    if point == "running":
        world.run_until(lambda: bool(world.core.operation.waiting_events()), "the call is known")
    world.run_until(lambda: bool(world.core.operation.waiting_events()), "the call is known")
    world.send(5)
    world.pass_time(5)
    assert world.trace == ["before", "after 5"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]
    assert world.states(cell) == ["busy", "idle"]
    assert world.state(session, cell) == "done"


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING[1:] + RESUMING)
def test_an_interrupt_takes_effect_once(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    world.interrupt(session)
    world.pass_time(5)
    answered_first = point in RESUMING and world.trace[-1] == "after 7"
    if answered_first:  # the answer was delivered with the snapshot, before the interrupt
        assert world.trace == ["before", "after 7"]
    else:
        assert world.trace == ["before", "interrupted"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok" if answered_first else "error"]
    assert world.states(cell) == ["busy", "idle"]
    assert world.look(lambda records: records.open_events(session)) == []
    following = world.run(session, "pass")
    world.pass_time(5)
    assert world.state(session, following) == "done"


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING[1:])
def test_a_cancelled_cell_ends_as_cancelled(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    found = world.session(session)
    world.act(lambda: world.core.interrupt.cancel(found, found.cells[cell]))
    world.pass_time(5)
    assert world.trace == ["before", "interrupted"]
    assert world.state(session, cell) == "cancelled"
    assert world.core.operation.waiting_events() == []


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING + RESUMING)
def test_a_restart_drops_everything_and_the_next_stub_starts_anew(
    make_world: MakeWorld, policy: str, point: str
) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    world.restart(session)
    world.pass_time(5)
    assert world.trace in (["before"], ["before", "after 7"])
    assert world.replies(cell) == [] or world.trace == ["before", "after 7"]
    assert world.alive() == []
    assert world.core.operation.waiting_events() == []
    assert world.look(lambda records: records.snapshots(session)) == []
    again = world.open()
    assert again == session
    following = world.run(again, "pass")
    world.pass_time(5)
    assert world.state(again, following) == "done"
    assert world.replies(following) == [{"status": "ok", "ename": ""}]


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING + RESUMING)
def test_a_dead_worker_loses_the_cell_only_while_nothing_holds_it(
    make_world: MakeWorld, policy: str, point: str
) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    if point in ("worker gone", "due"):
        for worker in world.alive():
            worker.is_alive = False
    else:
        for worker in world.alive():
            worker.is_alive = False
            worker.received.clear()
    finish(world)
    (reply,) = world.replies(cell)
    if point in LIVE:
        sent = point == "saved"  # what it had sent is read to the end: the snapshot counts
        assert world.trace == (["before", "after 7"] if sent else ["before"])
        assert reply["status"] == ("ok" if sent else "error")
        assert sent or reply["ename"] == "WorkerDied"
    else:
        assert world.trace.count("before") == 1
        assert world.trace.count("after 7") == 1
        assert reply["status"] == "ok"
    assert world.states(cell) == ["busy", "idle"]
    following = world.run(session, "pass")
    world.pass_time(5)
    assert world.state(session, following) == "done"


@POLICIES
@pytest.mark.parametrize("point", SUSPENDING + RESUMING)
def test_nobody_notices_that_the_coordinator_was_killed(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    world.kill_core()
    world.come_back(session)
    finish(world)
    assert world.trace == ["before", "after 7"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]
    assert world.states(cell) == ["busy", "idle"]


@POLICIES
@pytest.mark.parametrize("point", ["prepared", "committed", "verdict sent", "worker gone", "due", "forked"])
def test_a_suspended_cell_survives_the_death_of_everything(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    if point == "prepared":
        recorded = lambda: bool(world.look(lambda records: records.snapshots(session)))  # noqa: E731
        world.run_until(recorded, "the snapshot is in the records, the commit is not")
        assert not _lives_in_snapshot(world, session)
    for worker in world.alive():
        worker.is_alive = False
    world.kill_core()
    world.come_back(session)
    finish(world)
    assert world.trace == ["before", "after 7"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]


@POLICIES
@pytest.mark.parametrize("point", ["attach sent", "loading", "loaded", "go sent", "going"])
def test_no_code_runs_twice_when_everything_dies_while_a_worker_loads(
    make_world: MakeWorld, policy: str, point: str
) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    for worker in world.alive():
        worker.is_alive = False
    world.kill_core()
    world.come_back(session)
    finish(world)
    (reply,) = world.replies(cell)
    if point in ("go sent", "going"):  # it may have run, and nobody knows how far
        assert reply["ename"] == "WorkerDied"
        assert f"`caesura resume {cell}`" in reply["evalue"]
    else:
        assert reply["status"] == "ok"
    assert world.trace == (["before"] if point == "go sent" else ["before", "after 7"])


@POLICIES
@pytest.mark.parametrize("point", ["loading", "loaded", "go sent", "going"])
def test_an_interrupt_while_a_worker_loads_is_not_lost_with_the_coordinator(
    make_world: MakeWorld, policy: str, point: str
) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    world.settle()
    world.interrupt(session)
    match point:
        case "loading":
            world.run_to("took Attach")
        case "loaded":
            world.run_to("Loaded")
        case "go sent":
            world.run_to("sent Go")
        case "going":
            world.run_to("took Go")
    world.kill_core()
    world.come_back(session)
    world.pass_time(5)
    assert world.trace == ["before", "interrupted"]
    assert [reply["ename"] for reply in world.replies(cell)] == ["KeyboardInterrupt"]
    assert world.look(lambda records: records.open_events(session)) == []


@POLICIES
@pytest.mark.parametrize("point", ["freeze sent", "frozen", "saved", "prepared"])
def test_an_answer_that_was_recorded_while_the_worker_was_frozen_survives_the_coordinator(
    make_world: MakeWorld, policy: str, point: str
) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    world.send(5)
    world.run_until(lambda: not world.jobs, "the answer is recorded")
    world.kill_core()
    world.come_back(session)
    world.pass_time(5)
    assert world.trace == ["before", "after 5"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]


@POLICIES
@pytest.mark.parametrize("point", ["freeze sent", "frozen", "saved", "prepared"])
def test_a_lost_link_alone_stops_no_move(make_world: MakeWorld, policy: str, point: str) -> None:
    world = make_world(policy=policy)
    session, cell = start(world)
    go_to(world, session, point)
    for worker in world.alive():
        worker.is_linked = False
        world.act(world.core.worker.link_lost, worker.worker_id)
    finish(world)
    assert world.trace == ["before", "after 7"]
    assert [reply["status"] for reply in world.replies(cell)] == ["ok"]


def test_a_snapshot_that_was_refused_is_not_taken_up_when_everything_dies_later(make_world: MakeWorld) -> None:
    """Its twin, of a coordinator that died before it came to a verdict, is not either."""
    world = make_world(policy="fixed:0")
    session, cell = start(world)
    go_to(world, session, "prepared")
    world.run_until(lambda: bool(world.look(lambda records: records.snapshots(session))), "it is recorded")
    world.kill_core()
    world.come_back(session)
    world.run_to("Prepared")
    world.interrupt(session)
    world.run_until(lambda: "interrupted" in world.trace, "the interrupt takes effect")
    for worker in world.alive():
        worker.is_alive = False
        worker.sent.clear()
    world.kill_core()
    world.come_back(session)
    finish(world)
    assert world.trace == ["before", "interrupted"]
    assert len(world.replies(cell)) == 1
