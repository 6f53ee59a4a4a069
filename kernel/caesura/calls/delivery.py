"""From the answer of an operation to the end of its call. Both backends use it, on the loop's thread."""

from __future__ import annotations

import asyncio
from typing import Any

from caesura.calls import values
from caesura.calls.call import Call
from caesura.errors import CallFailed, OperationUncertain
from caesura.loop import Operations
from caesura.wire.messages import Answered


def deliver(operations: Operations, answer: Answered, namespace: dict[str, object]) -> None:
    """Resolve the call that ``answer`` belongs to. An answer to a call that nobody awaits any more is dropped."""
    future, wait = operations.pop(answer.op_id, (None, None))
    if future is None or wait is None or future.done():
        return
    outcome = _outcome(answer, wait.label, namespace)
    if isinstance(outcome, _Failure):
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome)
    if isinstance(future, Call):
        future.settle()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _outcome(answer: Answered, label: str, namespace: dict[str, object]) -> Any:
    if answer.uncertain:
        return _Failure(OperationUncertain(answer.text or f"Nobody knows whether {label} was carried out."))
    payload = bytes(answer.buffers[0]) if answer.buffers else b""
    if not payload:
        return _Failure(CallFailed(answer.text or f"{label} ended without a result."))
    try:
        value = values.loads(payload, namespace)
    except Exception as error:  # noqa: BLE001  it raises where the call is awaited
        what = "result" if answer.ok else "exception"
        failure = CallFailed(f"The {what} of {label} cannot be loaded here: {type(error).__name__}: {error}")
        failure.__cause__ = error
        return _Failure(failure)
    return value if answer.ok else _Failure(_as_exception(value, label))


def _as_exception(error: object, label: str) -> BaseException:
    """What an await raises. An exception that would end the caller's loop or look like its cancellation is wrapped."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    kind = "a cancellation" if isinstance(error, asyncio.CancelledError) else f"{type(error).__name__}: {error}"
    failure = CallFailed(f"{label} ended with {kind}")
    failure.__cause__ = error if isinstance(error, BaseException) else None
    return failure
