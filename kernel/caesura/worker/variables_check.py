"""Between cells a worker looks which variables would hold its session, and says so when that has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from caesura.wire.messages import Unmovable, obstacle_to_json
from caesura.worker.channel import Channel
from caesura.worker.session_snapshot import SessionSnapshot

_QUIET_S: Final = 0.1
"""So long after a cell, so that the next one of a row need not wait for the look."""


class VariablesCheck:
    """One look for each cell, when nothing else is to be done; it takes 2 ms at the most.

    ``post(function)`` has the main thread call it, where ``is_idle()`` says that no cell runs. ``session`` is set when
    it is known.
    """

    def __init__(
        self, channel: Channel, post: Callable[[Callable[[], None]], None], is_idle: Callable[[], bool]
    ) -> None:
        self._channel = channel
        self._post = post
        self._is_idle = is_idle
        self.session: SessionSnapshot | None = None
        self._is_due = self._is_arranged = False
        self._epoch = 0

    def cell_done(self) -> None:
        """A cell has run: its variables may be others."""
        self._is_due = True

    def between_cells(self, epoch: int) -> None:
        """Nothing runs: look in a while."""
        self._epoch = epoch
        if self._is_due and not self._is_arranged:
            self._is_arranged = True
            self._channel.call_later(_QUIET_S, lambda: self._post(self._look))

    def _look(self) -> None:
        self._is_arranged = False
        if not self._is_due or self.session is None or not self._is_idle():
            return  # a cell runs: it is arranged again when that is over
        self._is_due = False
        found = self.session.check()
        if found is not None:
            obstacles, waiting = found
            variables = [obstacle_to_json(obstacle) for obstacle in obstacles]
            self._channel.send(Unmovable(epoch=self._epoch, variables=variables, waiting=waiting))
