"""Cells that are held are saved in case their worker dies, and go on from there if it does.

What lives here: when that is done, and who may go on. What must not: the rule of when it pays (``caesura.policy``), how
a session is saved (``moves.py``), how it is known that no code has run since (:mod:`caesura.worker.untouched`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from caesura.coordinator.moves import row_of
from caesura.coordinator.state import Block, Cell, Move, Phase, Session, Worker
from caesura.policy import Cost, Decision, reason_of_save, save_after_s
from caesura.wire.life import CellEvent, CellState

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_WITHOUT: Final = ("always", "never")
"""Policies under which a cell that is not held by hand is never saved without leaving."""

_SLACK_S: Final = 1e-3


class Precaution:
    def __init__(self, core: Core) -> None:
        self._core = core

    def save_at(self, session: Session, cell: Cell, block: Block, decision: Decision) -> float | None:
        """When the held cell is to be saved; None if not, or if it has been in this block."""
        is_meant = cell.by_hand == "hold" or session.policy.name not in _WITHOUT
        if not is_meant or session.kept_block == (session.epoch, block.serial) or not block.cell_id:
            return None
        after_s = save_after_s(self._cost(session), decision.rest_s)
        return None if after_s is None else block.since + after_s

    def save_if_due(self, session: Session, block: Block, at: float) -> bool:
        """Whether the save was asked for."""
        now = self._core.now
        if now < at - _SLACK_S:
            return False
        session.kept_block = (session.epoch, block.serial)
        reason = reason_of_save(now - block.since, self._cost(session))
        self._core.move.freeze(session, block, keeps=reason)
        return True

    def _cost(self, session: Session) -> Cost:
        return session.cost.cost(self._core.decision.size_bytes(session))

    def takes_over(self, session: Session, worker: Worker) -> bool:
        """Whether the session goes on from the snapshot that was taken while its worker, which has died, was kept.

        All that the worker sent has been taken, and its process has ended, so that the mark is the last word on
        whether code has run since. An answer that it was sent and did not take up is sent again.
        """
        core, cell = self._core, session.cell
        kept, session.kept = session.kept, None
        if kept is None or cell is None or session.is_ended or session.is_restarting:
            return False
        if kept.saved is not session.last_saved or kept.saved.cell_id != cell.cell_id or session.events:
            return False
        if worker.leaving or kept.epoch != worker.epoch or cell.state not in (CellState.BLOCKED, CellState.HELD):
            return False
        if not core.is_untouched(session.session_id, kept.epoch, kept.block.serial):
            return False
        core.cell.apply(session, cell, CellEvent.FREEZE)
        core.cell.apply(session, cell, CellEvent.PREPARE)
        saved, now = kept.saved, core.now
        session.move = Move(kept.block, kept.epoch, False, now, Phase.PREPARED, saved, worker_is_dead=True)
        core.move.commit_for_the_dead(session, session.move, row_of(session, saved, kept.epoch, worker.pid, now))
        return True
