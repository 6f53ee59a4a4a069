"""Kernels that share the connection of their provisioner."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import CONNECTION, World, environment

from caesura.wire import messages as wire

SERVER = 7
NO_PORTS = {**CONNECTION, **{name: 0 for name in CONNECTION if name.endswith("_port")}}


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


def open_kernel(world: World, token: str, port: int = 0, link: int = SERVER, **fields: object) -> None:
    """Ask for a kernel, with ports from ``port`` on, or 0: to be chosen."""
    connection = {**CONNECTION, "shell_port": port} if port else NO_PORTS
    message = wire.OpenKernel(connection=connection, environment=environment(), token=token, **fields)  # type: ignore[arg-type]
    world.act(world.core.session.opened, link, message)


def told(world: World, kind: type[wire.Message], link: int = SERVER) -> list[wire.Message]:
    return [message for to, message in world.told if to == link and isinstance(message, kind)]


def test_a_kernel_is_announced_with_its_ports_when_they_are_bound(world: World) -> None:
    open_kernel(world, "a")
    assert told(world, wire.KernelOpened) == []
    (session,) = world.core.live_sessions()
    bound = {**CONNECTION, "shell_port": 4711}
    world.act(world.core.session.front_bound, session.session_id, bound)
    assert told(world, wire.KernelOpened) == [
        wire.KernelOpened(session_id=session.session_id, token="a", connection=bound)
    ]
    world.settle()
    (row,) = world.records.sessions()
    assert row.connection == bound


def test_two_kernels_that_let_their_ports_be_chosen_are_two(world: World) -> None:
    open_kernel(world, "a")
    open_kernel(world, "b")
    assert len({session.session_id for session in world.core.live_sessions()}) == 2


def test_a_signal_reaches_the_kernel_of_its_token_alone(world: World) -> None:
    open_kernel(world, "a", 6001)
    open_kernel(world, "b", 6002)
    world.settle()
    world.act(world.core.session.signalled, SERVER, wire.KernelSignal(signal="terminate", token="a"))
    assert told(world, wire.KernelEnded) == [wire.KernelEnded(code=0, token="a")]
    assert [session.token for session in world.core.live_sessions()] == ["b"]


def test_a_killed_kernel_keeps_its_ports_for_a_moment(world: World) -> None:
    open_kernel(world, "a", 6001)
    world.settle()
    (before,) = world.core.live_sessions()
    world.act(world.core.session.signalled, SERVER, wire.KernelSignal(signal="kill", token="a"))
    assert told(world, wire.KernelEnded) == [wire.KernelEnded(code=-9, token="a")]
    open_kernel(world, "b", 6001)
    world.settle()
    assert [session.session_id for session in world.core.live_sessions()] == [before.session_id]
    world.act(world.core.session.signalled, SERVER, wire.KernelSignal(signal="kill", token="b"))
    world.pass_time(10)
    assert list(world.core.live_sessions()) == []


def test_a_restart_and_an_end_leave_the_connection_to_the_other_kernels(world: World) -> None:
    open_kernel(world, "a", 6001)
    world.settle()
    (session,) = world.core.live_sessions()
    world.restart(session.session_id)
    assert told(world, wire.KernelEnded) == [wire.KernelEnded(code=0, token="a")]
    world.core.session.end(session, 0)
    assert not [command for command in world.core.take() if type(command).__name__ == "CloseLink"]


def test_the_kernels_of_a_server_that_is_gone_wait_for_it(world: World) -> None:
    open_kernel(world, "a", 6001)
    world.settle()
    (session,) = world.core.live_sessions()
    world.act(world.core.client_lost, SERVER)
    world.pass_time(30)
    open_kernel(world, "b", 6001, link=8, session_id=session.session_id, is_known=True)
    world.settle()
    assert told(world, wire.KernelOpened, 8)[-1].token == "b"  # type: ignore[attr-defined]
    world.pass_time(100)
    assert list(world.core.live_sessions()) == [session]


def test_a_session_that_has_ended_is_not_opened_anew_for_who_only_comes_back(world: World) -> None:
    open_kernel(world, "a", 6001, session_id="gone", is_known=True)
    assert told(world, wire.KernelEnded) == [
        wire.KernelEnded(code=1, text="The session of this kernel has ended.", token="a")
    ]
    assert list(world.core.live_sessions()) == []
