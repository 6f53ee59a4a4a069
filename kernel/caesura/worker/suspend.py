"""The way out: freeze, save, wait for the verdict.

All of it happens in one function on the main thread, between two turns of the loop, so that no code of the user runs
from the freeze to the verdict. The channel's thread goes on receiving and says through :class:`Suspension` what came.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from os import _exit  # by name: a notebook may replace it in its module
from time import monotonic
from typing import Final, Protocol

from caesura import points
from caesura.errors import SaveAborted
from caesura.loop import Block, CellLoop
from caesura.model import Obstacle, wake_to_json
from caesura.snapshot import Saved, Serialised
from caesura.store.begun import BegunCell
from caesura.wire.messages import Freeze, Frozen, NotSaved, Prepared, Verdict, obstacle_to_json, wait_to_json
from caesura.worker.channel import Channel
from caesura.worker.untouched import Untouched

log = logging.getLogger(__name__)


_WORD_S: Final = 0.05
"""For so long what was serialised early is kept for the coordinator's request."""


class Saves(Protocol):
    """What a suspension needs to know of the session."""

    def originals(self) -> AbstractContextManager[None]:
        """While it is entered, modules hold what they held before the user's code replaced it."""
        ...

    def flush(self) -> None:
        """Put everything that is held back where it belongs."""
        ...

    def serialise(self, aborted: Callable[[], bool]) -> Serialised:
        """After a flush: the session as it is. SaveAborted soon after ``aborted()``."""
        ...

    def store(self, serialised: Serialised, block: Block, aborted: Callable[[], bool], room_bytes: int | None) -> Saved:
        """Write a snapshot. SaveAborted soon after ``aborted()``, StoreFull if more than ``room_bytes`` would have to
        be written."""
        ...

    def explain(self, error: BaseException) -> Obstacle: ...


