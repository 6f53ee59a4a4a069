"""A call: something that was started elsewhere and is awaited here."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any, Generic, TypeVar

from caesura import clock
from caesura.calls.backend import Backend, current_backend
from caesura.calls.hints import checked_seconds, expected
from caesura.model import CallKind, Wait
from caesura.wire.messages import Json

T = TypeVar("T")


class Call(asyncio.Future[T], Generic[T]):
    """The answer of an operation that runs elsewhere, as a future.

    It can be awaited, gathered, waited for, given to a task group, and cancelled, which gives the operation up.
    """

    def __init__(self, op_id: str, label: str, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.op_id = op_id
        self.label = label
        self.since = clock.wall()
        self._deadline: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        if not self.done():
            return f"<Call {self.label}, waiting for {max(0.0, clock.wall() - self.since):.0f} s>"
        if self.cancelled():
            return f"<Call {self.label}, cancelled>"
        # Asking an asyncio future for its exception marks it as seen; a look must not.
        return f"<Call {self.label}, {'failed' if self._exception is not None else 'done'}>"

    def cancel(self, msg: Any | None = None) -> bool:
        """Give the operation up: who awaits it gets CancelledError. False if it has ended."""
        if not super().cancel(msg):
            return False
        self.settle()
        backend = current_backend()
        backend.operations.pop(self.op_id, None)
        backend.cancel(self.op_id)
        return True

    def expect(self, seconds: float) -> Call[T]:
        """Say how long this call will take, counted from now; it gives the call: ``await f().expect(600)``."""
        due = clock.wall() + checked_seconds(seconds)
        operations = current_backend().operations
        if not self.done() and self.op_id in operations:
            operations[self.op_id] = self, replace(operations[self.op_id][1], due=due)
        return self

    def expire_in(self, seconds: float) -> None:
        """Give the operation up with TimeoutError if it has no answer in so many seconds of the loop's clock."""
        self._deadline = self.get_loop().call_later(seconds, _expire, self, seconds)

    def settle(self) -> None:
        """The call has ended: its deadline is of no use any more."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _expire(call: Call[Any], seconds: float) -> None:
    if call.done():
        return
    call.set_exception(TimeoutError(f"{call.label} had no answer within {seconds:g} s"))
    backend = current_backend()
    backend.operations.pop(call.op_id, None)
    backend.cancel(call.op_id)


def begin(
    backend: Backend,
    loop: asyncio.AbstractEventLoop,
    kind: CallKind,
    key: str,
    label: str,
    *,
    payload: bytes = b"",
    options: Json,
) -> Call[Any]:
    """Start an operation now. An error of :mod:`caesura.errors` if it cannot be started."""
    call: Call[Any] = Call(uuid.uuid4().hex, label, loop=loop)
    hint_s = expected()
    due = None if hint_s is None else call.since + hint_s
    backend.operations[call.op_id] = call, Wait(call.op_id, kind, key, label, call.since, due)
    try:
        backend.start(call.op_id, kind, key, label, payload, options, backend.parent())
    except BaseException:
        backend.operations.pop(call.op_id, None)
        raise
    return call
