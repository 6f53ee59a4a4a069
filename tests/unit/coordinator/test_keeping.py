"""Notebooks whose Jupyter Server has gone are kept, and the next kernel of the same path goes on with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from world import SERVER, World

from caesura.wire import messages as wire

MakeWorld = Callable[..., World]
PATH = "/notes/report.ipynb"
HOUR_S = 3600


def opened(world: World, link: int = 1, **variables: str) -> str:
    """A notebook that a Jupyter Server opens."""
    return world.open(link, name=PATH, JPY_PARENT_PID=str(SERVER), **variables)


def used(world: World, code: str = "pass") -> str:
    session_id = opened(world)
    world.run(session_id, code)
    world.pass_time(1)
    return session_id


def lose(world: World, link: int = 1) -> None:
    """The stub's process ends without a word."""
    world.act(world.core.client_lost, link)


def stop_server(world: World, session_id: str) -> None:
    """As Jupyter Server does it: it tells its extensions, interrupts each kernel, and shuts it down."""
    world.request("leaving", ports=[world.session(session_id).connection["shell_port"]])
    world.settle()
    assert world.answer() == {"kept": [session_id]}
    world.interrupt(session_id)
    world.settle()
    world.ask(session_id, "shutdown_request", "control", restart=False)
    world.processes.pop(SERVER)
    world.settle()


def start_server(world: World) -> None:
    world.processes[SERVER] = "since one"


def sessions(world: World) -> list[dict[str, Any]]:
    world.request("sessions", path=PATH)
    world.run_until(lambda: world.answer() is not None, "the answer")
    return list(world.answer())


def variables(world: World, session_id: str) -> int:
    """How many requests its memory has seen, after one more."""
    cell = world.run(session_id, "pass")
    world.pass_time(1)
    assert world.state(session_id, cell) == "done"
    (worker,) = (worker for worker in world.alive() if worker.session_id == session_id)
    return int(worker.memory["variables"])


