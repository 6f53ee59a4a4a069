"""A cell that says nothing is still busy, and whoever looks for idle kernels has to see that.

Jupyter Server takes the time of a kernel's last message for its last activity, and JupyterHub's culler that of the
server (https://github.com/jupyterhub/jupyterhub-idle-culler/issues/55): a cell that waits in silence, suspended or not,
would look forgotten. So its ``busy`` is said again from time to time. A parked notebook says nothing: it is idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from caesura.coordinator.commands import FrontPublish
from caesura.coordinator.state import Kind, Session
from caesura.wire.life import FINAL, CellState

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Activity:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._is_set = False

    def begins(self) -> None:
        """A cell is under way."""
        after_s = self._core.limits.activity_s
        if not self._is_set and after_s > 0:
            self._is_set = True
            self._core.set_timer(self._core.now + after_s, "activity")

    def say(self) -> None:
        """Every cell that is not over is busy."""
        self._is_set = False
        for session in self._core.live_sessions():
            if session.kind is Kind.NOTEBOOK and session.cell is not None:
                self.begins()  # also if there is nothing to say yet: its worker may be about to start it
                if session.is_front_live:
                    self.say_busy(session)

    def say_busy(self, session: Session) -> None:
        """Tell the clients that the notebook's cell is not over, if it has one that has begun."""
        cell = session.cell
        if cell is None or cell.request is None or cell.state in FINAL or cell.state is CellState.QUEUED:
            return
        busy = FrontPublish(session.session_id, "status", {"execution_state": "busy"}, cell.request.header)
        self._core.put(busy)