class Suspension:
    """One per process. What it does with the session it does on the main thread; its methods may be called on any."""

    def __init__(self, channel: Channel, loop: CellLoop, saves: Saves, is_interrupted: Callable[[], bool]) -> None:
        self._untouched: Untouched | None = None
        self._is_interrupted = is_interrupted
        self._channel = channel
        self._loop = loop
        self._saves = saves
        self._verdicts: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
        self._something_came = threading.Event()
        self._interrupt_came = threading.Event()
        self._lock = threading.Lock()
        self._is_frozen = False
        self._after: list[Callable[[], None]] = []
        self._prepared: Prepared | None = None
        self._kept: Verdict | None = None
        self._collects = False
        self._is_early = False
        self._early: queue.SimpleQueue[Freeze | None] = queue.SimpleQueue()
        self.size_bytes = 0

    def mark_in(self, mark: BegunCell) -> None:
        """Note there, when the session has been saved and goes on, that nothing has run since."""
        self._untouched = Untouched(mark)
        self._loop.before_code = self._untouched.end

    @property
    def is_frozen(self) -> bool:
        """Whether the main thread is between a freeze and its verdict."""
        return self._is_frozen

    @property
    def prepared(self) -> Prepared | None:
        """What waits for a verdict; to be said again after a lost connection."""
        return self._prepared

    def asked(self, request: Freeze) -> None:
        """A freeze was asked for. What came before is done before it; what comes from here on may end it."""
        with self._lock:
            self._something_came.clear()
            self._interrupt_came.clear()
            is_early, self._is_early = self._is_early, False
            if is_early:
                self._early.put(request)
        if not is_early:
            self._loop.post(lambda: self._freeze(request))

    def expect(self, serial: int) -> None:
        """The block ``serial`` was reported, and the coordinator will surely ask for a freeze: serialise meanwhile."""
        self._loop.post(lambda: self._freeze_early(serial))

    def note_arrival(self) -> None:
        """Something came that may let the session go on: a save that may be given up is."""
        self._something_came.set()
        self._end_early()

    def note_interrupt(self) -> None:
        """An interrupt came: every save is given up for it."""
        self._interrupt_came.set()
        self._end_early()

    def _end_early(self) -> None:
        with self._lock:
            if self._is_early:
                self._is_early = False
                self._early.put(None)

    def take_verdict(self, verdict: Verdict) -> None:
        self._verdicts.put(verdict)

    def when_not_frozen(self, function: Callable[[], None]) -> None:
        """Call ``function()`` now, or, during a freeze, once after it (on the main thread)."""
        with self._lock:
            if self._is_frozen:
                if function not in self._after:
                    self._after.append(function)
                return
        function()

    def _freeze(self, request: Freeze) -> None:
        """Save the session and wait until it may go on; does not return if the process is released."""
        block = self._loop.block()
        if self._is_possible(request, block):  # so no thread of the user's is busy, which would miss its mocks
            with self._saves.originals(), self._frozen():
                began = monotonic()
                self._flush()
                self._save(request, block, began, None)
        self._goes_on()

    def _freeze_early(self, serial: int) -> None:
        """No code of the user runs until the request is here, and has been met, or something else came."""
        with self._lock:
            current = self._loop.current_block
            if current is None or current.serial != serial or self._is_interrupted() or self._interrupt_came.is_set():
                return
            self._is_early = True
            self._something_came.clear()
        with self._saves.originals(), self._frozen():
            began = monotonic()
            serialised: Serialised | None = None
            try:
                self._flush()
                serialised = self._saves.serialise(self._has_come)
            except Exception:
                log.debug("the session was not serialised early; why is said when it is asked for", exc_info=True)
            request = self._word()
            if request is None:
                return
            block = self._loop.block()
            if self._is_possible(request, block):
                self._save(request, block, began, serialised)
        del serialised  # it holds copies of the user's, which end before the mark is set
        self._goes_on()

    def _goes_on(self) -> None:
        """The process is kept, and in its block still: if it has been saved, that is what it holds until code runs."""
        kept, self._kept = self._kept, None
        if kept is not None and self._untouched is not None:
            self._untouched.keep(kept.epoch, kept.serial, collects=self._collects)
        self._loop.let_time_pass()

    def _word(self) -> Freeze | None:
        with contextlib.suppress(queue.Empty):
            return self._early.get(timeout=_WORD_S)
        self._end_early()
        return self._early.get()  # what came first

    def _has_come(self) -> bool:
        return self._something_came.is_set() or self._interrupt_came.is_set()

    @contextlib.contextmanager
    def _frozen(self) -> Iterator[None]:
        with self._lock:
            self._is_frozen = True
        collects = self._collects = gc.isenabled()
        gc.disable()  # the process is most likely at its end
        try:
            yield
        finally:
            with self._lock:
                self._is_frozen = False
                after, self._after = self._after, []
            if after:
                self._kept = None
            if collects and self._kept is None:
                gc.enable()
            for function in after:
                function()

    def _is_possible(self, request: Freeze, block: Block) -> bool:
        is_other = self._loop.current_block is None or block.serial != request.serial
        if is_other or self._is_interrupted():
            self._abort(request)
            return False
        if block.obstacles:
            self._give_up(request, block.obstacles)
            return False
        return True

    def _flush(self) -> None:
        points.reach("freeze.before_flush")
        self._saves.flush()
        points.reach("freeze.after_flush")

    def _save(self, request: Freeze, block: Block, began: float, serialised: Serialised | None) -> None:
        last = _Number()
        self._channel.send(
            lambda number: Frozen(epoch=request.epoch, serial=request.serial, last_number=last.keep(number))
        )
        try:
            if serialised is None:
                serialised = self._saves.serialise(lambda: self._is_wanted(request))
            saved = self._saves.store(serialised, block, lambda: self._is_wanted(request), request.room_bytes)
        except SaveAborted:
            self._abort(request)
            return
        except Exception as error:
            log.debug("the session was not saved", exc_info=True)
            self._give_up(request, (self._reason(error),))
            return
        points.reach("prepare.before_send")
        if self._is_wanted(request):
            self._abort(request)
            return
        self.size_bytes = saved.size_bytes
        seconds = monotonic() - began
        pending = sorted(self._loop.operations)

        def prepared(_number: int) -> Prepared:
            self._channel.sync_files()  # here, when all that was put out before has been written
            self._prepared = Prepared(
                epoch=request.epoch,
                serial=request.serial,
                manifest=saved.manifest,
                last_number=last.value,
                size_bytes=saved.size_bytes,
                seconds=seconds,
                waits=[wait_to_json(wait) for wait in block.waits],
                wake=wake_to_json(block.wake),
                pending=pending,
                written_bytes=saved.written_bytes,
                buffers=() if saved.stream is None else (saved.stream,),
            )
            return self._prepared

        self._channel.send(prepared)
        self._wait(request)

    def _reason(self, error: Exception) -> Obstacle:
        """Why the session was not saved. The coordinator waits for it: objects that fail while the place is looked for,
        as those of a user may, leave it at the error of the save."""
        try:
            return self._saves.explain(error)
        except Exception:
            log.debug("what cannot be saved was not found", exc_info=True)
            return Obstacle("something in this session", "", f"{type(error).__name__}: {error}", "")

    def _is_wanted(self, request: Freeze) -> bool:
        """Whether something has come for which the save is given up."""
        has_answer = request.abortable and self._something_came.is_set()
        return has_answer or self._interrupt_came.is_set() or self._is_interrupted()

    def _wait(self, request: Freeze) -> None:
        points.reach("verdict.waiting")
        while True:
            verdict = self._verdicts.get()
            if verdict.epoch == request.epoch and verdict.serial == request.serial:
                break
        if verdict.released:
            _exit(0)  # no finally and no atexit of the user's: nothing of that has happened
        self._prepared = None
        self._kept = None if self._untouched is None else verdict

    def _abort(self, request: Freeze) -> None:
        self._channel.send(NotSaved(epoch=request.epoch, serial=request.serial, aborted=True))

    def _give_up(self, request: Freeze, obstacles: tuple[Obstacle, ...]) -> None:
        self._channel.send(
            NotSaved(
                epoch=request.epoch,
                serial=request.serial,
                aborted=False,
                obstacles=[obstacle_to_json(obstacle) for obstacle in obstacles],
            )
        )


class _Number:
    """The number of the last numbered message before the freeze, known when that message is sent."""

    value = 0

    def keep(self, value: int) -> int:
        self.value = value
        return value
