"""Workers that a zygote has forked before they are asked for.

A fork of a large process, and the first steps after it, take longer than the rest of a resume. So a zygote keeps a few
processes that have done all that does not depend on the session: they stand in the notebook's directory and variables
and have read its settings. One is handed out only to a request for the same directory and variables, and only if the
configuration files are what they were; otherwise the worker is forked as ever.

What lives here: the zygote's end (:class:`Spares`) and the spare's own (:func:`wait_for_request`). What must not: what
a worker does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.wire.messages import Fork

_MOST: Final = 2
"""How many are kept: each costs a few megabytes."""
_AFTER_S: Final = 0.05
"""A spare is made so long after the last request: the worker that was just asked for needs the processor more."""
_MOST_FAILURES: Final = 3
_DIFFERS: Final = frozenset({"JPY_SESSION_NAME"})
"""Variables that each notebook has to itself and no setting depends on."""

Conditions = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Spare:
    """``stamps`` are the configuration files that it looked for; None until it is ready."""

    pid: int
    connection: socket.socket
    conditions: Conditions
    stamps: list[list[Any]] | None = None
    received: bytes = field(default=b"")


@dataclass(frozen=True)
class SpareChild:
    """In a process that is to be a spare: how it hears what it has to become, and where it is to wait."""

    connection: socket.socket
    cwd: str
    env: dict[str, str]


@dataclass(frozen=True)
class Becoming:
    """What a spare is told."""

    worker_id: str
    cwd: str
    env: dict[str, str]


def conditions_of(request: Fork) -> Conditions:
    """What has to be the same for a spare to be of use."""
    variables = {str(name): str(value) for name, value in request.env.items() if name not in _DIFFERS}
    return request.cwd, tuple(sorted(variables.items()))


def stamp(path: str) -> list[Any]:
    """What tells a file from itself after a change."""
    try:
        found = os.stat(path)
    except OSError:
        return [path]
    return [path, found.st_ino, found.st_size, found.st_mtime_ns]


class Spares:
    """Of one zygote. ``fork`` and what it means to be a child are the zygote's."""

    def __init__(self) -> None:
        self._spares: list[Spare] = []
        self._last: Fork | None = None
        self._due = 0.0
        self._failures = 0

    @property
    def connections(self) -> dict[int, Spare]:
        """Descriptors that can be read when a spare is ready or has ended."""
        return {spare.connection.fileno(): spare for spare in self._spares}

    def hand_over(self, request: Fork) -> int | None:
        """The pid of the spare that has become what is requested; None if there is none for it."""
        self._last, self._due = request, time.monotonic() + _AFTER_S
        conditions = conditions_of(request)
        for spare in list(self._spares):
            if spare.conditions != conditions or spare.stamps is None:
                continue
            self._forget(spare)
            is_current = all(stamp(str(each[0])) == each for each in spare.stamps)
            if is_current and _tell(spare, request):
                spare.connection.close()
                return spare.pid
            self._end(spare)
        return None

    def timeout_ms(self) -> int | None:
        """In how long one is to be made, for ``poll``; None if none is."""
        return max(0, int(1000 * (self._due - time.monotonic())) + 1) if self._last is not None else None

    def wanted(self) -> Fork | None:
        """The request for whose like a spare is to be made now, once."""
        if self._last is None or time.monotonic() < self._due:
            return None
        request, self._last = self._last, None
        conditions = conditions_of(request)
        if self._failures >= _MOST_FAILURES or any(spare.conditions == conditions for spare in self._spares):
            return None
        while len(self._spares) >= _MOST:
            oldest = self._spares[0]
            self._forget(oldest)
            self._end(oldest)
        return request

    def made(self, pid: int, connection: socket.socket, request: Fork) -> None:
        self._spares.append(Spare(pid, connection, conditions_of(request)))

    def read(self, spare: Spare) -> None:
        """It says that it is ready, or has ended."""
        data = b""
        with contextlib.suppress(OSError):
            data = spare.connection.recv(1 << 16)
        spare.received += data
        if not data:
            self._failures += 1
            self._forget(spare)
            self._end(spare)
        elif spare.received.endswith(b"\n"):
            self._failures = 0
            spare.stamps = json.loads(spare.received)

    def reaped(self, pid: int) -> bool:
        """Whether a process that has ended was a spare."""
        found = next((spare for spare in self._spares if spare.pid == pid), None)
        if found is not None:
            self._failures += 1
            self._forget(found)
            found.connection.close()
        return found is not None

    def drop(self) -> None:
        """End all: what they were made from is not what it was."""
        for spare in list(self._spares):
            self._forget(spare)
            self._end(spare)

    def leave(self) -> None:
        """In a new process: let go of what is the zygote's, or spares would not hear of its end."""
        for spare in self._spares:
            spare.connection.close()
        self._spares.clear()

    def _forget(self, spare: Spare) -> None:
        self._spares.remove(spare)

    @staticmethod
    def _end(spare: Spare) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(spare.pid, signal.SIGKILL)
        spare.connection.close()


def _tell(spare: Spare, request: Fork) -> bool:
    line = json.dumps({"worker_id": request.worker_id, "cwd": request.cwd, "env": dict(request.env)})
    try:
        spare.connection.sendall(line.encode() + b"\n")
    except OSError:
        return False
    return True


def wait_for_request(connection: socket.socket, stamps: list[list[Any]]) -> Becoming | None:
    """In a spare that is ready: what it has to become; None if it is not needed any more."""
    try:
        connection.sendall(json.dumps(stamps).encode() + b"\n")
        with connection, connection.makefile("rb") as file:
            line = file.readline()
    except OSError:
        return None
    if not line.endswith(b"\n"):
        return None
    found: Mapping[str, Any] = json.loads(line)
    return Becoming(found["worker_id"], found["cwd"], found["env"])
