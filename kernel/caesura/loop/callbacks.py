"""What asyncio's own callbacks do when a future is done or a timer is due.

``gather``, ``wait``, ``shield``, ``as_completed``, ``wait_for`` and ``TaskGroup`` hang callbacks on futures that count
and pass on, without running code of the user. They are told by the name and module of their function, because a
restored closure has a code object of its own. Sources: https://github.com/python/cpython/blob/3.13/Lib/asyncio/tasks.py,
taskgroups.py, timeouts.py and futures.py there; the names are the same in 3.11 to 3.14 unless said otherwise.
"""

from __future__ import annotations

import asyncio
import asyncio.futures
import asyncio.tasks
import asyncio.timeouts
import functools
import types
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, cast

Future = asyncio.Future[Any]
Target = Future | asyncio.Task[Any]

GatheringFuture: type[Future] = vars(asyncio.tasks)["_GatheringFuture"]
_release_waiter = vars(asyncio.tasks)["_release_waiter"]
_discard_awaited_by = vars(asyncio.tasks).get("_discard_awaited_by", _release_waiter)  # from a 3.14 on
_set_result_unless_cancelled = vars(asyncio.futures)["_set_result_unless_cancelled"]
_loopless = asyncio.Future[Any](loop=cast("Any", types.SimpleNamespace(get_debug=bool)))
FutureIter = type(_loopless.__await__())

Rule = Literal["all", "all or first failure", "first"]


@dataclass(frozen=True, slots=True)
class Joint:
    """A callback that hangs on several futures and completes one when enough of them are done.

    ``key`` is the same for all of its hooks. ``completes`` is None when nobody waits for it now. ``missing`` is how
    many have still to be done (None: all on which it hangs).
    """

    key: int
    rule: Rule
    completes: Target | None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Passes:
    """A callback that completes ``to`` when the future on which it hangs is done."""

    to: Target


class WakesTask:
    """The callback with which a task waits; the task itself knows what for."""


class NotesOnly:
    """Changes what asyncio knows about its futures, and makes nothing ready."""


class ExecutorJob:
    """The future of a job in another thread."""


class UserCode:
    """Anything else."""


Reaction = Joint | Passes | WakesTask | NotesOnly | ExecutorJob | UserCode
_WAKES_TASK, _NOTES_ONLY, _EXECUTOR_JOB, _USER_CODE = WakesTask(), NotesOnly(), ExecutorJob(), UserCode()


def reaction_of(callback: object) -> Reaction:
    """What a done callback of a future does."""
    owner = getattr(callback, "__self__", None)
    if owner is not None:
        return _of_method(callback, owner)
    if isinstance(callback, types.FunctionType):
        made_by = _FUNCTIONS.get(callback.__qualname__)
        if made_by is not None and made_by[0] == callback.__module__:
            return made_by[1](callback)
    elif isinstance(callback, functools.partial):
        if callback.func is _release_waiter:
            return Passes(callback.args[0])  # wait_for of 3.11, and _cancel_and_wait
        if callback.func is _discard_awaited_by:
            return _NOTES_ONLY
    return _USER_CODE


def _of_method(callback: object, owner: object) -> Reaction:
    name = getattr(callback, "__name__", "")
    if isinstance(owner, asyncio.Task):
        # The second is the task that is written in Python.
        return _WAKES_TASK if name in ("task_wakeup", "__wakeup") else _USER_CODE
    if isinstance(owner, asyncio.TaskGroup) and name == "_on_task_done":
        return Joint(id(owner), "all or first failure", cast("Any", owner)._on_completed_fut)
    if name == "_handle_completion" and type(owner).__name__ == "_AsCompletedIterator":  # from 3.13 on
        return Joint(id(owner), "first", _first_getter(cast("Any", owner)._done))
    return _USER_CODE


def _of_gather(function: types.FunctionType) -> Reaction:
    cells = _cells(function)
    rule: Rule = "all" if cells["return_exceptions"] else "all or first failure"
    return Joint(id(function), rule, cells["outer"])


def _of_wait(function: types.FunctionType) -> Reaction:
    cells = _cells(function)
    rules: dict[str, Rule] = {
        asyncio.FIRST_COMPLETED: "first",
        asyncio.FIRST_EXCEPTION: "all or first failure",
        asyncio.ALL_COMPLETED: "all",
    }
    return Joint(id(function), rules[cells["return_when"]], cells["waiter"], cells["counter"])


def _of_as_completed(function: types.FunctionType) -> Reaction:  # up to 3.12
    return Joint(id(function), "first", _first_getter(_cells(function)["done"]))


def _of_shield(function: types.FunctionType) -> Reaction:
    return Passes(_cells(function)["outer"])


def _of_notes(_function: types.FunctionType) -> Reaction:
    return _NOTES_ONLY


def _of_chain(_function: types.FunctionType) -> Reaction:
    return _EXECUTOR_JOB


_FUNCTIONS = {
    "gather.<locals>._done_callback": ("asyncio.tasks", _of_gather),
    "_wait.<locals>._on_completion": ("asyncio.tasks", _of_wait),
    "as_completed.<locals>._on_completion": ("asyncio.tasks", _of_as_completed),
    "shield.<locals>._inner_done_callback": ("asyncio.tasks", _of_shield),
    "shield.<locals>._outer_done_callback": ("asyncio.tasks", _of_notes),  # it takes a callback away
    "shield.<locals>._clear_awaited_by_callback": ("asyncio.tasks", _of_notes),  # from 3.14 on
    "_chain_future.<locals>._call_check_cancel": ("asyncio.futures", _of_chain),
}


def _cells(function: types.FunctionType) -> dict[str, Any]:
    closure = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, closure, strict=True)}


def _first_getter(queue: asyncio.Queue[Any]) -> Future | None:
    getters: deque[Future] = cast("Any", queue)._getters
    return next((getter for getter in getters if not getter.done()), None)


def timer_target(handle: asyncio.TimerHandle) -> Target | None:
    """The future that a timer completes, if that is all it does (``sleep``, the time-out of ``wait``)."""
    callback, arguments = cast("Any", handle)._callback, cast("Any", handle)._args
    if callback is _set_result_unless_cancelled or callback is _release_waiter:
        return cast("Target", arguments[0])
    return None


def timer_label(handle: asyncio.TimerHandle) -> str:
    """A timer in words."""
    callback = cast("Any", handle)._callback
    if callback is _set_result_unless_cancelled:
        return "asyncio.sleep"
    owner = getattr(callback, "__self__", None)
    if callback is _release_waiter or isinstance(owner, asyncio.timeouts.Timeout):
        return "a time-out"
    return f"a timer for {getattr(callback, '__qualname__', type(callback).__name__)}"


_RELAYS = {
    ("asyncio.tasks", "sleep"),
    ("asyncio.tasks", "_wrap_awaitable"),  # up to 3.11
    ("asyncio.tasks", "ensure_future.<locals>._wrap_awaitable"),  # from 3.12 on
    ("caesura.loop.cell_loop", "_awaited"),
}


def is_relay(task: asyncio.Task[Any]) -> bool:
    """Whether a task only passes on the future that it awaits, and runs no code of the user when that is done."""
    coroutine: Any = task.get_coro()
    frame = getattr(coroutine, "cr_frame", None)
    if frame is not None:
        awaited = coroutine.cr_await
    else:
        frame = getattr(coroutine, "gi_frame", None)
        if frame is None:
            return False
        awaited = coroutine.gi_yieldfrom
    return type(awaited) is FutureIter and (frame.f_globals.get("__name__"), coroutine.__qualname__) in _RELAYS
