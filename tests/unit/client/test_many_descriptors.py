"""A client works in a process that has more files open than select() can count."""

from __future__ import annotations

import fcntl
import resource
import socket
from collections.abc import Iterator

import pytest

from caesura.client import Link
from caesura.wire import messages

HIGH = 1100


@pytest.fixture
def high_socket() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connected pair, the first with a descriptor above 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft <= HIGH:
        resource.setrlimit(resource.RLIMIT_NOFILE, (HIGH + 100, hard))
    low, theirs = socket.socketpair()
    ours = socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH))
    low.close()
    yield ours, theirs
    theirs.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_message_arrives_over_a_high_descriptor(high_socket: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = high_socket
    with Link(ours) as link:
        assert link.receive(0) is None
        theirs.sendall(b"".join(messages.pack(messages.Welcome(pid=7))))
        assert link.receive(5) == messages.Welcome(pid=7)
