"""A remote function: the main task of a session of its own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from caesura.calls.function import dump_error, run_call
from caesura.worker.host import Host
from caesura.worker.restored import go_on
from caesura.worker.tracebacks import without_frames_of


class Function:
    """``payload`` is the pickled call, ``parent`` the header under which its output appears."""

    kind = "function"

    def __init__(self, host: Host, cell_id: str, payload: bytes, parent: dict[str, Any]) -> None:
        self._host = host
        self.cell_id = cell_id
        self.moves = 0
        self.task: asyncio.Task[Any] | None = None
        self.parent = parent
        self._payload = payload
        self._coroutine: Any = None

    @classmethod
    def blank(cls, host: Host) -> Function:
        """A function to be filled by :meth:`restore`."""
        return cls(host, "", b"", {})

    def state(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "cell_id": self.cell_id,
            "coroutine": self._coroutine,
            "task": self.task,
            "parent": self.parent,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.cell_id, self._coroutine, self.task = state["cell_id"], state["coroutine"], state["task"]
        self.parent = state["parent"]

    def _to_run(self) -> Any:
        if self._coroutine is None:
            if self.task is not None and self._host.was_interrupted(self.task):
                raise KeyboardInterrupt
            self._coroutine = run_call(self._payload)
            self._payload = b""
        return self._coroutine

    async def drive(self) -> None:
        """The coroutine of the function's task."""
        try:
            result, is_ok = await go_on(self._to_run()), True
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it raises goes to its caller
            error.__traceback__ = without_frames_of(error.__traceback__, (Function.drive.__code__, go_on.__code__))
            result, is_ok = dump_error(error), False
        with contextlib.suppress(KeyboardInterrupt), self._host.undisturbed():
            self._host.function_done(self, is_ok, result)
