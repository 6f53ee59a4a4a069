"""One load under way: what was made empty, and the last step in which all of it is filled.

While the stream is read, nothing is made that could run code of the user: coroutines are empty, tasks have no
coroutine, finalizers are not registered, timers are not set. :meth:`Restoring.commit` does all of that at the end. If a
load fails before, :meth:`Restoring.give_up` makes what there is harmless: nobody's ``finally`` runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from caesura import frames, points
from caesura.errors import InternalError

CallbackOrders = list[tuple["asyncio.Future[Any]", list[tuple[Any, ...]]]]
"""(future, its callbacks in order: ``("task", task)`` or ``("callback", function, context)``)."""

_TIMER: Final[Any] = asyncio.TimerHandle

_stack: list[Restoring] = []


def current() -> Restoring:
    """The load under way."""
    if not _stack:
        raise InternalError("Part of a snapshot was unpickled outside a load.")
    return _stack[-1]


class Restoring:
    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.orders: CallbackOrders = []
        self.timer_times: list[float] = []
        self._made: list[object] = []
        self._states: dict[str, list[tuple[Any, Any]]] = {}

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """While this is entered, reducers find this load; an exception that leaves it gives the load up."""
        _stack.append(self)
        try:
            yield
        except BaseException:
            self.give_up()
            raise
        finally:
            _stack.remove(self)

    def made(self, obj: object) -> object:
        """Note an object that has to be made harmless if the load fails; the object."""
        self._made.append(obj)
        return obj

    def take(self, entries: Sequence[tuple[str, Any, Any]]) -> None:
        """Note the states of objects: (phase, object, state)."""
        for phase, obj, state in entries:
            self._states.setdefault(phase, []).append((obj, state))

    def give_up(self) -> None:
        for obj in self._made:
            frames.drop(obj)

    def commit(self) -> None:
        """Fill everything. The frames are checked as a whole before the first is written."""
        from caesura.snapshot.asyncio_objects import fill_future, fill_handle, fill_task, prepare_task
        from caesura.snapshot.contexts import fill_context
        from caesura.snapshot.iterators import fill_iterator
        from caesura.snapshot.suspended import frame_of

        pairs = [(obj, frame_of(state)) for obj, state in self._of("frame")]
        for task, state in self._of("task"):
            prepare_task(task, state)
        for context, items in self._of("context"):
            fill_context(context, items)
        for iterator, state in self._of("iterator"):
            fill_iterator(iterator, state)
        points.reach("load.before_fill")
        frames.fill(pairs)
        for future, state in self._of("future"):
            fill_future(self, future, state)
        for task, state in self._of("task"):
            fill_task(self, task, state)
        places = {fill_handle(self, handle, state): handle for handle, state in self._of("handle")}
        self._schedule(places)
        for finalizer, (target, function, arguments, keywords, at_exit) in self._of("finalize"):
            weakref.finalize.__init__(cast("Any", finalizer), target, function, *arguments, **keywords)
            finalizer.atexit = at_exit

    def _schedule(self, places: dict[int, Any]) -> None:
        """Put the timers into their old places in the loop's heap, so that those of the same time keep their order.

        A place whose timer was not saved gets one that is cancelled.
        """
        scheduled: list[asyncio.TimerHandle] = self.loop._scheduled
        own = scheduled[:]
        scheduled.clear()
        for place, when in enumerate(self.timer_times):
            handle = places.get(place)
            if handle is None:
                handle = _TIMER(when, _nothing, (), self.loop)
                handle._scheduled = True
                self.loop._timer_cancelled_count += 1
                handle._cancelled = True
            scheduled.append(handle)
        for handle in own:
            heapq.heappush(scheduled, handle)

    def _of(self, phase: str) -> list[tuple[Any, Any]]:
        return self._states.get(phase, [])


def _nothing() -> None:
    return
