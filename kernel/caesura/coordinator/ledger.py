"""What every wait of a cell really cost, written down when it is over.

What lives here: following a wait from its block to where the cell goes on. What must not: what other policies would
have paid (``caesura.policy.ledger``), adding up (``caesura.store``).

A wait that an interrupt or a restart cut off is not written down: nobody knows how long it would have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from caesura.coordinator.anticipating import Load
from caesura.coordinator.comms import wants_session
from caesura.coordinator.state import Block, Move, OpenWait, Saved, Session, Worker
from caesura.policy import BUSY, UNKNOWN, Decision, break_even_s
from caesura.policy.ledger import would_have_cost
from caesura.store.rows import LedgerRow

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


@dataclass(frozen=True, slots=True)
class _Moved:
    """What its move took, in seconds; all 0 for one that kept its worker."""

    load_s: float = 0.0
    delay_s: float = 0.0
    freed_s: float = 0.0


class Ledger:
    def __init__(self, core: Core) -> None:
        self._core = core

    def begins(self, session: Session, block: Block) -> None:
        """The session's cell waits; one that came back ahead of the end of its wait goes on with it."""
        if session.wait is not None and session.wait.back_at is not None and session.wait.cell_id == block.cell_id:
            return
        session.wait = OpenWait(block.cell_id, block.since, block.waits[0] if block.waits else None)

    def decided(self, session: Session, decision: Decision) -> None:
        """The policy judged it; its first prediction counts."""
        if session.wait is not None:
            session.wait.first = session.wait.first or decision
            session.wait.last = decision

    def is_released(self, session: Session, move: Move) -> None:
        """Its worker is about to go."""
        wait, worker = session.wait, session.worker
        if wait is None or move.saved is None:
            return
        if wait.back_at is not None:  # twice in one wait: no policy that it is compared with does that
            session.wait = None
            return
        wait.held_s = max(0.0, move.since - wait.since)
        wait.save_s = move.saved.save_s
        wait.released_at = self._core.now
        wait.memory_bytes = self._core.memory_of(worker.pid) if worker is not None and worker.pid else 0

    def take_up(self, session: Session, saved: Saved) -> None:
        """The session was suspended when we started."""
        since = min((wait.since for wait in saved.waits), default=saved.created)
        about = saved.waits[0] if saved.waits else None
        session.wait = OpenWait(saved.cell_id, since, about, save_s=saved.save_s, released_at=saved.created)
        session.wait.held_s = max(0.0, saved.created - saved.save_s - since)

    def is_over(self, session: Session) -> None:
        """What a suspended cell waited for has come, or somebody wants it back before."""
        if session.events or wants_session(session):
            session.wait = None
        elif session.wait is not None:
            session.wait.ended_at = self._core.now

    def comes_back_early(self, session: Session, load: Load) -> None:
        """A suspended cell is loaded ahead of the end of its wait."""
        if session.wait is not None:
            session.wait.due, session.wait.is_due_known = load.due, load.is_known

    def goes_on(self, session: Session, worker: Worker | None = None) -> None:
        """User code runs again: in the worker that it had, or in ``worker``, which loaded it."""
        wait, now = session.wait, self._core.now
        session.wait = None
        if wait is None or session.events:
            return
        if wait.released_at is None:
            if worker is None:
                self._write(session, wait, now - wait.since, _Moved())
            return
        ended_at = wait.ended_at
        if worker is not None:
            wait.load_s, wait.freed_s = worker.load_s, max(0.0, worker.since - wait.released_at)
            if wait.due is not None:
                ended_at = _has_ended_at(session, wait, now)
                if ended_at is None:
                    wait.back_at, session.wait = now, wait
                    return
        elif wait.back_at is not None:
            wait.held_s += now - wait.back_at
            ended_at = min(now, wait.due) if wait.is_due_known and wait.due is not None else now
        if ended_at is not None:
            moved = _Moved(wait.load_s, max(0.0, now - ended_at), wait.freed_s)
            self._write(session, wait, ended_at - wait.since, moved)

    def _write(self, session: Session, wait: OpenWait, wait_s: float, moved: _Moved) -> None:
        core, decision = self._core, wait.first
        is_moved, wait_s = wait.released_at is not None, max(0.0, wait_s)
        held_s = wait.held_s if is_moved else wait_s
        move_s = wait.save_s + moved.load_s + moved.delay_s
        if not is_moved:
            move_s = break_even_s(session.cost.cost(session.size_bytes), BUSY)
        prediction = UNKNOWN if decision is None else decision.prediction
        paid = would_have_cost(wait_s, move_s, prediction.mean)
        about = wait.about if decision is None or decision.wait is None else decision.wait
        is_predicted = prediction.basis == "key"
        row = LedgerRow(
            at=core.now,
            cell_id=wait.cell_id,
            key="" if about is None else about.key,
            kind="" if about is None else str(about.kind),
            policy=str(session.policy),
            wait_s=wait_s,
            held_s=held_s,
            moved=is_moved,
            save_s=wait.save_s,
            load_s=moved.load_s,
            delay_s=moved.delay_s,
            freed_s=moved.freed_s,
            memory_bytes=wait.memory_bytes,
            predicted_p10=prediction.p10 if is_predicted else None,
            predicted_p90=prediction.p90 if is_predicted else None,
            cost_s=held_s + is_moved * move_s,
            never_s=paid.never,
            always_s=paid.always,
            fixed_s=paid.fixed,
            break_even_s=paid.break_even,
            mean_s=paid.mean,
            clairvoyant_s=paid.clairvoyant,
        )
        beta_s = None if wait.last is None else wait.last.threshold_s
        if session.policy.name == "auto" and about is not None and beta_s:
            core.history.settle(about.key, held_s / beta_s + is_moved, min(wait_s, beta_s) / beta_s)
        core.persist(lambda records: records.add_to_ledger(row))


def _has_ended_at(session: Session, wait: OpenWait, now: float) -> float | None:
    """When what a cell that was loaded ahead waits for had come; None if it has not."""
    if wait.is_due_known:
        return wait.due if wait.due is not None and now >= wait.due else None
    return max(
        (op.answered_at for op in session.operations.values() if op.is_answered and not op.is_sent), default=None
    )
