"""Locks, threads, executors and their queues: what of them can be made anew."""

from __future__ import annotations

import _thread
import concurrent.futures
import queue
import sys
import threading
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_HANDLE: Final = "_os_thread_handle" if sys.version_info >= (3, 14) else "_handle"
_OF_THE_PROCESS: Final = frozenset(
    {"_started", "_tstate_lock", "_is_stopped", _HANDLE, "_stderr", "_invoke_excepthook", "_initialized"}
)


def reduce_lock(pickler: Pickling, lock: Any) -> Reduced:
    if lock.locked():
        raise CannotMove("held threading.Lock", remedy="Release it before the await, or use an asyncio.Lock.")
    return threading.Lock, ()


def reduce_rlock(pickler: Pickling, lock: Any) -> Reduced:
    if not repr(lock).startswith("<unlocked"):
        raise CannotMove("held threading.RLock", remedy="Release it before the await, or use an asyncio.Lock.")
    return threading.RLock, ()


def reduce_simple_queue(pickler: Pickling, waiting: queue.SimpleQueue[Any]) -> Reduced:
    """No other thread works while a session is saved: what is in the queue is taken out and put back."""
    entries = [waiting.get_nowait() for _ in range(waiting.qsize())]
    for entry in entries:
        waiting.put(entry)
    return queue.SimpleQueue, (), entries, None, None, fill_simple_queue


def fill_simple_queue(waiting: queue.SimpleQueue[Any], entries: list[Any]) -> None:
    for entry in entries:
        waiting.put(entry)


def reduce_local(pickler: Pickling, local: Any) -> Reduced:
    """What the main thread has in it."""
    return type(local), (), dict(local.__dict__) or None, None, None, fill_local


def fill_local(local: Any, state: dict[str, Any]) -> None:
    local.__dict__.update(state)


def reduce_thread(pickler: Pickling, thread: Any) -> Reduced:
    if thread.is_alive():
        raise CannotMove(
            f"running thread {thread.name}",
            remedy="It can be moved when the thread has ended: join it before the await.",
        )
    started = thread._started.is_set()
    state = {name: value for name, value in vars(thread).items() if name not in _OF_THE_PROCESS}
    return make_thread, (type(thread), started), state, None, None, fill_local


def make_thread(cls: Any, is_over: bool) -> object:
    thread: Any = cls.__new__(cls)
    threading.Thread.__init__(thread)
    if is_over:
        thread._started.set()
        if sys.version_info >= (3, 13):
            # An identity that no thread has: the handle only has to say that it is over.
            handle = vars(_thread)["_make_thread_handle"](1)
            handle._set_done()
            setattr(thread, _HANDLE, handle)
        else:
            thread._is_stopped = True
        threading._dangling.discard(thread)  # type: ignore[attr-defined]  # not in typeshed
    return thread


def reduce_executor(pickler: Pickling, executor: Any) -> Reduced:
    """An idle pool of threads is made anew, with new threads."""
    is_idle = executor._work_queue.empty() and executor._idle_semaphore._value >= len(executor._threads)
    if not is_idle and not executor._shutdown:
        raise CannotMove("busy ThreadPoolExecutor", remedy="It can be moved when its jobs are done.")
    if sys.version_info >= (3, 14):
        context = executor._create_worker_context()
        prepared = (context.initializer, context.initargs)
    else:
        prepared = (executor._initializer, executor._initargs)
    return make_executor, (executor._max_workers, executor._thread_name_prefix, *prepared, executor._shutdown)


def make_executor(workers: int, prefix: str, initializer: Any, arguments: Any, is_shut: bool) -> object:
    made = concurrent.futures.ThreadPoolExecutor(workers, prefix, initializer, arguments)
    if is_shut:
        made.shutdown()
    return made


def reduce_concurrent_future(pickler: Pickling, future: Any) -> Reduced:
    if not future.done():
        raise CannotMove("job in another thread or process", remedy="It can be moved when the job is done.")
    cancelled = future.cancelled()
    outcome = (None, None) if cancelled else (future.exception(), future._result)
    return make_concurrent_future, (type(future),), (cancelled, *outcome), None, None, fill_concurrent_future


def make_concurrent_future(cls: Any) -> object:
    future: Any = cls.__new__(cls)
    concurrent.futures.Future.__init__(future)
    return future


def fill_concurrent_future(future: Any, state: tuple[bool, BaseException | None, object]) -> None:
    cancelled, error, result = state
    if cancelled:
        future.cancel()
        future.set_running_or_notify_cancel()
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
