"""Who carries calls out for this process.

In a worker that is the worker itself, which installs its backend; under plain ``python3`` it is a client of the home's
coordinator, made when the first call is started.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Protocol

from caesura.errors import UsageError
from caesura.loop import Holds, Operations
from caesura.model import CallKind
from caesura.wire.messages import Json


@dataclass(frozen=True, slots=True)
class Current:
    """Where the code that asks runs. All fields are None where no Caesura kernel runs it.

    ``moves`` counts how often the cell has left a worker, ``epoch`` the processes that the session has had.
    """

    cell_id: str | None = None
    session_id: str | None = None
    epoch: int | None = None
    worker_id: str | None = None
    worker_pid: int | None = None
    moves: int | None = None


class Backend(Protocol):
    """What calls need of the process that they are made in. Main thread only."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The only loop on which calls can be started; None if any will do."""
        ...

    @property
    def namespace(self) -> dict[str, object]:
        """The globals of the notebook, by which its functions are known."""
        ...

    @property
    def operations(self) -> Operations:
        """Where calls that have no answer are kept."""
        ...

    @property
    def holds(self) -> Holds | None:
        """Where ``caesura.hold`` is noted; None if nothing is ever moved."""
        ...

    def start(
        self, op_id: str, kind: CallKind, key: str, label: str, payload: bytes, options: Json, parent: Json
    ) -> None:
        """Begin an operation that is in :attr:`operations` already. An error of :mod:`caesura.errors` if it cannot."""
        ...

    def cancel(self, op_id: str) -> None:
        """Nobody waits for the operation any more."""
        ...

    def progress(self, done: float, total: float) -> None:
        """The remote function that runs here has done so much; nothing happens where none runs."""
        ...

    def parent(self) -> Json:
        """The header under which output of a call that is started now appears."""
        ...

    def current(self) -> Current:
        """See :func:`caesura.current`."""
        ...


_installed: Backend | None = None


def install(backend: Backend | None) -> None:
    """Make ``backend`` the one of this process; None takes it away."""
    global _installed
    _installed = backend


def installed() -> Backend | None:
    """The backend of this process, if it has one already."""
    return _installed


def current_backend() -> Backend:
    """The backend of this process; outside a worker, a client of the home that the environment names."""
    global _installed
    if _installed is None:
        from caesura.calls.client_backend import ClientBackend  # a worker never needs it
        from caesura.config import home_directory

        _installed = ClientBackend(home_directory(os.environ), os.environ)
    return _installed


def ready(what: str) -> tuple[Backend, asyncio.AbstractEventLoop]:
    """The backend and the loop for a call that is about to start; UsageError if ``what`` cannot be started here."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(
            f"{what} can only be started where an event loop runs: in a cell of a notebook, or inside asyncio.run(). "
            "Another thread can use asyncio.run_coroutine_threadsafe()."
        ) from None
    backend = current_backend()
    if backend.loop is not None and backend.loop is not loop:
        raise UsageError(
            f"{what} was started on an event loop of another thread. Start it from the notebook's own code, or with "
            "asyncio.run_coroutine_threadsafe()."
        )
    return backend, loop