def test_what_a_stopping_server_shuts_down_is_kept_without_a_process(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    stop_server(world, session)
    world.pass_time(1)
    assert any(isinstance(message, wire.KernelEnded) for _, message in world.told)
    assert [(each["session_id"], each["state"], each["path"]) for each in sessions(world)] == [(session, "kept", PATH)]
    assert world.alive() == []
    assert world.bound == set()


def test_the_next_kernel_of_the_path_goes_on_with_its_variables_and_says_so(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    stop_server(world, session)
    start_server(world)
    assert opened(world, 2) == session
    assert "goes on with the variables" in world.session(session).notice
    assert variables(world, session) == 2
    assert world.session(session).notice == ""
    assert [each["state"] for each in sessions(world)] == ["open"]


def test_a_waiting_cell_waits_on_and_its_clients_are_told(make_world: MakeWorld) -> None:
    world = make_world()
    session = opened(world)
    cell = world.run(session, "wait")
    world.settle()
    stop_server(world, session)
    assert world.state(session, cell) == "released"
    start_server(world)
    world.front.clear()
    assert opened(world, 2) == session
    assert world.states(cell) == ["busy"]
    world.send()
    world.pass_time(1)
    assert world.state(session, cell) == "done"
    assert world.states(cell) == ["busy", "idle"]
    assert world.trace == ["before", "after 7"]


def test_a_cell_that_is_answered_while_nobody_is_there_is_done_and_its_output_kept(make_world: MakeWorld) -> None:
    world = make_world()
    session = opened(world)
    cell = world.run(session, "wait")
    queued = world.run(session, "pass")
    world.settle()
    stop_server(world, session)
    world.send()
    world.pass_time(5)
    assert [world.state(session, each) for each in (cell, queued)] == ["done", "done"]
    assert world.alive() == []
    (shown,) = sessions(world)
    assert shown["outputs"]["count"] == 2
    world.front.clear()
    start_server(world)
    opened(world, 2)
    assert world.states(cell) == []  # nothing old is sent to the new clients


def test_a_server_that_dies_with_its_stubs_leaves_its_notebooks(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    lose(world)
    world.processes.pop(SERVER)
    world.pass_time(1)
    assert [each["state"] for each in sessions(world)] == ["kept"]
    start_server(world)
    assert opened(world, 2) == session
    assert variables(world, session) == 2


def test_an_orphaned_stub_leaves_its_notebook(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.processes.pop(SERVER)
    world.act(world.core.session.signalled, 1, wire.KernelSignal(signal="orphaned"))
    world.pass_time(1)
    assert [each["session_id"] for each in sessions(world)] == [session]
    assert world.session(session).is_kept


def test_a_new_server_may_be_faster_than_the_stubs_of_the_old_one(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.processes[SERVER] = "since one"  # even with the same pid
    assert opened(world, 2) == session
    assert any(to == 1 and isinstance(message, wire.KernelEnded) for to, message in world.told)
    lose(world, 1)
    assert variables(world, session) == 2


def test_a_kernel_that_its_server_kills_is_dead(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    lose(world)
    world.pass_time(10)
    assert session not in world.core.sessions


def test_a_kernel_that_is_killed_and_started_again_has_no_variables(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    lose(world)
    connection = world.session(session).connection
    message = wire.OpenKernel(
        connection=connection,
        environment={"executable": "/usr/bin/python3", "prefix": "/usr", "env": {"JPY_PARENT_PID": str(SERVER)}},
        name=PATH,
    )
    world.act(world.core.session.opened, 2, message)
    world.settle()
    assert variables(world, session) == 1


def test_the_users_own_shutdown_ends_the_session(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.ask(session, "shutdown_request", "control", restart=False)
    world.settle()
    assert opened(world, 2) != session


def test_a_notebook_in_which_nothing_was_run_is_not_kept(make_world: MakeWorld) -> None:
    world = make_world()
    session = opened(world)
    stop_server(world, session)
    assert sessions(world) == []


def test_two_kernels_of_one_open_path_are_two_sessions(make_world: MakeWorld) -> None:
    world = make_world(workers=2)
    first = used(world)
    assert opened(world, 2) != first


def test_the_user_can_decline(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    stop_server(world, session)
    start_server(world)
    assert opened(world, 2, CAESURA_ATTACH="never") != session
    assert sorted(each["state"] for each in sessions(world)) == ["kept", "open"]


def test_another_python_does_not_take_it_up_and_says_where_it_is(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    stop_server(world, session)
    start_server(world)
    message = wire.OpenKernel(
        connection={**world.session(session).connection, "shell_port": 7},
        environment={"executable": "/other/python", "prefix": "/other", "env": {}},
        name=PATH,
    )
    world.act(world.core.session.opened, 2, message)
    (other,) = (each for each in world.core.sessions.values() if each.session_id != session)
    assert "/usr/bin/python3" in other.notice
    assert "caesura sessions" in other.notice


def test_a_kept_session_is_dropped_on_request_and_an_open_one_is_not(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.request("drop", of=session)
    assert "is open" in world.answer()
    stop_server(world, session)
    world.request("drop", of=session)
    world.settle()
    assert world.answer() == {"session_id": session, "dropped": True}
    assert sessions(world) == []
    world.request("drop", of=session)
    world.settle()
    assert "There is no session" in world.answer()


def test_a_kept_session_is_attached_to_a_notebook_that_was_moved(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.request("attach", of=session, path="/notes/moved.ipynb")
    assert "is open" in world.answer()
    stop_server(world, session)
    world.request("attach", of=session, path="/notes/moved.ipynb")
    world.settle()
    assert world.answer() == {"session_id": session, "path": "/notes/moved.ipynb"}
    assert world.open(2, name="/notes/moved.ipynb") == session


def test_it_is_given_up_after_the_time_of_the_setting(make_world: MakeWorld) -> None:
    world = make_world(keep_s=2 * HOUR_S)
    session = used(world)
    stop_server(world, session)
    world.pass_time(HOUR_S)
    assert session in world.core.sessions
    world.pass_time(HOUR_S + 10)
    assert session not in world.core.sessions


def test_a_waiting_cell_is_waited_for_however_long(make_world: MakeWorld) -> None:
    world = make_world(keep_s=2 * HOUR_S)
    session = used(world, "wait")
    stop_server(world, session)
    world.pass_time(100 * HOUR_S)
    assert session in world.core.sessions


def test_with_a_time_of_nothing_a_session_ends_with_its_server(make_world: MakeWorld) -> None:
    world = make_world(keep_s=0)
    session = used(world)
    world.request("leaving", ports=[world.session(session).connection["shell_port"]])
    world.settle()
    assert world.answer() == {"kept": []}
    world.ask(session, "shutdown_request", "control", restart=False)
    world.settle()
    assert session not in world.core.sessions


def test_a_coordinator_with_nothing_but_kept_notebooks_at_rest_ends(make_world: MakeWorld) -> None:
    world = make_world(idle_exit_s=60)
    session = used(world)
    stop_server(world, session)
    world.pass_time(61)
    assert world.quit
    world.kill_core()
    start_server(world)
    assert opened(world, 2) == session
    assert variables(world, session) == 2


def test_a_coordinator_whose_kept_notebook_waits_for_an_answer_goes_on(make_world: MakeWorld) -> None:
    world = make_world(idle_exit_s=60)
    session = used(world, "wait")
    stop_server(world, session)
    world.pass_time(100)
    assert not world.quit


def test_after_a_reboot_a_notebook_is_offered_at_once(make_world: MakeWorld) -> None:
    world = make_world()
    session = opened(world)
    cell = world.run(session, "wait")
    world.settle()
    world.processes.clear()
    world.kill_core()
    world.settle()
    world.send()
    world.pass_time(1)
    assert world.state(session, cell) == "done"  # without anybody asking
    start_server(world)
    assert opened(world, 2) == session


def test_a_notebook_whose_stub_never_came_back_is_kept(make_world: MakeWorld) -> None:
    world = make_world()
    session = used(world)
    world.request("park", of=session)
    world.settle()
    world.kill_core()
    world.pass_time(61)
    assert [each["state"] for each in sessions(world)] == ["kept"]


@pytest.mark.parametrize("steps", range(16))
def test_a_coordinator_killed_while_a_server_stops_loses_nothing(make_world: MakeWorld, steps: int) -> None:
    world = make_world()
    session = used(world)
    port = world.session(session).connection["shell_port"]
    world.request("leaving", ports=[port])
    world.settle()
    assert world.answer() == {"kept": [session]}
    world.ask(session, "shutdown_request", "control", restart=False)
    for _ in range(steps):
        world.step()
    world.kill_core()
    if not world.session(session).is_kept:
        world.come_back(session)  # its stub had not heard that it may go
        world.settle()
        world.ask(session, "shutdown_request", "control", restart=False)
    world.pass_time(1)
    world.processes.pop(SERVER)
    start_server(world)
    assert opened(world, 2) == session
    assert variables(world, session) == 2


@pytest.mark.parametrize("steps", range(14))
def test_a_coordinator_killed_while_a_notebook_is_opened_again_loses_nothing(make_world: MakeWorld, steps: int) -> None:
    world = make_world()
    session = used(world, "wait")
    cell = next(iter(world.session(session).cells))
    stop_server(world, session)
    start_server(world)
    message = wire.OpenKernel(
        connection={**world.session(session).connection, "shell_port": 7},
        environment={"executable": "/usr/bin/python3", "prefix": "/usr", "env": {"JPY_PARENT_PID": str(SERVER)}},
        name=PATH,
    )
    world.act(world.core.session.opened, 2, message)
    for _ in range(steps):
        world.step()
    world.kill_core()
    world.act(world.core.session.opened, 3, message)
    world.send()
    world.pass_time(1)
    assert world.state(session, cell) == "done"
    assert world.trace == ["before", "after 7"]
    assert len([each for each in world.core.sessions.values() if not each.is_ended]) == 1
