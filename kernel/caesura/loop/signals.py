"""What SIGINT does to a cell.

The first one in a cell ends what runs: a step of a task gets KeyboardInterrupt where it stands; while nothing runs,
the cell's main task is cancelled, as :class:`asyncio.Runner` does. A second one raises outright: also in a callback,
and where the cell waits again after it has caught the first. Nothing is raised inside the loop's machinery: there it
waits for the end of the turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
import types
import weakref
from collections.abc import Callable
from typing import Any, cast

from caesura.loop.cell_loop import CellLoop

_Handler = Callable[[int, types.FrameType | None], Any] | int | signal.Handlers | None


class _Deferral:
    """A generator would do, but each `print` goes through this several times."""

    __slots__ = ("_handling",)

    def __init__(self, handling: SignalHandling) -> None:
        self._handling = handling

    def __enter__(self) -> None:
        self._handling.begin_deferral()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._handling.end_deferral(raises=kind is None)


class SignalHandling:
    """SIGINT for one loop. :meth:`install` and everything else on the main thread only.

    ``main_task`` gives the task of the cell that runs, or None between cells.
    """

    def __init__(self, loop: CellLoop, main_task: Callable[[], asyncio.Task[Any] | None]) -> None:
        self._loop = loop
        self._main_task = main_task
        self._interrupted: weakref.ref[asyncio.Task[Any]] | None = None
        self._deferrals = 0
        self._deferral = _Deferral(self)
        self._is_due = False
        self._on_their_way = 0
        self._early = 0
        self._before: _Handler = None
        self._wake_before = -1

    @classmethod
    def install(cls, loop: CellLoop, main_task: Callable[[], asyncio.Task[Any] | None]) -> SignalHandling:
        """Handle SIGINT from now on. Signals also wake the loop, whatever the moment at which they come."""
        handling = cls(loop, main_task)
        handling._before = signal.signal(signal.SIGINT, handling.on_interrupt)
        handling._wake_before = signal.set_wakeup_fd(loop.wake_descriptor, warn_on_full_buffer=False)
        return handling

    def uninstall(self) -> None:
        """Put back what was there before."""
        signal.set_wakeup_fd(self._wake_before)
        signal.signal(signal.SIGINT, self._before if self._before is not None else signal.SIG_DFL)

    def has_interrupted(self, task: asyncio.Task[Any]) -> bool:
        """Whether ``task`` was interrupted: its CancelledError is then shown as KeyboardInterrupt."""
        return self._interrupted is not None and self._interrupted() is task

    @property
    def is_on_its_way(self) -> bool:
        """Whether an interrupt has come that has not taken effect: the session must not be saved before that."""
        return self._on_their_way > 0

    @property
    def early(self) -> int:
        """How many interrupts have come while there was no task that they could be for."""
        return self._early

    def take_early(self) -> bool:
        """Whether there were any, which the caller makes up for; they are forgotten."""
        early, self._early = self._early, 0
        return early > 0

    def interrupt(self, task: asyncio.Task[Any]) -> None:
        """Interrupt ``task`` as a signal does while nothing runs; between two turns of the loop, or in a replay."""
        self.mark(task)
        _cancel(task)

    def mark(self, task: asyncio.Task[Any]) -> None:
        """Count ``task`` as interrupted: the caller cancels it himself, at the right moment of a replay."""
        self._interrupted = weakref.ref(task)

    def deferred(self) -> contextlib.AbstractContextManager[None]:
        """Code inside is not interrupted: a KeyboardInterrupt that is due is raised at the end of the block.

        For code of ours that user code calls, for example writing to a channel. May be nested.
        """
        return self._deferral

    def begin_deferral(self) -> None:
        """What happens at the beginning of such a block."""
        self._deferrals += 1

    def end_deferral(self, *, raises: bool) -> None:
        """What happens at its end; with ``raises`` a KeyboardInterrupt that is due is raised."""
        self._deferrals -= 1
        if raises and self._is_due and not self._deferrals:
            self._is_due = False
            raise KeyboardInterrupt

    def on_interrupt(self, _number: int = signal.SIGINT, frame: types.FrameType | None = None) -> None:
        """The handler. It may run between any two instructions of the main thread."""
        main = self._main_task()
        if main is not None and main.done():
            main = None
        if main is None:
            self._early += 1
        is_second = main is not None and self.has_interrupted(main)
        if main is not None:
            self.mark(main)
        loop = self._loop
        step_of = None if loop.in_select else asyncio.current_task(loop)
        if main is not None and step_of is not main and not is_second:
            # Posted, because a future in the middle of being completed must not be cancelled under its completer.
            self._post(_cancel, main)
        if step_of is not None or (is_second and not loop.in_select and not _is_machinery(frame)):
            self._raise_or_defer()
        elif is_second and main is not None:
            self._post(_throw, main)

    def _post(self, act: Callable[[asyncio.Task[Any]], None], task: asyncio.Task[Any]) -> None:
        def take_effect() -> None:
            self._on_their_way -= 1
            act(task)

        self._on_their_way += 1
        self._loop.post(take_effect)

    def _raise_or_defer(self) -> None:
        if self._deferrals:
            self._is_due = True
        else:
            raise KeyboardInterrupt


def _is_machinery(frame: types.FrameType | None) -> bool:
    """Whether the interrupted code is the loop's own and not a callback of the user."""
    name = "" if frame is None else str(frame.f_globals.get("__name__"))
    return frame is None or name.partition(".")[0] in ("asyncio", "caesura", "selectors")


def _cancel(task: asyncio.Task[Any]) -> None:
    """A task that has not begun would end without a word: it is only marked, and looks at that when it begins."""
    coroutine = task.get_coro()
    if not inspect.iscoroutine(coroutine) or inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED:
        task.cancel()


def _throw(task: asyncio.Task[Any]) -> None:
    """Raise KeyboardInterrupt where ``task`` waits, or the task that it waits for: it has caught its cancellation."""
    waiting: Any = task
    while isinstance(waiting, asyncio.Task) and not waiting.done():
        waiting = cast("Any", waiting)._fut_waiter
    if waiting is None or waiting.done():
        raise KeyboardInterrupt
    waiting.set_exception(KeyboardInterrupt())
