"""Fields of tasks and futures that asyncio's C implementation shows, or does not even show, but does not let one set.

Where they are is found by looking for known values in an object made for the purpose; nothing depends on a layout that
is written down here. ``TaskObj`` and ``FutureObj`` in
https://github.com/python/cpython/blob/3.13/Modules/_asynciomodule.c.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
from dataclasses import dataclass
from typing import Any, Final, cast

from caesura.errors import InternalError

_WORD: Final = 8
_CANCELS: Final = 4


@dataclass(frozen=True, slots=True)
class Fields:
    """Offsets in a task. ``must_cancel`` is an ``int`` and the bit of it; None: could not be found."""

    cancelling: int | None
    must_cancel: tuple[int, int] | None
    cancelled_error: int | None
    source_traceback: int | None


@functools.cache
def fields() -> Fields:
    """Where the fields are on this interpreter."""
    loop = _StandIn()
    error = asyncio.CancelledError()
    task = _probe(loop, error)
    rows = []
    for _ in range(_CANCELS + 1):
        rows.append(_integers(task))
        task.cancel()
    columns = list(zip(*rows, strict=True))
    cancelling = _only(4 * index for index, values in enumerate(columns) if values == (0, 1, 2, 3, 4))
    must_cancel = _only((4 * index, bit) for index, values in enumerate(columns) if (bit := _bit_set(values)))
    if must_cancel is not None:
        _write_bit(task, must_cancel, is_set=False)
        if task._must_cancel:
            must_cancel = None
    task.uncancel()
    traceback = _where(task, task._source_traceback)
    loop.step()  # in which the task ends with this very error
    return Fields(cancelling, must_cancel, _where(task, error), traceback)


class _StandIn:
    """All that a task asks of its loop. It keeps the step of the task until it is told to make it."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def get_debug(self) -> bool:
        return True

    def call_soon(self, step: Any, *arguments: object, context: object = None) -> None:
        self.steps.append((step, arguments))

    def step(self) -> None:
        step, arguments = self.steps.pop()
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(cast("Any", self))
        try:
            step(*arguments)
        finally:
            asyncio._set_running_loop(running)


def _probe(loop: _StandIn, error: BaseException) -> Any:
    async def ends() -> None:
        raise error

    return asyncio.Task(ends(), loop=cast("Any", loop))


def _only(found: Any) -> Any:
    each = list(found)
    return each[0] if len(each) == 1 else None


def _bit_set(values: tuple[int, ...]) -> int:
    """The one bit that is set from the second value on and was not in the first; 0 if there is no such."""
    first, *later = values
    bit = later[0] & ~first
    return bit if bit.bit_count() == 1 and all(value == first | bit for value in later) else 0


def _integers(task: object) -> list[int]:
    return list((ctypes.c_uint32 * (type(task).__basicsize__ // 4)).from_address(id(task)))


def _where(task: object, value: object) -> int | None:
    words = (ctypes.c_uint64 * (type(task).__basicsize__ // _WORD)).from_address(id(task))
    return cast("int | None", _only(_WORD * index for index, word in enumerate(words) if word == id(value)))


def _write_bit(task: object, place: tuple[int, int], *, is_set: bool) -> None:
    word = ctypes.c_uint32.from_address(id(task) + place[0])
    word.value = word.value | place[1] if is_set else word.value & ~place[1]


def check(state: dict[str, Any]) -> None:
    """Raise InternalError if one of the fields in ``state``, as :func:`read` gave it, cannot be set here."""
    for name in ("cancelling", "must_cancel", "cancelled_error", "source_traceback"):
        if state.get(name) and getattr(fields(), name) is None:
            raise InternalError(f"The field {name!r} of a task cannot be restored on this interpreter.")


def read(task: Any) -> dict[str, Any]:
    """Those of the fields that differ from a fresh task's."""
    state: dict[str, Any] = {}
    if task.cancelling():
        state["cancelling"] = task.cancelling()
    if task._must_cancel:
        state["must_cancel"] = True
    if task.cancelled() and (place := fields().cancelled_error) is not None:
        word = ctypes.c_uint64.from_address(id(task) + place)
        if word.value:
            state["cancelled_error"] = ctypes.cast(word.value, ctypes.py_object).value
    return state


def write(task: object, state: dict[str, Any]) -> None:
    """Set what :func:`read` gave, but for :func:`set_must_cancel`."""
    known = fields() if state.keys() & {"cancelling", "cancelled_error"} else None
    if known is None:
        return
    if "cancelling" in state and known.cancelling is not None:
        ctypes.c_int.from_address(id(task) + known.cancelling).value = state["cancelling"]
    if "cancelled_error" in state and known.cancelled_error is not None:
        _put(task, known.cancelled_error, state["cancelled_error"])


def set_must_cancel(task: object) -> None:
    """Have the next step of ``task`` raise CancelledError in its coroutine."""
    place = fields().must_cancel
    assert place is not None
    _write_bit(task, place, is_set=True)


def set_source_traceback(future: object, trace: object) -> None:
    """Where a task or future was made, which the loop shows in debug mode."""
    place = fields().source_traceback
    if place is not None:
        _put(future, place, trace)


def _put(obj: object, offset: int, value: object) -> None:
    """Put ``value`` into a word that owns its object or is empty."""
    word = ctypes.c_uint64.from_address(id(obj) + offset)
    before = word.value
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    word.value = id(value)
    if before:
        ctypes.pythonapi.Py_DecRef(ctypes.cast(before, ctypes.py_object))
