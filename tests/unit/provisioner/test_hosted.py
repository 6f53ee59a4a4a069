"""Kernels without a process, and the connection that all of one process share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, fake_server, greet, wait_until

from caesura import hosted
from caesura.client import Link, NoCoordinator
from caesura.errors import CoordinatorUnavailable, EnvironmentFault, HomeUnusable
from caesura.hosted import HostedKernel, open_kernel
from caesura.starting import running
from caesura.wire import messages


class Coordinator:
    """Opens every kernel at port 4711 and does what it is told to."""

    def __init__(self) -> None:
        self.opened: list[messages.OpenKernel] = []
        self.signals: list[messages.KernelSignal] = []
        self.links: list[Link] = []
        self.refuses = ""

    def __call__(self, link: Link, hello: messages.Hello) -> None:
        greet(link, hello)
        self.links.append(link)
        while (message := link.receive(20)) is not None:
            if isinstance(message, messages.OpenKernel):
                self.opened.append(message)
                if self.refuses:
                    link.send(messages.KernelEnded(code=1, text=self.refuses, token=message.token))
                    continue
                session_id = message.session_id or f"session-{len(self.opened)}"
                bound = {**message.connection, "shell_port": 4711}
                link.send(messages.KernelOpened(session_id=session_id, token=message.token, connection=bound))
            elif isinstance(message, messages.KernelSignal):
                self.signals.append(message)
                if message.signal != "interrupt":
                    link.send(messages.KernelEnded(code=0, token=message.token))


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator()


@pytest.fixture
def server(coordinator: Coordinator, tmp_path: Path) -> Iterator[FakeServer]:
    with fake_server(tmp_path / "home", coordinator) as server:
        yield server


@pytest.fixture
def start(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., HostedKernel]]:
    kernels: list[HostedKernel] = []

    def find(home: Path, *_: object, **__: object) -> dict[str, Any]:
        """As the real one, but it starts none."""
        if (found := running(home)) is None:
            raise NoCoordinator("Nobody listens.")
        return found

    monkeypatch.setattr(hosted, "ensure_coordinator", find)

    def start(**options: Any) -> HostedKernel:
        kernels.append(open_kernel(server.home, os.environ, connection={"key": "k"}, environment={}, **options))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.signal("terminate")
    wait_until(lambda: not threads())


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "caesura-kernels"]


def test_all_kernels_share_one_connection_and_one_thread(
    start: Callable[..., HostedKernel], coordinator: Coordinator
) -> None:
    first, second = start(), start()
    assert (first.session_id, second.session_id) == ("session-1", "session-2")
    assert first.connection == {"key": "k", "shell_port": 4711}
    assert len(coordinator.links) == len(threads()) == 1


def test_a_signal_and_an_end_concern_one_kernel(start: Callable[..., HostedKernel], coordinator: Coordinator) -> None:
    first, second = start(), start()
    first.signal("interrupt")
    first.signal("terminate")
    wait_until(lambda: first.code is not None)
    assert [each.signal for each in coordinator.signals] == ["interrupt", "terminate"]
    assert {each.token for each in coordinator.signals} == {first.opening.token}
    assert (first.code, second.code) == (0, None)


def test_a_killed_kernel_is_dead_at_once(start: Callable[..., HostedKernel]) -> None:
    kernel = start()
    kernel.signal("kill")
    assert kernel.code == -9


def test_the_thread_ends_with_the_last_kernel_and_begins_with_the_next(start: Callable[..., HostedKernel]) -> None:
    start().signal("terminate")
    wait_until(lambda: not threads())
    assert start().code is None


def test_a_lost_coordinator_is_looked_for_and_gets_the_same_kernels(
    start: Callable[..., HostedKernel], server: FakeServer, coordinator: Coordinator
) -> None:
    kernel, other = start(), start()
    server.close()
    with fake_server(server.home, coordinator):
        wait_until(lambda: len(coordinator.opened) == 4)
        again = coordinator.opened[2:]
        assert {each.session_id for each in again} == {kernel.session_id, other.session_id}
        assert all(each.connection["shell_port"] == 4711 for each in again)
        assert (kernel.code, other.code) == (None, None)
        for each in (kernel, other):
            each.signal("terminate")
        wait_until(lambda: not threads())


def test_what_was_said_meanwhile_is_said_later(
    start: Callable[..., HostedKernel], server: FakeServer, coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = start()
    gate = threading.Event()
    find = hosted.ensure_coordinator  # the fixture's

    def find_later(*arguments: Any, **options: Any) -> Any:
        gate.wait(10)
        return find(*arguments, **options)

    monkeypatch.setattr(hosted, "ensure_coordinator", find_later)
    server.close()
    kernel.signal("interrupt")
    with fake_server(server.home, coordinator):
        gate.set()
        wait_until(lambda: coordinator.signals)
        assert [type(each).__name__ for each in (coordinator.opened[-1], coordinator.signals[-1])] == [
            "OpenKernel",
            "KernelSignal",
        ]
        kernel.signal("terminate")
        wait_until(lambda: not threads())


def test_what_the_coordinator_says_of_a_kernel_is_the_error(server: FakeServer, coordinator: Coordinator) -> None:
    coordinator.refuses = "The notebook's shell port cannot be bound."
    with pytest.raises(CoordinatorUnavailable, match="shell port cannot be bound"):
        open_kernel(server.home, os.environ, connection={}, environment={})
    gone = open_kernel(server.home, os.environ, connection={}, environment={}, session_id="gone", is_known=True)
    assert (gone.code, gone.text) == (1, coordinator.refuses)
    wait_until(lambda: not threads())


@pytest.mark.parametrize(
    "error", [HomeUnusable("It is not ours."), CoordinatorUnavailable("It said no.")], ids=["home", "coordinator"]
)
def test_a_coordinator_that_cannot_be_had_is_the_error_of_who_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: EnvironmentFault
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(hosted, "ensure_coordinator", fail)
    with pytest.raises(type(error), match=str(error)):
        open_kernel(tmp_path, os.environ, connection={}, environment={})
    wait_until(lambda: not threads())


def test_a_kernel_that_is_not_opened_in_time_is_given_up(tmp_path: Path) -> None:
    with (
        fake_server(tmp_path / "home") as server,
        pytest.raises(CoordinatorUnavailable, match=r"did not open the kernel within 0\.1 s"),
    ):
        open_kernel(server.home, os.environ, connection={}, environment={}, limit_s=0.1)
