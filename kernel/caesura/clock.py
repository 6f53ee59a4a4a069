"""Time as an input.

What lives here: reading the two clocks, and a clock that tests move by hand. What must not: timers, sleeping.

``wall()`` is seconds since the epoch and is what is recorded; ``monotonic()`` only measures durations inside one
process.
"""

from __future__ import annotations

from time import monotonic as _monotonic
from time import time as _wall  # by name: a notebook may replace them in their module
from typing import Protocol


def wall() -> float:
    """Seconds since the epoch."""
    return _wall()


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean something."""
    return _monotonic()


class Clock(Protocol):
    """Where a part reads the time from."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> float:
        return _wall()

    def monotonic(self) -> float:
        return _monotonic()


class ManualClock:
    """A clock that stands still until it is told to go on. ``start`` is its first wall time."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self._start = start
        self._elapsed_s = 0.0

    def wall(self) -> float:
        return self._start + self._elapsed_s

    def monotonic(self) -> float:
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move both clocks by ``seconds``, which must not be negative (ValueError)."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} s")
        self._elapsed_s += seconds
