"""What clients of a notebook ask, and what comes back in which order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import STUB, World

from caesura.coordinator import commands as do
from caesura.wire import messages as wire

MakeWorld = Callable[..., World]


def test_kernel_info_is_answered_without_a_worker(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    asked = world.ask(session, "kernel_info_request")
    assert world.replies(asked) == [{"status": "ok", "implementation": "caesura", "supported_features": []}]
    assert world.states(asked) == ["busy", "idle"]
    assert world.workers == {}


def test_kernel_info_waits_for_the_environment(make_world: MakeWorld) -> None:
    world = make_world()
    connection = {"shell_port": 1, "ip": "127.0.0.1", "key": "k"}
    opening = wire.OpenKernel(connection=connection, environment={"executable": "other"})
    world.act(world.core.session.opened, STUB, opening)
    (session,) = world.core.sessions
    asked = world.ask(session, "kernel_info_request")
    assert world.replies(asked) == []
    world.settle()
    assert len(world.replies(asked)) == 1


def test_a_client_learns_the_ports(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    asked = world.ask(session, "connect_request")
    ports = {name: port for name, port in world.session(session).connection.items() if name.endswith("_port")}
    assert "shell_port" in ports
    assert world.replies(asked) == [{"status": "ok", **ports}]


def test_each_client_gets_its_replies_in_order_and_a_new_one_need_not_wait(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "loop")
    mine = world.ask(session, "kernel_info_request")
    ports = world.ask(session, "connect_request")
    world.settle()
    assert world.replies(mine) == world.replies(ports) == []
    theirs = world.ask(session, "kernel_info_request", client=b"another page")
    assert world.states(theirs) == ["busy", "idle"]
    assert world.states(cell) == ["busy", "busy"]  # who looks at the last state only sees that a cell runs
    world.interrupt(session)
    world.settle()
    assert [world.replies(asked)[0]["status"] for asked in (cell, mine, ports)] == ["error", "ok", "ok"]


def test_kernel_info_is_answered_while_a_cell_is_suspended(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    asked = world.ask(session, "kernel_info_request")
    assert world.replies(asked)[0]["status"] == "ok"
    assert world.states(cell)[-1] == "busy"


@pytest.mark.parametrize("name", ["debug_request", "create_subshell_request", "list_subshell_request"])
def test_what_is_not_advertised_is_refused_in_every_state(make_world: MakeWorld, name: str) -> None:
    world = make_world()
    session = world.open()
    asked = world.ask(session, name, "control")
    world.run(session, "loop")
    world.settle()
    again = world.ask(session, name, "control")
    for each in (asked, again):
        (reply,) = world.replies(each)
        assert reply["status"] == "error"
        assert f"{name} is not offered" in reply["evalue"]


def test_what_is_queued_before_a_cell_that_cannot_run_is_answered(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.fork_error = "no process"
    asked = world.ask(session, "complete_request", code="a")
    cell = world.run(session, "pass")
    world.settle()
    assert world.replies(asked)[0]["status"] == "error"
    assert world.replies(cell)[0]["status"] == "error"


def test_an_environment_that_cannot_start_ends_the_kernel_with_a_text(make_world: MakeWorld) -> None:
    world = make_world()
    opening = wire.OpenKernel(connection={"shell_port": 1}, environment={"executable": "gone"})
    world.act(world.core.session.opened, STUB, opening)
    key = world.learning.popleft().key
    world.act(world.core.environment_failed, key, "Caesura is not installed for gone.")
    ended = [message for _, message in world.told if isinstance(message, wire.KernelEnded)]
    assert ended == [wire.KernelEnded(code=1, text="Caesura is not installed for gone.")]


def test_requests_are_handed_out_one_at_a_time_in_order(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "loop")
    asked = world.ask(session, "complete_request", code="a")
    following = world.run(session, "pass")
    world.settle()
    assert world.replies(asked) == []
    world.interrupt(session)
    world.settle()
    assert world.replies(cell)[0]["status"] == "error"
    assert world.replies(asked) == [{"status": "ok"}]
    assert world.replies(following) == [{"status": "aborted"}]


def test_cells_behind_an_error_are_aborted_with_busy_and_idle(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "fail")
    aborted = world.run(session, "pass")
    world.settle()
    assert world.replies(aborted) == [{"status": "aborted"}]
    assert world.states(aborted) == ["busy", "idle"]
    assert world.trace == ["before"]
    later = world.run(session, "pass")
    world.settle()
    assert world.replies(later)[0]["status"] == "ok"


def test_a_cell_that_is_sent_after_the_error_was_seen_is_not_aborted(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "fail")
    world.run_until(lambda: len(world.states(cell)) == 2, "the client has seen reply and idle")
    assert world.session(session).current is not None
    following = world.run(session, "pass")
    world.settle()
    assert world.replies(following)[0]["status"] == "ok"


@pytest.mark.parametrize("option", [{"stop_on_error": False}, {"silent": True}])
def test_a_cell_that_does_not_stop_on_error_aborts_nothing(make_world: MakeWorld, option: dict[str, bool]) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "fail", **option)
    following = world.run(session, "pass")
    world.settle()
    assert world.replies(following)[0]["status"] == "ok"


def test_a_cell_is_recorded_before_a_worker_gets_it(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "pass")
    assert world.jobs[-1].durable
    assert world.starting == type(world.starting)()
    world.settle()
    assert world.trace == ["before"]


def test_a_request_of_a_suspended_notebook_waits_for_its_cell(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    asked = world.ask(session, "inspect_request", code="a")
    world.settle()
    assert world.replies(asked) == []
    world.send()
    world.settle()
    assert world.replies(asked) == [{"status": "ok"}]


def test_an_inspection_brings_a_parked_notebook_back(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    first, second = world.open(1), world.open(2)
    for session in (first, second):
        world.run(session, "pass")
        world.settle()
    asked = world.ask(first, "inspect_request", code="a")
    world.settle()
    assert world.replies(asked) == [{"status": "ok"}]


def test_an_interrupt_of_an_idle_notebook_does_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "pass")
    world.settle()
    world.interrupt(session)
    world.settle()
    cell = world.run(session, "pass")
    world.settle()
    assert world.replies(cell)[0]["status"] == "ok"


def test_an_interrupted_cell_that_waits_for_a_worker_ends_at_once(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    first, second = world.open(1), world.open(2)
    world.run(first, "loop")
    world.settle()
    cell = world.run(second, "pass")
    world.settle()
    world.interrupt(second)
    world.settle()
    assert world.replies(cell)[0]["ename"] == "KeyboardInterrupt"
    assert world.states(cell) == ["busy", "idle"]


def test_a_shutdown_is_answered_and_ends_stub_worker_and_records(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    asked = world.ask(session, "shutdown_request", "control", restart=False)
    world.settle()
    assert world.replies(asked) == [{"status": "ok", "restart": False}]
    assert (STUB, wire.KernelEnded(code=0)) in world.told
    assert world.core.sessions == {}
    assert world.core.operation.waiting_events() == []


def test_a_stub_that_is_killed_ends_its_kernel_but_its_ports_wait_for_a_restart(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "loop")
    world.settle()
    world.act(world.core.client_lost, STUB)
    world.pass_time(3)
    assert world.alive() == []
    assert world.session(session).is_restarting
    world.pass_time(3)
    assert session not in world.core.sessions


def test_an_unknown_policy_is_said_once_and_the_default_is_used(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(CAESURA_POLICY="sometimes")
    assert str(world.session(session).policy) == "always"
    world.run(session, "pass")
    world.run_to("sent Attach")
    (worker,) = world.workers.values()
    (attach,) = (message for message in worker.received if isinstance(message, wire.Attach))
    assert "sometimes" in attach.notice
    assert world.session(session).notice == ""


def test_output_that_comes_while_nobody_has_bound_the_sockets_is_kept_in_order(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    world.kill_core()
    world.pass_time(1)
    world.send()
    world.pass_time(1)
    assert world.replies(cell) == []
    world.come_back(session)
    world.settle()
    assert world.replies(cell)[0]["status"] == "ok"
    assert world.states(cell) == ["busy", "idle"]


def test_a_notebook_without_a_stub_after_a_restart_is_dropped_unless_a_cell_waits(make_world: MakeWorld) -> None:
    world = make_world()
    idle, waiting = world.open(1), world.open(2)
    world.run(idle, "pass")
    world.run(waiting, "wait")
    world.settle()
    world.kill_core()
    world.pass_time(61)
    assert idle not in world.core.sessions
    assert world.session(waiting).is_detached


def test_the_coordinator_ends_when_nobody_has_needed_it_for_long_enough(make_world: MakeWorld) -> None:
    world = make_world(idle_exit_s=600)
    session = world.open()
    world.run(session, "pass")
    world.pass_time(700)
    assert not world.quit
    world.ask(session, "shutdown_request", "control", restart=False)
    world.pass_time(599)
    assert not world.quit
    world.pass_time(2)
    assert world.quit


def test_the_sockets_are_held_for_subscribers_after_a_restart(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.kill_core()
    world.act(
        world.core.session.opened,
        STUB,
        wire.OpenKernel(connection=world.session(session).connection, environment={}, session_id=session),
    )
    world.core.session.front_bound(session)
    assert any(isinstance(command, do.HoldIopub) for command in world.core.take())


def test_what_a_notebook_takes_is_answered_also_while_it_computes_and_without_bringing_it_back(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    session = world.open()

    def pid_said() -> int:
        asked = world.ask(session, "usage_request", channel="control")
        world.settle()
        (reply,) = world.replies(asked)
        return int(reply["pid"])

    assert pid_said() == 0
    assert world.workers == {}
    world.run(session, "loop")
    world.settle()
    (worker,) = world.alive()
    assert pid_said() == worker.pid
    world.interrupt(session)
    world.settle()
    world.run(session, "wait")
    world.settle()
    assert world.alive() == []
    assert pid_said() == 0
    assert world.alive() == []


def test_of_completions_that_are_asked_while_a_cell_is_suspended_the_last_is_answered(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "wait")
    world.settle()
    first = world.ask(session, "complete_request", code="a")
    theirs = world.ask(session, "complete_request", code="a", client=b"another page")
    other = world.ask(session, "inspect_request", code="a")
    last = world.ask(session, "complete_request", code="ab")
    world.settle()
    assert world.state(session, cell) == "released"
    assert world.replies(first) == [{"status": "aborted"}]
    assert world.replies(theirs) == world.replies(other) == world.replies(last) == []
    world.send(7)
    world.settle()
    assert [len(world.replies(asked)) for asked in (theirs, other, last)] == [1, 1, 1]
