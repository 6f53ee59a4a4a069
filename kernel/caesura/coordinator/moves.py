"""How a session leaves its worker and comes back: blocked, frozen, prepared, committed, due.

What lives here: section by section what happens to a session that waits. What must not: whether it is to leave
(``decisions.py``), who gets a worker (``pool.py``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from caesura import points
from caesura.coordinator import second_try
from caesura.coordinator.anticipating import load_of
from caesura.coordinator.commands import SendWorker
from caesura.coordinator.comms import wants_session
from caesura.coordinator.snapshots import block_from, chain_of, described, snapshot_row
from caesura.coordinator.state import Block, Kept, Move, Phase, Saved, Session
from caesura.model import is_satisfied, wake_from_json
from caesura.store.records import Records
from caesura.store.rows import MoveRow
from caesura.wire import messages as wire
from caesura.wire.life import CellEvent, CellState

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.25
"""After a move that was given up: the worker may be in the same block still."""


class Moves:
    def __init__(self, core: Core) -> None:
        self._core = core

    # --- blocked ----------------------------------------------------------------------------------------------------

    def blocked(self, session: Session, message: wire.Blocked) -> None:
        """Nothing can run in the session's worker."""
        points.reach("blocked.received")
        block = block_from(message)
        session.block = block
        cell = session.cell
        if session.is_settling:
            session.is_settling = False
            self._core.interrupt.consume(session)
            self._core.desk.pump(session)
        if cell is None:
            self._core.parking.has_blocked(session)
            self._core.pool.schedule()
            return
        if not block.cell_id or cell.state not in (CellState.RUNNING, CellState.BLOCKED, CellState.HELD):
            return
        cell.waits, cell.reason = block.waits, ""
        self._core.cell.apply(session, cell, CellEvent.BLOCK)
        self._core.ledger.begins(session, block)
        self._core.decision.decide(session)
        self._core.pool.schedule()

    def unblocked(self, session: Session, serial: int) -> None:
        """User code runs again in the worker, without a move."""
        if session.block is not None and session.block.serial <= serial:
            session.block = None
        session.kept = None
        self._core.replacing.stays(session)
        session.active_since = self._core.now
        self._core.ledger.goes_on(session)
        self._core.cancel_timer("decide", session.session_id)
        cell = session.cell
        if cell is not None and cell.state in (CellState.BLOCKED, CellState.HELD):
            cell.waits, cell.reason = (), ""
            self._core.cell.apply(session, cell, CellEvent.UNBLOCK)
            self._core.pool.worker_changes()

    # --- freeze, prepare --------------------------------------------------------------------------------------------

    def freeze(self, session: Session, block: Block, *, keeps: str = "") -> None:
        """Save the session. ``keeps`` says why its worker is kept all the same; empty: it is to go."""
        worker = session.worker
        assert worker is not None
        is_abortable = session.policy.name != "always" or not block.cell_id or bool(keeps)
        session.move = Move(block, session.epoch, is_abortable, self._core.now, keeps=keeps)
        room_bytes = self._core.room_bytes()
        freeze = wire.Freeze(epoch=session.epoch, serial=block.serial, abortable=is_abortable, room_bytes=room_bytes)
        points.reach("freeze.before_send")
        self._core.put(SendWorker(worker.worker_id, freeze))

    def frozen(self, session: Session, message: wire.Frozen) -> None:
        """No user code runs in the worker from here until the verdict."""
        move, cell = session.move, session.cell
        if move is None or move.block.serial != message.serial:
            return
        move.phase = Phase.FROZEN
        if cell is not None and cell.state in (CellState.BLOCKED, CellState.HELD):
            self._core.cell.apply(session, cell, CellEvent.FREEZE)

    def not_saved(self, session: Session, message: wire.NotSaved) -> None:
        """The save was given up; the worker goes on."""
        move, cell = session.move, session.cell
        if move is None or move.block.serial != message.serial:
            return
        obstacles = tuple(wire.obstacle_from_json(obstacle) for obstacle in message.obstacles)
        if cell is not None and cell.state is CellState.FROZEN:
            self._core.cell.apply(session, cell, CellEvent.REFUSE)
        block = session.block
        if obstacles and block is not None and block.serial == message.serial:
            session.block = replace(block, obstacles=obstacles)
            if cell is not None and cell.state in (CellState.BLOCKED, CellState.HELD):
                self._core.decision.hold(session, "; ".join(map(described, obstacles)))
        second_try.note(self._core, session, message.serial, obstacles, self._core.now - move.since)
        if not move.block.cell_id and obstacles:
            session.parks_refused = (session.epoch, message.serial)
            self._core.parking.settled(session, "; ".join(map(str, obstacles)))
        self._goes_on(session)

    def forget(self, session: Session) -> None:
        """What the worker said of a move may be lost with its link. It says ``Prepared`` again, if it came so far."""
        cell = session.cell
        if cell is not None and cell.state is CellState.FROZEN:
            self._core.cell.apply(session, cell, CellEvent.REFUSE)
        session.move = None
        session.is_settling = True

    def _goes_on(self, session: Session) -> None:
        """The move is over and the session still in its worker."""
        core = self._core
        session.move = None
        core.replacing.stays(session)
        core.interrupt.consume(session)  # an interrupt that came meanwhile was sent to the worker at once
        core.operation.send_answers(session)
        core.set_timer(core.now + _LOOK_AGAIN_S, "decide", session.session_id)
        core.desk.pump(session)
        core.pool.schedule()

    def prepared(self, session: Session, message: wire.Prepared) -> None:
        """The snapshot is on disk and everything sent before it recorded: commit it, if nothing has come."""
        core, move, now = self._core, session.move, self._core.now
        points.reach("prepared.received")
        if move is None:
            move = self._taken_up_again(session, message)
        if move is None or move.block.serial != message.serial or move.phase is Phase.PREPARED:
            return
        session.is_settling = False
        cell, block = session.cell, move.block
        if cell is not None and cell.state is CellState.RUNNING:
            core.cell.apply(session, cell, CellEvent.BLOCK)  # it froze before our restart
        if cell is not None and cell.state in (CellState.BLOCKED, CellState.HELD):
            core.cell.apply(session, cell, CellEvent.FREEZE)
        move.saved = Saved(
            core.new_id(),
            block.cell_id,
            message.manifest,
            block.wake,
            block.waits,
            frozenset(message.pending),
            message.size_bytes,
            message.seconds,
            now,
            chain=chain_of(message.manifest),
        )
        move.phase = Phase.PREPARED
        core.snapshot_arrived(session, message)
        if cell is not None:
            cell.snapshot_bytes = message.size_bytes
            core.cell.apply(session, cell, CellEvent.PREPARE)
        row = snapshot_row(session.session_id, move.saved, message)

        def record(records: Records) -> None:
            # One of the same moment may be there, of a coordinator that died before it came to a verdict.
            records.pass_prepared(row.session_id)
            records.add_snapshot(row)

        core.persist(record)
        self._commit(session, move, message.last_number)

    def _taken_up_again(self, session: Session, message: wire.Prepared) -> Move | None:
        """A worker that waits for a verdict came back after our restart."""
        block = session.block
        if block is None or block.serial != message.serial:
            block = Block(
                message.serial,
                "" if session.cell is None else session.cell.cell_id,
                tuple(wire.wait_from_json(wait) for wait in message.waits),
                (),
                wake_from_json(message.wake),
                self._core.now,
            )
        session.block = block
        session.move = Move(block, session.epoch, session.policy.name != "always", self._core.now)
        return session.move

    # --- commit, verdict --------------------------------------------------------------------------------------------

    def _commit(self, session: Session, move: Move, last_number: int) -> None:
        core, saved, now = self._core, move.saved, self._core.now
        assert saved is not None
        session_id, epoch = session.session_id, move.epoch
        reason = self._why_not(session, move)
        worker = session.worker
        move_row = row_of(session, saved, epoch, 0 if worker is None else worker.pid, now)

        def commit(records: Records) -> bool:
            points.reach("commit.before")
            is_forced = move.worker_is_dead
            if not is_forced and (
                reason
                or not records.commit_snapshot(session_id, saved.snapshot_id, epoch, now, last_number=last_number)
            ):
                records.pass_snapshot(saved.snapshot_id)
                return False
            if is_forced and not records.commit_snapshot(session_id, saved.snapshot_id, epoch, now, over_events=True):
                return False
            self._record_move(records, move_row)
            return True

        def then(is_committed: bool) -> None:
            points.reach("commit.after")
            if is_committed:
                session.epoch = max(session.epoch, epoch + 1)
            if session.move is not move or session.is_ended:
                return  # a restart or the end came first, and has taken care of the worker
            if is_committed:
                self._released(session, move)
            elif move.worker_is_dead:
                self.commit_for_the_dead(session, move, move_row)
            else:
                self._refused(session, move, reason or "an interrupt came first")

        core.persist(commit, then, durable=True)

    def commit_for_the_dead(self, session: Session, move: Move, move_row: MoveRow) -> None:
        """The worker died after its snapshot was refused, and nothing has run since: it is committed after all."""
        saved, epoch = move.saved, move.epoch
        assert saved is not None
        session_id, now = session.session_id, self._core.now

        def commit(records: Records) -> None:
            records.reinstate_snapshot(session_id, saved.snapshot_id, now)
            records.grant_epoch(session_id, epoch, now)
            self._record_move(records, move_row)

        def then(_: None) -> None:
            session.epoch = max(session.epoch, epoch + 1)
            if session.move is move and not session.is_ended:
                self._released(session, move)

        self._core.persist(commit, then, durable=True)

    @staticmethod
    def _record_move(records: Records, row: MoveRow) -> None:
        records.add_move(row)
        if row.cell_id:
            records.update_cell(row.session_id, row.cell_id, state=str(CellState.RELEASED), add_moves=1)

    def _why_not(self, session: Session, move: Move) -> str:
        """Why the prepared snapshot is not to be taken up, as far as it is known before the records are asked."""
        if session.events:
            return "an interrupt came first"
        if move.is_abortable and is_satisfied(move.block.wake, session.answers(), self._core.now):
            return "an answer came first"
        if move.is_abortable and wants_session(session):
            return "a message to a widget came first"
        return move.keeps

    def _released(self, session: Session, move: Move) -> None:
        """The session lives in its snapshot; its worker may go."""
        core, saved, worker, cell = self._core, move.saved, session.worker, session.cell
        assert saved is not None
        core.ledger.is_released(session, move)
        session.move = session.block = session.worker = session.kept = None
        session.saved = saved
        session.is_due = False
        for operation in session.operations.values():
            if operation.op_id in saved.pending:
                operation.is_sent = False
        if cell is not None:
            cell.moves, cell.save_s = cell.moves + 1, saved.save_s
            event = CellEvent.WORKER_DIED if move.worker_is_dead else CellEvent.COMMIT
            core.cell.apply(session, cell, event)
        if worker is not None and not move.worker_is_dead:
            points.reach("release.before_send")
            verdict = wire.Verdict(epoch=move.epoch, serial=move.block.serial, released=True)
            core.put(SendWorker(worker.worker_id, verdict))
            core.worker.dismiss(worker, "released")
        core.parking.settled(session, "")
        self.look_whether_due(session)
        core.replacing.is_out(session)
        core.desk.pump(session)
        core.pool.schedule()

    def _refused(self, session: Session, move: Move, reason: str) -> None:
        """The snapshot is durably passed; the worker goes on."""
        worker, cell = session.worker, session.cell
        session.last_saved = move.saved
        if move.saved is not None and reason == move.keeps:
            session.kept = Kept(move.saved, move.block, move.epoch)
        if cell is not None and cell.state is CellState.PREPARED:
            self._core.cell.apply(session, cell, CellEvent.REFUSE)
        if worker is not None:
            verdict = wire.Verdict(epoch=move.epoch, serial=move.block.serial, released=False, reason=reason)
            self._core.put(SendWorker(worker.worker_id, verdict))
        self._goes_on(session)

    # --- due --------------------------------------------------------------------------------------------------------

    def look_whether_due(self, session: Session) -> None:
        """Bring a suspended session back if what it waits for has come, or an event wants it back."""
        core, saved, cell = self._core, session.saved, session.cell
        if saved is None or session.is_due or session.worker is not None:
            return
        recorded = {op.op_id: bool(op.ok) for op in session.operations.values() if op.is_answered and op.is_recorded}
        if not session.events and not wants_session(session) and not is_satisfied(saved.wake, recorded, core.now):
            load = load_of(core, session, saved, recorded)
            if load is None or core.now < load.at:
                if load is not None:
                    core.set_timer(load.at, "wake", session.session_id)
                return
            core.ledger.comes_back_early(session, load)
        else:
            core.ledger.is_over(session)
        points.reach("wake.before")
        session.is_due = True
        if cell is not None and cell.state is CellState.RELEASED:
            core.cell.apply(session, cell, CellEvent.WAKE)
        core.cancel_timer("wake", session.session_id)
        core.pool.want(session)


def row_of(session: Session, saved: Saved, epoch: int, pid: int, now: float) -> MoveRow:
    """The record of a move that begins: out of the process ``pid``, into ``saved``."""
    return MoveRow(
        session_id=session.session_id,
        cell_id=saved.cell_id,
        epoch=epoch,
        from_pid=pid,
        suspended_at=now,
        waited_for=[wire.wait_to_json(wait) for wait in saved.waits],
        size_bytes=saved.size_bytes,
        save_s=saved.save_s,
    )
