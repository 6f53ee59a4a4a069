"""The session's clock: it goes on across processes, and stands still while the past is replayed.

The loop's time is the machine's monotonic clock plus an offset that belongs to the session. Wall time is only used to
find out for how long nobody had the session.
"""

from __future__ import annotations

from caesura import clock
from caesura.loop.values import LoopState


class SessionClock:
    """``time()`` in seconds on a clock of the session's own."""

    def __init__(self, machine: clock.Clock) -> None:
        self._machine = machine
        self.monotonic = clock.monotonic if isinstance(machine, clock.SystemClock) else machine.monotonic
        self.offset = 0.0
        self.standing: float | None = None

    def time(self) -> float:
        return self.monotonic() + self.offset if self.standing is None else self.standing

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._machine.wall()

    def state(self) -> LoopState:
        """Where the clock stands, and when that was now, to be kept in a snapshot. Not while the past is replayed."""
        wall = self._machine.wall()
        if self.standing is None:
            return LoopState(self.monotonic() + self.offset, wall)
        return LoopState(self.standing, wall - (self.monotonic() + self.offset - self.standing))

    def stand_at(self, moment: float) -> None:
        """Stop at ``moment`` until :meth:`go_on_from`."""
        self.standing = moment

    def go_on_from(self, moment: float) -> None:
        """Go on, now being ``moment``."""
        self.offset = moment - self.monotonic()
        self.standing = None
