"""Tasks, futures and timers of asyncio, in their C implementation.

A pending task gets its restored coroutine anew, which schedules one first step; in that step the coroutine's future
iterator, made fresh, gives the same future again, and the task waits for it as before. Nothing of the user runs in it.

``asyncio.Task`` and its layout: https://github.com/python/cpython/blob/3.13/Modules/_asynciomodule.c.
"""

from __future__ import annotations

import asyncio
import contextvars
import copyreg
import ctypes
import gc
import types
from typing import Any, Final, cast

from caesura import frames
from caesura.errors import CannotMove, InternalError
from caesura.loop.callbacks import FutureIter
from caesura.snapshot import task_fields
from caesura.snapshot.anyio_state import is_own_thread
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.restoring import Restoring, current

_C_FUTURE: Final[Any] = asyncio.Future
_C_TASK: Final[Any] = asyncio.Task

_add_to_awaited_by: Final[Any] = getattr(asyncio, "future_add_to_awaited_by", None)

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
    slots = _slots_of(future)
    if slots:
        state["slots"] = slots
    if future._source_traceback:
        state["source_traceback"] = future._source_traceback
    awaited_by = getattr(future, "_asyncio_awaited_by", None)  # from 3.14 on, for asyncio.capture_call_graph
    if awaited_by:
        state["awaited_by"] = list(awaited_by)
    if future._state == "CANCELLED":
        state["message"] = future._cancel_message
    elif future._state == "FINISHED":
        state["exception"], state["result"] = future._exception, future._result
        state["unread"] = future._log_traceback
    return state


def _slots_of(future: Any) -> dict[str, Any]:
    """The slots of a subclass that has such."""
    if type(future) in (_C_FUTURE, _C_TASK):
        return {}
    names = vars(copyreg)["_slotnames"](type(future))
    return {name: getattr(future, name) for name in names if hasattr(future, name)}


def _order(future: Any) -> list[tuple[Any, ...]]:
    order: list[tuple[Any, ...]] = []
    for callback, context in future._callbacks or ():
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, _C_TASK) and isinstance(callback, types.BuiltinMethodType):
            order.append(("task", owner))
            continue
        if is_own_thread(owner):
            continue  # it would only tell the thread to end, which stays behind
        if getattr(callback, "__qualname__", "").startswith("_chain_future."):
            raise CannotMove("job in another thread", remedy="It can be moved when the job is done.")
        order.append(("callback", callback, context))
    return order


def fill_future(restoring: Restoring, future: Any, state: dict[str, Any]) -> None:
    attributes_of(future).update(state.get("attributes", {}))
    for name, value in state.get("slots", {}).items():
        object.__setattr__(future, name, value)
    if "source_traceback" in state:
        task_fields.set_source_traceback(future, state["source_traceback"])
    for waiter in state.get("awaited_by", ()):
        _add_to_awaited_by(future, waiter)
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
                _C_FUTURE.add_done_callback(future, entry[1], context=entry[2])


# --- tasks ----------------------------------------------------------------------------------------------------------


def reduce_task(pickler: Pickling, task: Any) -> Reduced:
    _check_loop(pickler, task)
    if not task.done():
        _check_wait(task)
    state = _future_state(task)
    state |= task_fields.read(task)
    state["name"] = task.get_name()
    state["coroutine"] = _coroutine_of(task)
    state["context"] = _context_of(task)
    state["message"] = task._cancel_message
    if not task._log_destroy_pending:
        state["quiet"] = True
    pickler.later("task", task, state)
    return make_task, (type(task),)


def _check_wait(task: Any) -> None:
    """Raise CannotMove if ``task``, once it has its coroutine back, would not take up its wait by itself."""
    waiter = task._fut_waiter
    if waiter is None:
        raise CannotMove(f"task {task.get_name()}", remedy="It is about to run; it can be moved while it waits.")
    if not isinstance(waiter, _C_FUTURE) or not _ends_in_future(task.get_coro()):
        kind = f"{type(waiter).__module__}.{type(waiter).__qualname__}"
        raise CannotMove(
            f"wait of task {task.get_name()} for {kind}, which gives itself to the loop in a way of its own",
            remedy="Await an asyncio.Future, or let __await__ return that of one.",
        )


def _ends_in_future(awaited: Any) -> bool:
    """Whether what is awaited at the end is the iterator of a future, which can be made anew: any other one would be
    resumed where it is."""
    while type(awaited) is not FutureIter:
        if isinstance(awaited, types.CoroutineType):
            awaited = awaited.cr_await
        elif isinstance(awaited, types.GeneratorType):
            awaited = awaited.gi_yieldfrom
        elif isinstance(awaited, types.AsyncGeneratorType):
            awaited = awaited.ag_await
        else:
            found = frames.read_awaitable(awaited)
            if found is None:
                return False
            awaited = found[1][0]
    return True


def make_task(cls: type) -> object:
    return _C_TASK.__new__(cls)


def _context_of(task: Any) -> contextvars.Context | None:
    if hasattr(task, "get_context"):
        return cast("contextvars.Context", task.get_context())
    # Up to 3.11 there is no getter; the task's own context comes before those of its callbacks.
    return next((part for part in gc.get_referents(task) if type(part) is contextvars.Context), None)


def _coroutine_of(task: Any) -> object:
    if not task.done():
        return task.get_coro()
    # CPython 3.12.1 crashes when an eager task that is done is asked for it. It comes before the task's loop.
    for part in gc.get_referents(task):
        if part is task._loop:
            break
        if asyncio.iscoroutine(part):
            return part
    return None


def prepare_task(task: Any, state: dict[str, Any]) -> None:
    """Raise what :func:`fill_task` could raise."""
    task_fields.check(state)
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
    task_fields.write(task, state)
    if "quiet" in state:
        task._log_destroy_pending = False
    if is_pending and "must_cancel" in state:
        task._cancel_message = state["message"]
        loop.call_soon(task_fields.set_must_cancel, task)  # behind the step in which it takes up its wait
    fill_future(restoring, task, state)


# --- handles --------------------------------------------------------------------------------------------------------


def reduce_handle(pickler: Pickling, handle: Any) -> Reduced:
    state = (handle._callback, handle._args, handle._context, handle._cancelled, handle._source_traceback)
    pickler.later("handle", handle, state)
    return make_handle, (type(handle), handle.when() if isinstance(handle, asyncio.TimerHandle) else None)


def make_handle(cls: Any, when: float | None) -> object:
    handle: Any = cls.__new__(cls)
    handle._loop = current().loop
    handle._repr = None
    if when is not None:
        handle._when = when  # its hash
        handle._scheduled = False
    return handle


def fill_handle(handle: Any, state: tuple[Any, ...]) -> None:
    handle._callback, handle._args, handle._context, handle._cancelled, handle._source_traceback = state
