"""Calls of a program without a kernel: it is a client of the home's coordinator.

The connection is made, and the coordinator started, with the first call. A thread of its own reads answers and what the
functions print; answers are delivered on the loop of their call.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caesura.calls.backend import Current
from caesura.calls.call import Call
from caesura.calls.delivery import deliver
from caesura.client import ConnectionLost, Link, error_of, open_link
from caesura.errors import OperationUncertain
from caesura.loop import Holds, Operations
from caesura.model import CallKind
from caesura.starting import ensure_coordinator
from caesura.wire.messages import Answered, Event, Json, Reply, Request


class ClientBackend:
    """The backend of one process for one home. Calls may be started on any loop."""

    loop: asyncio.AbstractEventLoop | None = None
    holds: Holds | None = None

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = environ
        self._operations = Operations()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._asked: dict[int, str] = {}
        self._link: Link | None = None

    @property
    def namespace(self) -> dict[str, object]:
        return vars(sys.modules["__main__"])

    @property
    def operations(self) -> Operations:
        return self._operations

    def parent(self) -> Json:
        return {}

    def current(self) -> Current:
        return Current()

    def start(
        self, op_id: str, kind: CallKind, key: str, label: str, payload: bytes, options: Json, parent: Json
    ) -> None:
        """See :class:`~caesura.calls.backend.Backend`. CoordinatorUnavailable if no coordinator can be had."""
        _accept_calls_as_tasks(self._operations[op_id][0].get_loop())
        params = {
            "op_id": op_id,
            "kind": str(kind),
            "key": key,
            "label": label,
            "options": options,
            "environment": _environment(self._environ),
        }
        with self._lock:
            link = self._connected()
            number = next(self._numbers)
            self._asked[number] = op_id
            try:
                link.send(Request(number=number, method="call", params=params, buffers=(payload,)))
            except BaseException:
                del self._asked[number]
                raise

    def cancel(self, op_id: str) -> None:
        with self._lock:
            if self._link is not None:
                request = Request(number=next(self._numbers), method="cancel_call", params={"op_id": op_id})
                with contextlib.suppress(ConnectionLost):  # then nobody is there who could go on with it
                    self._link.send(request)

    def progress(self, done: float, total: float) -> None:
        """No remote function runs in a client."""

    def _connected(self) -> Link:
        if self._link is None:
            ensure_coordinator(self._home, self._environ, is_for_notebook=True)
            self._link = open_link(self._home, role="client")
            threading.Thread(target=self._read, args=(self._link,), name="caesura-answers", daemon=True).start()
        return self._link

    # --- the reading thread -----------------------------------------------------------------------------------------

    def _read(self, link: Link) -> None:
        with link:
            try:
                while True:
                    self._take(link.receive())
            except ConnectionLost as lost:
                self._lose(link, str(lost))

    def _take(self, message: object) -> None:
        match message:
            case Reply(number=number) if (op_id := self._asked.pop(number, None)) is not None:
                self._answer(op_id, _answered(op_id, message))
            case Event(name="output", data=data):
                stream = sys.stderr if data.get("name") == "stderr" else sys.stdout
                stream.write(str(data.get("text", "")))
                stream.flush()

    def _answer(self, op_id: str, answer: Answered | Exception) -> None:
        future, _wait = self._operations.get(op_id, (None, None))
        if future is None:
            return
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits
            future.get_loop().call_soon_threadsafe(self._settle, op_id, answer)

    def _settle(self, op_id: str, answer: Answered | Exception) -> None:
        if isinstance(answer, Answered):
            deliver(self._operations, answer, self.namespace)
            return
        future, _wait = self._operations.pop(op_id, (None, None))
        if future is not None and not future.done():
            future.set_exception(answer)
        if isinstance(future, Call):
            future.settle()

    def _lose(self, link: Link, text: str) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
            asked, self._asked = self._asked, {}
        for op_id in asked.values():
            self._answer(op_id, OperationUncertain(f"{text} Nobody knows whether the call was carried out."))


def _answered(op_id: str, reply: Reply) -> Answered | Exception:
    if reply.error:
        return error_of(reply)
    result: dict[str, Any] = reply.result
    return Answered(
        op_id=op_id,
        ok=bool(result["ok"]),
        at=float(result["at"]),
        uncertain=bool(result["uncertain"]),
        text=str(result["text"]),
        buffers=reply.buffers,
    )


def _environment(environ: Mapping[str, str]) -> Json:
    """Where a function of this program runs: in the same environment as the program."""
    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "cwd": os.getcwd(),
        "env": dict(environ),
        "argv": [],
    }


def _accept_calls_as_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let ``TaskGroup.create_task`` take a call, as the cell loop does, unless the program has a task factory."""
    if loop.get_task_factory() is None:
        loop.set_task_factory(_make_task)


def _make_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(_awaited(coro) if isinstance(coro, Call) else coro, loop=loop, **options)


async def _awaited(call: Call[Any]) -> Any:
    return await call
