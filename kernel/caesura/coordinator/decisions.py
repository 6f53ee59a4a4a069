"""Whether a blocked cell is held or let go: the rule of ``caesura.policy`` on what is known here.

What lives here: gathering what the rule looks at, when it is asked again, writing down what it said. What must not: the
rule itself, how a session leaves its worker (``moves.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from caesura.coordinator.by_hand import decision_of
from caesura.coordinator.replacing import BY_HAND
from caesura.coordinator.snapshots import described
from caesura.coordinator.state import Block, Cell, Session, Worker
from caesura.model import AnyOf, Obstacle
from caesura.policy import BUSY, UNKNOWN, Decision, decide
from caesura.store.rows import DecisionRow
from caesura.wire.life import CellEvent, CellState

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_EMPTY_BYTES: Final = 80_000_000
"""About what a worker takes whose notebook has no variables; most of it is shared with its zygote."""


_LATE_S: Final = 0.25
"""So much later than its known end a cell that came back for it may still wait."""


class Decisions:
    def __init__(self, core: Core) -> None:
        self._core = core

    def decide(self, session: Session) -> None:
        """Hold the blocked cell or let its worker go."""
        core, cell, block = self._core, session.cell, session.block
        if cell is None or block is None or session.move is not None or not session.is_live:
            return
        if cell.state not in (CellState.BLOCKED, CellState.HELD):
            return
        environment, obstacles = core.environments.get(session.key), block.obstacles
        if environment is not None and environment.ready is not None and environment.ready.frames:
            obstacles = (*obstacles, Obstacle("suspended frames", detail=environment.ready.frames))
        if obstacles:
            reason = "; ".join(map(described, obstacles))
            self._record(session, Decision("hold", None, None, UNKNOWN, reason))
            self.hold(session, reason)
            return
        if core.replacing.wants_out(session):
            self.suspend(session, BY_HAND)
            return
        before = session.decided
        decision = self._came_back_early(session) or self._by_hand(session, cell, block)
        decision = decision or self._judge(session, cell, block)
        if decision.action == "suspend":
            self.suspend(session, decision)
            return
        self._record(session, decision)
        if cell.state is not CellState.HELD or _is_news(before, decision, core.now):
            self.hold(session, decision.reason)
        at, save_at = decision.at, core.precaution.save_at(session, cell, block, decision)
        if save_at is not None:
            if core.precaution.save_if_due(session, block, save_at):
                return
            at = save_at if at is None else min(at, save_at)
        if at is not None:
            core.set_timer(at, "decide", session.session_id)

    def suspend(self, session: Session, decision: Decision) -> None:
        """Let the worker of the blocked cell go; the cell stays if something comes first, or it cannot be saved."""
        assert session.cell is not None
        assert session.block is not None
        self._record(session, decision)
        session.cell.reason = decision.reason
        self._core.move.freeze(session, session.block)

    def _came_back_early(self, session: Session) -> Decision | None:
        """What is decided about a cell that was loaded ahead of the known end of its wait, until that has come."""
        wait, now = session.wait, self._core.now
        if wait is None or wait.back_at is None or wait.due is None or now > wait.due:
            return None
        reason = f"it came back ahead of the end of its wait, in {wait.due - now:.3g} s"
        return Decision("hold", wait.due + _LATE_S, None, UNKNOWN, reason)

    def _by_hand(self, session: Session, cell: Cell, block: Block) -> Decision | None:
        """What the user has decided, with what the policy predicts of the wait: the ledger compares it with others."""
        decision = decision_of(cell)
        if decision is None:
            return None
        judged = self._judge(session, cell, block)
        return replace(decision, prediction=judged.prediction, wait=judged.wait, rest_s=judged.rest_s)

    def _judge(self, session: Session, cell: Cell, block: Block) -> Decision:
        core, now, is_auto = self._core, self._core.now, session.policy.name == "auto"
        return decide(
            session.policy,
            [core.progress.expected(wait) for wait in block.waits],
            now,
            core.history,
            session.cost.cost(self.size_bytes(session), core.pool.queue_s()),
            max(0.0, now - block.since),
            None if block.wake == AnyOf(()) else block.wake,
            demand=core.pool.demand() if is_auto else BUSY,
            resumed_s=None if cell.resumed_at is None else now - cell.resumed_at,
        )

    def look_at_held(self) -> None:
        """More want a worker, or more is known: who is expected to wait longest is judged first."""
        core = self._core
        core.pool.looks_at_held()
        rests = []
        for worker in core.workers.values():
            session = _held_in(core, worker)
            if session is not None and session.cell is not None and session.block is not None:
                rests.append((self._judge(session, session.cell, session.block).rest_s or 0.0, session))
        for _, session in sorted(rests, key=lambda rest: -rest[0]):
            self.decide(session)  # with one cell less to make room for after each that leaves

    def learned(self, key: str) -> None:
        """A call of ``key`` has ended: others may wait for one like it."""
        core = self._core
        for worker in core.workers.values():
            session = _held_in(core, worker)
            if session is not None and session.block and any(wait.key == key for wait in session.block.waits):
                core.pool.look_at_held_soon()
                return

    def size_bytes(self, session: Session) -> int:
        """What a snapshot of the session would take: as the last one, or by the memory of its process."""
        if not session.size_bytes and session.worker is not None and session.worker.pid:
            session.size_bytes = max(1, self._core.memory_of(session.worker.pid) - _EMPTY_BYTES)
        return session.size_bytes

    def hold(self, session: Session, reason: str) -> None:
        cell = session.cell
        assert cell is not None
        if cell.state is CellState.HELD and cell.reason == reason:
            return
        cell.reason = reason
        self._core.cell.apply(session, cell, CellEvent.HOLD)

    def _record(self, session: Session, decision: Decision) -> None:
        block, cell, wait, prediction = session.block, session.cell, decision.wait, decision.prediction
        assert block is not None
        session.decided = decision
        self._core.ledger.decided(session, decision)
        recorded = (session.epoch, block.serial, decision.action)  # every worker counts its blocks from the beginning
        if session.last_decision == recorded:
            return
        session.last_decision = recorded
        row = DecisionRow(
            at=self._core.now,
            session_id=session.session_id,
            cell_id="" if cell is None else cell.cell_id,
            key="" if wait is None else wait.key,
            kind="" if wait is None else str(wait.kind),
            policy=str(session.policy),
            action=decision.action,
            reason=decision.reason,
            predicted_p10=prediction.p10,
            predicted_p50=prediction.p50,
            predicted_p90=prediction.p90,
            predicted_mean=prediction.mean,
            threshold_s=decision.threshold_s,
        )
        operation = None if wait is None else session.operations.get(wait.op_id)

        def then(decision_id: int) -> None:
            if operation is not None:
                self._core.operation.settle_later(operation, decision_id)

        self._core.persist(lambda records: records.add_decision(row), then)


def _held_in(core: Core, worker: Worker) -> Session | None:
    """The session in ``worker`` if its cell is held by a decision of ``auto``, which more knowledge may change."""
    session = core.sessions.get(worker.session_id)
    if session is None or session.worker is not worker or session.policy.name != "auto" or session.move is not None:
        return None
    cell, block = session.cell, session.block
    is_held = cell is not None and cell.state is CellState.HELD and block is not None and not block.obstacles
    return session if is_held else None


def _is_news(before: Decision | None, decision: Decision, now: float) -> bool:
    """Whether a held cell is held for another reason or time than was said; others of its kind may end all the time."""
    if before is None or (before.wait is None) != (decision.wait is None) or before.at is None or decision.at is None:
        return True
    is_same_wait = before.wait is None or decision.wait is None or before.wait.op_id == decision.wait.op_id
    return not is_same_wait or abs(before.at - decision.at) > max(0.5, 0.1 * (decision.at - now))
