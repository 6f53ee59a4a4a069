"""The selector of the cell loop: where it is seen that nothing can run.

asyncio calls :meth:`CellSelector.select` once a turn. A turn on which something is ready costs two comparisons more
than a plain selector. When nothing is ready, posted functions run, the past is replayed, a block is reported, and only
then the process really waits.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

_DRAIN_BYTES = 65536

Events = list[tuple[selectors.SelectorKey, int]]
_read, _write = os.read, os.write  # bound here: a notebook may replace them in their module
_plain_select = selectors.DefaultSelector.select  # quicker than super() once a turn


class Turns(Protocol):
    """What the selector asks of its loop."""

    def has_work(self) -> bool:
        """Whether something is ready, a timer is due, or the loop has been told to stop."""
        ...

    def is_replaying(self) -> bool:
        """Whether there are events of the past that have not happened yet."""
        ...

    def replay_step(self) -> None:
        """Let the next event of the past happen, or end the replay."""
        ...

    def seconds_to_wait(self) -> float | None:
        """Until the next timer or the next look, None for ever."""
        ...

    def patience(self) -> float:
        """How long a block may last before it is reported, in seconds."""
        ...

    def note_block(self) -> None:
        """Nothing can run: report it, unless this block has been reported."""
        ...

    def note_end_of_block(self) -> None:
        """Something can run again."""
        ...

    def run_posted(self, function: Callable[[], None]) -> None:
        """Call it, and report what it raises."""
        ...


class CellSelector(selectors.DefaultSelector):
    """A selector that tells its loop about blocks. One descriptor in it, a pipe, wakes it up."""

    def __init__(self) -> None:
        super().__init__()
        self.in_select = False
        self.is_blocked = False
        self._posted: deque[Callable[[], None]] = deque()
        self._turns: Turns | None = None
        self._closing = threading.RLock()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._wake_key = self.register(self._wake_read, selectors.EVENT_READ)

    def attach(self, turns: Turns) -> None:
        """Say whose turns these are. Before that it is a plain selector."""
        self._turns = turns

    @property
    def wake_descriptor(self) -> int:
        """A byte written here ends the wait; for :func:`signal.set_wakeup_fd`."""
        return self._wake_write

    def user_keys(self, own: set[int]) -> list[selectors.SelectorKey]:
        """What is registered besides the wake-up pipe and the descriptors in ``own``."""
        ours = own | {self._wake_read}
        return [key for key in self.get_map().values() if key.fd not in ours]

    @property
    def has_posted(self) -> bool:
        """Whether something that was posted has still to run."""
        return bool(self._posted)

    def post(self, function: Callable[[], None]) -> None:
        """Have ``function()`` called inside :meth:`select`. Safe from any thread and from a signal handler."""
        self._posted.append(function)
        self.wake_up()

    def wake_up(self) -> None:
        """End the wait, if there is one. Safe from any thread and from a signal handler."""
        # Another thread may close the loop meanwhile, and the number of the descriptor may be somebody else's then.
        # A signal handler may interrupt this very function: the lock has to be one that its thread can take twice.
        with self._closing, contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
            if self._wake_write >= 0:
                _write(self._wake_write, b"\0")

    def select(self, timeout: float | None = None) -> Events:
        """See :meth:`selectors.BaseSelector.select`; what is posted is no event."""
        if timeout == 0 and not self._posted and not self.is_blocked:
            events = _plain_select(self, 0)
            return self._without_wake_up(events) if events else events
        turns = self._turns
        if turns is None:
            return _plain_select(self, timeout)
        if timeout is None or timeout > 0:
            return self._select_when_idle(turns)
        if self.is_blocked:
            turns.note_end_of_block()
        if not turns.is_replaying():
            self._run_posted(turns)
        return self._without_wake_up(_plain_select(self, 0))

    def _select_when_idle(self, turns: Turns) -> Events:
        self.in_select = True
        try:
            events = self._wait(turns)
        finally:
            self.in_select = False
        if self.is_blocked:
            turns.note_end_of_block()
        return events

    def _wait(self, turns: Turns) -> Events:
        waited_s: float | None = 0
        while True:
            is_replaying = turns.is_replaying()
            if not is_replaying:
                self._run_posted(turns)
            if turns.has_work():
                waited_s = 0
            events = self._without_wake_up(_plain_select(self, waited_s))
            if events or turns.has_work():
                return events
            if is_replaying:
                # What was posted meanwhile is younger than all of this, and than the timers that are due at its end.
                turns.replay_step()
                return events
            if self._posted:
                waited_s = 0
            elif waited_s == 0 and not self.is_blocked and (patience_s := turns.patience()) > 0:
                limit_s = turns.seconds_to_wait()
                waited_s = patience_s if limit_s is None else min(patience_s, limit_s)
            else:
                turns.note_block()
                waited_s = 0 if self._posted else turns.seconds_to_wait()

    def _run_posted(self, turns: Turns) -> None:
        while self._posted:
            turns.run_posted(self._posted.popleft())

    def _without_wake_up(self, events: Events) -> Events:
        for index, (key, _) in enumerate(events):
            if key is self._wake_key:
                del events[index]
                _read(self._wake_read, _DRAIN_BYTES)
                break
        return events

    def close(self) -> None:
        super().close()
        with self._closing:
            descriptors = self._wake_read, self._wake_write
            self._wake_read = self._wake_write = -1
            for descriptor in descriptors:
                if descriptor >= 0:
                    os.close(descriptor)
