"""Timers by the wall clock, thousands of them, that wake nobody before they are due.

What lives here: waiting on the loop's clock for a time of the wall's, which may be set, and which goes on while the
machine sleeps. What must not: what a timer means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from caesura.clock import wall
from caesura.coordinator.commands import TimerName

_LOOK_AT_CLOCK_S: Final = 60.0
_AGREES_S: Final = 0.05


class Timers:
    """``fire(name)`` is called when the timer of that name is due, no earlier, and once."""

    def __init__(self, fire: Callable[[TimerName], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._tell = fire
        self._timers: dict[TimerName, tuple[float, asyncio.TimerHandle]] = {}
        self._difference = self._now_difference()
        self._watch: asyncio.TimerHandle | None = None

    def set(self, name: TimerName, at: float) -> None:
        """Due at ``at`` (Unix time); an earlier timer of this name is replaced."""
        self.cancel(name)
        delay_s = max(0.0, at - wall())
        self._timers[name] = at, self._loop.call_later(delay_s, self._due, name)
        if delay_s > _LOOK_AT_CLOCK_S and self._watch is None:
            self._difference = self._now_difference()
            self._watch = self._loop.call_later(_LOOK_AT_CLOCK_S, self._look_at_clock)

    def cancel(self, name: TimerName) -> None:
        """Nothing if there is none of this name."""
        if (known := self._timers.pop(name, None)) is not None:
            known[1].cancel()

    def close(self) -> None:
        for name in list(self._timers):
            self.cancel(name)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _due(self, name: TimerName) -> None:
        at, _ = self._timers[name]
        if wall() < at:  # the clock was set back
            self.set(name, at)
            return
        del self._timers[name]
        self._tell(name)

    def _look_at_clock(self) -> None:
        """One look for all: where the clock was set, or the machine slept, they are set anew."""
        self._watch = None
        if not self._timers:
            return
        difference = self._now_difference()
        if abs(difference - self._difference) > _AGREES_S:
            self._difference = difference
            for name, (at, _) in list(self._timers.items()):
                self.set(name, at)
        if self._watch is None:
            self._watch = self._loop.call_later(_LOOK_AT_CLOCK_S, self._look_at_clock)

    def _now_difference(self) -> float:
        return wall() - self._loop.time()
