"""Tasks, futures and timers of asyncio, in their C implementation.

A pending task gets its restored coroutine anew, which schedules one first step; in that step the coroutine's future
iterator, made fresh, gives the same future again, and the task waits for it as before. Nothing of the user runs in it.

``asyncio.Task`` and its layout: https://github.com/python/cpython/blob/3.13/Modules/_asynciomodule.c.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import functools
import gc
import types
from typing import Any, Final, cast

from caesura import frames
from caesura.errors import CannotMove, InternalError
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.restoring import Restoring, current

_C_FUTURE: Final[Any] = asyncio.Future
_C_TASK: Final[Any] = asyncio.Task

_generic_dict: Final = ctypes.pythonapi.PyObject_GenericGetDict
_generic_dict.argtypes = [ctypes.py_object, ctypes.c_void_p]
_generic_dict.restype = ctypes.py_object


def attributes_of(obj: object) -> dict[str, Any]:
    """The attributes set on a future: a C future has a dict, but no ``__dict__``."""
    return cast("dict[str, Any]", _generic_dict(obj, None))


# --- futures --------------------------------------------------------------------------------------------------------


def reduce_future(pickler: Pickling, future: Any) -> Reduced:
    _check_loop(pickler, future)
    pickler.later("future", future, _future_state(future))
    return make_future, (type(future),)


def make_future(cls: type) -> object:
    future = _C_FUTURE.__new__(cls)
    _C_FUTURE.__init__(future, loop=current().loop)
    return future


def _check_loop(pickler: Pickling, future: Any) -> None:
    if future._loop is not pickler.loop:
        raise CannotMove(f"{type(future).__qualname__} of another event loop", remedy="Await it before.")


def _future_state(future: Any) -> dict[str, Any]:
    state: dict[str, Any] = {"is": future._state, "order": _order(future)}
    attributes = attributes_of(future)
    if attributes:
        state["attributes"] = dict(attributes)
    if future._state == "CANCELLED":
        state["message"] = future._cancel_message
    elif future._state == "FINISHED":
        state["exception"], state["result"] = future._exception, future._result
        state["unread"] = future._log_traceback
    return state


def _order(future: Any) -> list[tuple[Any, ...]]:
    order: list[tuple[Any, ...]] = []
    for callback, context in future._callbacks or ():
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, _C_TASK) and isinstance(callback, types.BuiltinMethodType):
            order.append(("task", owner))
            continue
        if getattr(callback, "__qualname__", "").startswith("_chain_future."):
            raise CannotMove("job in another thread", remedy="It can be moved when the job is done.")
        order.append(("callback", callback, context))
    return order


def fill_future(restoring: Restoring, future: Any, state: dict[str, Any]) -> None:
    attributes_of(future).update(state.get("attributes", {}))
    if state["is"] == "CANCELLED":
        _C_FUTURE.cancel(future, msg=state["message"])
    elif state["is"] == "FINISHED":
        if state["exception"] is not None:
            _C_FUTURE.set_exception(future, state["exception"])
            if not state["unread"]:
                future._log_traceback = False
        else:
            _C_FUTURE.set_result(future, state["result"])
    elif state["order"]:
        restoring.orders.append((future, state["order"]))
        for entry in state["order"]:
            if entry[0] == "callback":
                future.add_done_callback(entry[1], context=entry[2])


# --- tasks ----------------------------------------------------------------------------------------------------------


def reduce_task(pickler: Pickling, task: Any) -> Reduced:
    _check_loop(pickler, task)
    if not task.done() and task._fut_waiter is None:
        raise CannotMove(f"task {task.get_name()}", remedy="It is about to run; it can be moved while it waits.")
    state = _future_state(task)
    state["name"] = task.get_name()
    state["coroutine"] = task.get_coro()
    state["context"] = _context_of(task)
    state["cancelling"] = task.cancelling()
    pickler.later("task", task, state)
    return make_task, (type(task),)


def make_task(cls: type) -> object:
    return _C_TASK.__new__(cls)


def _context_of(task: Any) -> contextvars.Context | None:
    if hasattr(task, "get_context"):
        return cast("contextvars.Context", task.get_context())
    # Up to 3.11 there is no getter; the task's own context comes before those of its callbacks.
    return next((part for part in gc.get_referents(task) if type(part) is contextvars.Context), None)


def prepare_task(task: Any, state: dict[str, Any]) -> None:
    """Raise what :func:`fill_task` could raise."""
    if state["cancelling"] and _cancelling_offset() is None:
        raise InternalError("The number of cancellations of a task cannot be restored on this interpreter.")
    if state["is"] == "PENDING" and not asyncio.iscoroutine(state["coroutine"]):
        raise InternalError(f"Task {state['name']} has no coroutine.")


def fill_task(restoring: Restoring, task: Any, state: dict[str, Any]) -> None:
    is_pending = state["is"] == "PENDING"
    loop = restoring.loop
    # A finished task never steps its coroutine: any will do where the task gave its own away.
    coroutine = state["coroutine"] or frames.blank_finished("coroutine", "coroutine", "coroutine")
    _C_TASK.__init__(task, coroutine, loop=loop, name=state["name"], context=state["context"])
    if not is_pending:
        loop._ready.pop()
    if state["cancelling"]:
        offset = _cancelling_offset()
        assert offset is not None
        ctypes.c_int.from_address(id(task) + offset).value = state["cancelling"]
    fill_future(restoring, task, state)


@functools.cache
def _cancelling_offset() -> int | None:
    """Where a task counts its cancellations: found by cancelling one and looking. None if it is not clear."""
    loop = asyncio.new_event_loop()
    try:
        coroutine: Any = frames.blank_finished("coroutine", "probe", "probe")
        task = asyncio.Task(coroutine, loop=loop)
        rows = []
        for _ in range(5):
            rows.append(_words(task))
            task.cancel()
        found = [index for index, values in enumerate(zip(*rows, strict=True)) if values == (0, 1, 2, 3, 4)]
        cast("Any", loop)._ready.clear()
        _C_FUTURE.set_result(task, None)
        return found[0] * 4 if len(found) == 1 else None
    finally:
        loop.close()


def _words(task: object) -> list[int]:
    return list((ctypes.c_int * (type(task).__basicsize__ // 4)).from_address(id(task)))


# --- handles --------------------------------------------------------------------------------------------------------


def reduce_handle(pickler: Pickling, handle: Any) -> Reduced:
    is_timer = isinstance(handle, asyncio.TimerHandle)
    scheduled = pickler.loop._scheduled if is_timer and not handle._cancelled else ()
    index = next((position for position, timer in enumerate(scheduled) if timer is handle), -1)
    state = (handle._callback, handle._args, handle._context, handle._cancelled, index)
    pickler.later("handle", handle, state)
    return make_handle, (type(handle), handle._when if is_timer else None)


def make_handle(cls: Any, when: float | None) -> object:
    handle: Any = cls.__new__(cls)
    handle._loop = current().loop
    handle._repr = None
    handle._source_traceback = None
    if when is not None:
        handle._when = when  # its hash
        handle._scheduled = False
    return handle


def fill_handle(restoring: Restoring, handle: Any, state: tuple[Any, ...]) -> int:
    """The handle's place among the loop's timers, or -1."""
    handle._callback, handle._args, handle._context, handle._cancelled, index = state
    if index >= 0:
        handle._scheduled = True
    return cast("int", index)
