"""Whether code of the user's has run in this process since its session was saved and the process kept.

A cell that is held may be saved in case its process dies. That snapshot may be resumed only if nothing has run since,
for code runs once (I2). The mark (:class:`caesura.store.begun.BegunCell`) says so. Why it is right:

- It is set only after the coordinator has answered the save, so that it can never stand for a snapshot which the
  coordinator does not have, and at a moment at which the loop's thread runs code of ours.
- It is taken away on that thread, by a write to mapped memory, before the loop ends a block (answers that completed
  something, timers, descriptors) and before anything posted to it is called (answers, interrupts, messages to comms,
  requests, the next save). Nothing else makes the loop run code of the user's.
- What could run without the loop: the collector (off while the mark stands, and since the save began), handlers of
  signals, functions of tracing and profiling. With one of the latter the mark is not set. A thread of the user's that
  is busy, a process or a descriptor is an obstacle, so that there is no snapshot.
- The mapping outlives the process, and is read after the process has ended. An answer that was sent to the process and
  did not run leaves the mark: it is delivered again, to the process that takes the snapshot up.
"""

from __future__ import annotations

import gc
import signal
import sys
from typing import Final

from caesura.store.begun import BegunCell

_TOOLS: Final = range(6)
"""The ids of tools of :mod:`sys.monitoring`."""


class Untouched:
    """On the main thread only."""

    def __init__(self, mark: BegunCell) -> None:
        self._mark = mark
        self._is_set = False
        self._collects = False

    def keep(self, epoch: int, serial: int, *, collects: bool) -> None:
        """The snapshot of this block stands for the process; the collector is off, and on again afterwards if it
        ``collects``."""
        if _runs_unseen():
            if collects:
                gc.enable()
            return
        self._is_set, self._collects = True, collects
        self._mark.keep(epoch, serial)

    def end(self) -> None:
        """Code of the user's may run from now on."""
        if not self._is_set:
            return
        self._is_set = False
        self._mark.touch()
        if self._collects:
            gc.enable()


def _runs_unseen() -> bool:
    """Whether code of the user's may run without the loop."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return True
    if sys.version_info >= (3, 12) and any(sys.monitoring.get_tool(tool) is not None for tool in _TOOLS):
        return True
    return any(
        callable(handler) and not isinstance(handler, signal.Handlers) and number != signal.SIGINT
        for number in signal.valid_signals()
        if (handler := signal.getsignal(number)) is not None
    ) or not _is_ours(signal.getsignal(signal.SIGINT))


def _is_ours(handler: object) -> bool:
    return str(getattr(handler, "__module__", "")).startswith("caesura.")
