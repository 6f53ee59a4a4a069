"""Which threads of a process belong to the user and are busy.

Threads that are registered as ours, idle workers of a ``ThreadPoolExecutor`` and of anyio, tqdm's monitor, and threads
in which an event loop has nothing to do (IPython runs ``%%bash`` on one) are no reason to stay.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any, cast

from caesura.model import Obstacle

# Bound here: a notebook may replace them in their modules, and this is asked before that is set aside.
_current_frames = sys._current_frames
_enumerate = threading.enumerate

_pool_worker = cast("types.FunctionType", vars(concurrent.futures.thread)["_worker"]).__code__
_pool_queues = cast("Any", vars(concurrent.futures.thread)["_threads_queues"])


class OwnThreads:
    """The threads that the worker has started for itself. Safe to use from any thread."""

    def __init__(self) -> None:
        self._idents: set[int] = {threading.main_thread().ident or 0}

    def add(self, thread: threading.Thread | int) -> None:
        """Register a started thread, or its ``ident``."""
        ident = thread if isinstance(thread, int) else thread.ident
        if ident is None:
            raise ValueError(f"{thread} has not been started")
        self._idents.add(ident)

    def __contains__(self, ident: object) -> bool:
        return ident in self._idents


def busy_threads(own: OwnThreads) -> Iterator[Obstacle]:
    """One obstacle for each thread that may run code of the user."""
    frames = _current_frames()
    if len(frames) == 1:
        return
    named = {thread.ident: thread for thread in _enumerate()}
    for ident, frame in frames.items():
        if ident in own:
            continue
        thread = named.get(ident)
        if thread is None:
            yield Obstacle("thread", detail=f"started without the threading module, now in {_place(frame)}")
        elif not (
            _is_idle_pool_worker(thread, frame)
            or _is_idle_anyio_worker(thread)
            or _is_progress_monitor(thread)
            or _is_idle_event_loop(thread, frame)
            or _is_ours(thread)
        ):
            yield Obstacle("thread", thread.name, f"now in {_place(frame)}", "Wait until it has ended, or join it.")


def is_alone(own: OwnThreads) -> bool:
    """Whether no other thread may run code of the user."""
    for _ in busy_threads(own):
        return False
    return True


def _is_idle_pool_worker(thread: threading.Thread, frame: types.FrameType) -> bool:
    queue = _pool_queues.get(thread)
    return queue is not None and frame.f_code is _pool_worker and queue.empty()


def _is_idle_anyio_worker(thread: Any) -> bool:
    """Whether it is a worker of ``anyio.to_thread`` that has given its result back and has no new job."""
    if (type(thread).__module__, type(thread).__name__) != ("anyio._backends._asyncio", "WorkerThread"):
        return False
    return thread in thread.idle_workers and thread.queue.empty()


def _is_progress_monitor(thread: threading.Thread) -> bool:
    return (type(thread).__module__, type(thread).__name__) == ("tqdm._monitor", "TMonitor")


def _is_idle_event_loop(thread: Any, frame: types.FrameType) -> bool:
    """Whether it waits in ``run_forever`` of a loop without tasks, timers, callbacks and descriptors of its own. Who
    can reach the loop holds the session by that."""
    loop: Any = getattr(getattr(thread, "_target", None), "__self__", None)
    if not issubclass(type(loop), asyncio.SelectorEventLoop) or frame.f_globals.get("__name__") != "selectors":
        return False
    own = {loop._ssock.fileno()}
    waits_for = {key.fd for key in loop._selector.get_map().values()}
    return not (loop._ready or loop._scheduled or waits_for - own or asyncio.all_tasks(loop))


def _place(frame: types.FrameType) -> str:
    """The outermost function of the thread that is not threading's own."""
    code = frame.f_code
    current: types.FrameType | None = frame
    while current is not None:
        if current.f_globals.get("__name__") != "threading":
            code = current.f_code
        current = current.f_back
    return f"{code.co_qualname}()"


def _is_ours(thread: threading.Thread) -> bool:
    # The writer of an abandoned save may still sync its file; nobody could register it in time.
    return type(thread).__module__.startswith("caesura.store.")
