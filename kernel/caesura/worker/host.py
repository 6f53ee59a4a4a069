"""What a cell, a function and a request may ask of the worker that runs them."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Any, Protocol

from caesura.worker.jupyter_socket import JupyterSocket


class Main(Protocol):
    """What runs as the session's main task: a cell, or a function."""

    kind: str
    cell_id: str
    moves: int
    task: asyncio.Task[Any] | None

    @property
    def parent(self) -> dict[str, Any]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    async def drive(self) -> None: ...


class Host(Protocol):
    kernel: Any  # a CaesuraKernel; what it inherits is not typed
    shell_socket: JupyterSocket
    control_socket: JupyterSocket

    def undisturbed(self) -> AbstractContextManager[None]:
        """Code inside is not interrupted; an interrupt that came is raised at its end."""
        ...

    def batch(self) -> AbstractContextManager[None]:
        """Messages that are sent inside go out together."""
        ...

    def was_interrupted(self, task: asyncio.Task[Any]) -> bool: ...

    def drain(self) -> None:
        """Send all output that has been written."""
        ...

    def cell_began(self) -> None:
        """The cell makes its first step."""
        ...

    def cell_done(self, cell: Main, status: str, execution_count: int, error: str) -> None: ...

    def function_done(self, function: Main, ok: bool, result: bytes) -> None: ...
