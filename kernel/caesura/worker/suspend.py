"""The way out: freeze, save, wait for the verdict.

All of it happens in one function on the main thread, between two turns of the loop, so that no code of the user runs
from the freeze to the verdict. The channel's thread goes on receiving and says through :class:`Suspension` what came.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from caesura import points
from caesura.errors import SaveAborted
from caesura.loop import Block, CellLoop
from caesura.model import Obstacle, wake_to_json
from caesura.wire.messages import Freeze, Frozen, NotSaved, Prepared, Verdict, obstacle_to_json, wait_to_json
from caesura.worker.channel import Channel

log = logging.getLogger(__name__)


class Saves(Protocol):
    """What a suspension needs to know of the session."""

    def flush(self) -> None:
        """Put everything that is held back where it belongs."""
        ...

    def save(self, block: Block, aborted: Callable[[], bool]) -> Any:
        """Write a snapshot: an object with ``manifest`` and ``size_bytes``. SaveAborted soon after ``aborted()``."""
        ...

    def explain(self, error: BaseException) -> Obstacle: ...


class Suspension:
    """One per process. :meth:`freeze` on the main thread, the rest on any."""

    def __init__(self, channel: Channel, loop: CellLoop, saves: Saves) -> None:
        self._channel = channel
        self._loop = loop
        self._saves = saves
        self._verdicts: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
        self._something_came = threading.Event()
        self._lock = threading.Lock()
        self._is_frozen = False
        self._after: list[Callable[[], None]] = []
        self._prepared: Prepared | None = None
        self.size_bytes = 0

    @property
    def is_frozen(self) -> bool:
        """Whether the main thread is between a freeze and its verdict."""
        return self._is_frozen

    @property
    def prepared(self) -> Prepared | None:
        """What waits for a verdict; to be said again after a lost connection."""
        return self._prepared

    def note_arrival(self) -> None:
        """Something came that may let the session go on: a save that may be given up is."""
        self._something_came.set()

    def take_verdict(self, verdict: Verdict) -> None:
        self._verdicts.put(verdict)

    def when_not_frozen(self, function: Callable[[], None]) -> None:
        """Call ``function()`` now, or, during a freeze, after it (on the main thread)."""
        with self._lock:
            if self._is_frozen:
                self._after.append(function)
                return
        function()

    def freeze(self, request: Freeze) -> None:
        """Save the session and wait until it may go on; does not return if the process is released."""
        self._something_came.clear()
        block = self._loop.block()
        if self._loop.current_block is None or block.serial != request.serial:
            self._channel.send(NotSaved(epoch=request.epoch, serial=request.serial, aborted=True))
            return
        if block.obstacles:
            self._give_up(request, block.obstacles)
            return
        with self._lock:
            self._is_frozen = True
        try:
            self._save(request, block)
        finally:
            with self._lock:
                self._is_frozen = False
                after, self._after = self._after, []
            for function in after:
                function()

    def _save(self, request: Freeze, block: Block) -> None:
        began = time.monotonic()
        points.reach("freeze.before_flush")
        self._saves.flush()
        points.reach("freeze.after_flush")
        last = _Number()
        self._channel.send(
            lambda number: Frozen(epoch=request.epoch, serial=request.serial, last_number=last.keep(number))
        )
        try:
            saved = self._saves.save(block, lambda: request.abortable and self._something_came.is_set())
        except SaveAborted:
            self._channel.send(NotSaved(epoch=request.epoch, serial=request.serial, aborted=True))
            return
        except Exception as error:
            log.debug("the session was not saved", exc_info=True)
            self._give_up(request, (self._saves.explain(error),))
            return
        self.size_bytes = saved.size_bytes
        points.reach("prepare.before_send")
        seconds = time.monotonic() - began

        def prepared(_number: int) -> Prepared:
            self._prepared = Prepared(
                epoch=request.epoch,
                serial=request.serial,
                manifest=saved.manifest,
                last_number=last.value,
                size_bytes=saved.size_bytes,
                seconds=seconds,
                waits=[wait_to_json(wait) for wait in block.waits],
                wake=wake_to_json(block.wake),
            )
            return self._prepared

        self._channel.send(prepared)
        self._wait(request)

    def _wait(self, request: Freeze) -> None:
        points.reach("verdict.waiting")
        while True:
            verdict = self._verdicts.get()
            if verdict.epoch == request.epoch and verdict.serial == request.serial:
                break
        if verdict.released:
            os._exit(0)  # no finally and no atexit of the user's: nothing of that has happened
        self._prepared = None

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
