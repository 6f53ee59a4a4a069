"""Between cells a worker looks which variables would hold its session, and says so when that has changed."""

from __future__ import annotations

from caesura.wire.messages import Unmovable, obstacle_to_json
from caesura.worker.channel import Channel
from caesura.worker.session_snapshot import SessionSnapshot


class VariablesCheck:
    """One look for each cell, when nothing else is to be done; it takes 2 ms at the most. ``session`` is set when it is
    known."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.session: SessionSnapshot | None = None
        self._is_due = False

    def cell_done(self) -> None:
        """A cell has run: its variables may be others."""
        self._is_due = True

    def between_cells(self, epoch: int) -> None:
        """Nothing runs."""
        if not self._is_due or self.session is None:
            return
        self._is_due = False
        found = self.session.check()
        if found is not None:
            obstacles, waiting = found
            variables = [obstacle_to_json(obstacle) for obstacle in obstacles]
            self._channel.send(Unmovable(epoch=epoch, variables=variables, waiting=waiting))
