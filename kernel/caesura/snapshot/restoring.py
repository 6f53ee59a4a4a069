"""One load under way: what was made empty, and the last step in which all of it is filled.

While the stream is read, nothing is made that could run code of the user: coroutines are empty, tasks have no
coroutine, finalizers are not registered, timers are not set. :meth:`Restoring.commit` does all of that at the end. If a
load fails before, :meth:`Restoring.give_up` makes what there is harmless: nobody's ``finally`` runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from caesura import frames, points
from caesura.errors import InternalError
from caesura.frames import FrameState

CallbackOrders = list[tuple["asyncio.Future[Any]", list[tuple[Any, ...]]]]
"""(future, its callbacks in order: ``("task", task)`` or ``("callback", function, context)``)."""

OWNED_BYTES: Final = 1 << 20
"""An array or a storage below this size owns its memory after a load; a larger one lies in the mapped file."""
COPIED_BYTES: Final = 16 << 20
"""So much is copied in one load, and has to be read again at the next save: some 20 ms."""

_stack: list[Restoring] = []


def owns_its_memory(size_bytes: int) -> bool:
    """Whether what is being loaded is to be copied out of the mapped file: a small array is, so that it can do all that
    an array can that owns its memory; unless there are so many that reading them would take a while."""
    if size_bytes >= OWNED_BYTES:
        return False
    if not _stack:
        return True
    load = _stack[-1]
    load.copied_bytes += size_bytes
    return load.copied_bytes <= COPIED_BYTES


def current() -> Restoring:
    """The load under way."""
    if not _stack:
        raise InternalError("Part of a snapshot was unpickled outside a load.")
    return _stack[-1]


class Restoring:
    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.orders: CallbackOrders = []
        self.loop_state: dict[str, Any] = {}
        self.copied_bytes = 0
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
        from caesura.snapshot import set_order
        from caesura.snapshot.asyncio_objects import fill_future, fill_handle, fill_task, prepare_task
        from caesura.snapshot.contexts import fill_context
        from caesura.snapshot.function_wrappers import fill_cache
        from caesura.snapshot.iterators import fill_iterator
        from caesura.snapshot.loop_state import adopt_generator, restore
        from caesura.snapshot.suspended import frame_of

        for cached, kept in self._of("cache"):
            fill_cache(cached, kept)
        pairs = [(obj, frame_of(state)) for obj, state in self._of("frame")]
        for task, state in self._of("task"):
            prepare_task(task, state)
        for context, items in self._of("context"):
            fill_context(context, items)
        for each, state in self._of("set"):
            set_order.restore(each, state)
        for iterator, state in self._of("iterator"):
            fill_iterator(iterator, state)
        points.reach("load.before_fill")
        frames.fill(pairs)
        for future, state in self._of("future"):
            fill_future(self, future, state)
        for task, state in self._of("task"):
            fill_task(self, task, state)
        for handle, state in self._of("handle"):
            fill_handle(handle, state)
        restore(self.loop, self.loop_state)
        for generator, frame in pairs:
            if frame.kind == "async_generator" and frame.hooks_inited and frame.status is FrameState.SUSPENDED:
                adopt_generator(self.loop, generator)
        for closer, _ in self._of("temporary"):
            closer.delete = True
        for finalizer, (target, function, arguments, keywords, at_exit) in self._of("finalize"):
            weakref.finalize.__init__(cast("Any", finalizer), target, function, *arguments, **keywords)
            finalizer.atexit = at_exit

    def _of(self, phase: str) -> list[tuple[Any, Any]]:
        return self._states.get(phase, [])
