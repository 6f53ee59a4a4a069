"""What anyio keeps about a session in dicts of its own modules, which do not move by themselves.

On its asyncio back end it notes for each task in which cancel scope it is, and for each loop its run variables; both in
dicts with weak keys (``_task_states`` and ``_run_vars`` in
https://github.com/agronholm/anyio/blob/master/src/anyio/_backends/_asyncio.py and lowlevel.py). Without them, leaving a
cancel scope after a move would be an error.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any, Final

from caesura.snapshot.contexts import place_of
from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import Pickling, Reduced

_BACKEND: Final = "anyio._backends._asyncio"
_LOWLEVEL: Final = "anyio.lowlevel"
_OF_THIS_PROCESS: Final = ("_threadpool_idle_workers", "_threadpool_workers", "_root_task")
"""Variables of a run that anyio finds anew when it needs them."""


def capture(loop: Any) -> dict[str, Any] | None:
    """What :func:`restore` takes; None if anyio has not been used."""
    backend: Any = sys.modules.get(_BACKEND)
    if backend is None:
        return None
    tasks = {id(task): task for task in asyncio.all_tasks(loop)}
    states = [
        (task, state, tasks.get(state.parent_id))
        for task, state in list(backend._task_states.items())
        if id(task) in tasks
    ]
    variables: dict[Any, Any] = vars(sys.modules[_LOWLEVEL])["_run_vars"].get(loop, {})
    # anyio 3 has them by name.
    values = [pair for pair in variables.items() if getattr(pair[0], "_name", pair[0]) not in _OF_THIS_PROCESS]
    return {"tasks": states, "variables": values} if states or values else None


def restore(loop: Any, captured: dict[str, Any]) -> None:
    """Tell anyio about the tasks and variables of ``loop``."""
    backend: Any = importlib.import_module(_BACKEND)
    for task, state, parent in captured["tasks"]:
        backend._task_states[task] = state
        if parent is not None:
            state.parent_id = id(parent)
    if captured["variables"]:
        run_variables = vars(importlib.import_module(_LOWLEVEL))["_run_vars"]
        run_variables.setdefault(loop, {}).update(captured["variables"])


def is_run_variable(cls: type) -> bool:
    return cls.__module__ == _LOWLEVEL and cls.__qualname__ == "RunVar"


def reduce_run_variable(pickler: Pickling, variable: Any) -> Reduced:
    place = place_of(variable)
    if place is not None:
        return import_global, place
    return type(variable), (variable._name, variable._default)


def is_own_thread(thread: object) -> bool:
    """Whether it is one of the threads that anyio keeps for jobs and makes anew when it has none."""
    return (type(thread).__module__, type(thread).__qualname__) == (_BACKEND, "WorkerThread")
