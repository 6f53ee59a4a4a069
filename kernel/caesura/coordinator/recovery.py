"""Taking everything up again after a start (I5): sessions, cells, operations, snapshots, and workers that went on.

What lives here: reading the records once, and what each session is by what they say and which of its processes is
alive. What must not: processes; who is alive is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caesura.coordinator.interpreters import shared
from caesura.coordinator.keeping import take_holder
from caesura.coordinator.loading import is_unstarted
from caesura.coordinator.parking import park_after
from caesura.coordinator.requests import unpack_request
from caesura.coordinator.snapshots import saved_from
from caesura.coordinator.state import Cell, Kind, Session, Worker, by_hand_of
from caesura.errors import UsageError
from caesura.model import CallKind
from caesura.policy import Policy, parse
from caesura.store.records import Records
from caesura.store.rows import CellRow, OperationRow, SessionRow, SnapshotRow, SnapshotState, WaitRow
from caesura.wire.life import FINAL, SUSPENDED, CellEvent, CellState
from caesura.wire.messages import Json, wait_from_json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_REATTACH_S = 15.0
"""A live worker that says nothing for this long is killed; it tries every half second."""
_STUB_GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the records say about one session."""

    row: SessionRow
    cells: Sequence[CellRow]
    operations: Sequence[OperationRow]
    lives_in: SnapshotRow | None
    prepared: SnapshotRow | None
    last: SnapshotRow | None
    events: Sequence[str]
    kept_bytes: int = 0
    begun: str = ""
    """The id of a cell that has begun although the records do not say so yet."""

    @property
    def worker(self) -> Json:
        """What is known about its process: ``{"worker_id", "pid", "started", "epoch"}``, or empty."""
        return self.row.worker


@dataclass(frozen=True, slots=True)
class Everything:
    """What the records say."""

    sessions: Sequence[Found] = ()
    waits: Sequence[WaitRow] = field(default=(), repr=False)


def read_everything(records: Records, has_begun: Callable[[str, str], bool] = lambda *_: False) -> Everything:
    """All that is not over, in one transaction; ``has_begun(session_id, cell_id)`` as in :mod:`caesura.store.begun`."""
    found = []
    for row in records.sessions():
        if row.state == "ended":
            continue
        snapshots, cells = records.snapshots(row.id), records.cells(row.id)
        queued = (cell.id for cell in cells if cell.state == CellState.QUEUED)
        found.append(
            Found(
                row,
                cells,
                records.operations(row.id),
                next((snapshot for snapshot in snapshots if snapshot.id == row.snapshot_id), None),
                next((s for s in snapshots if s.state == SnapshotState.PREPARED and s.epoch == row.epoch), None),
                snapshots[0] if snapshots else None,
                [event.kind for event in records.open_events(row.id)],
                records.kept_totals(row.id)[1],
                next((cell_id for cell_id in queued if has_begun(row.id, cell_id)), ""),
            )
        )
    return Everything(found, records.recent_waits())


class Recovery:
    def __init__(self, core: Core) -> None:
        self._core = core

    def take_up(self, everything: Everything, alive: Collection[str]) -> None:
        """Go on with what the records hold; ``alive`` are the ids of the workers whose process exists."""
        core = self._core
        core.history.load((wait.key, wait.kind, wait.duration_s, wait.censored) for wait in everything.waits)
        taken: list[tuple[Session, Found]] = []
        for found in everything.sessions:
            if found.row.kind == Kind.CLIENT:
                self._drop(found.row.id)
                continue
            session = self._session(found)
            core.sessions[session.session_id] = session
            taken.append((session, found))
        for session, found in taken:
            self._place(session, found, found.worker.get("worker_id", "") in alive)
        for session, found in taken:
            if found.begun and session.worker is None and session.saved is None:
                self._take_as_begun(session, found.begun)
            self._go_on(session)
        core.pool.schedule()
        core.session.look_idle()

    def _drop(self, session_id: str) -> None:
        self._core.persist(lambda records: records.drop_session(session_id))

    # --- building ---------------------------------------------------------------------------------------------------

    def _session(self, found: Found) -> Session:
        core, row = self._core, found.row
        session = Session(
            row.id,
            Kind(row.kind),
            shared(row.environment),
            core.environment_key(row.environment),
            _policy(row.policy, core.limits.policy),
            row.created,
            name=row.name,
            connection=row.connection,
            parent_op=row.parent_op or "",
            epoch=row.epoch,
            next_number=row.next_number,
            is_detached=row.detached,
            events=list(found.events),
            kept_bytes=found.kept_bytes,
            park_after_s=park_after(row.environment.get("env") or {}, core.limits.park_after_s)[0],
            last_used=core.now,
            active_since=core.now,
        )
        take_holder(session, row.holder)
        for operation_row in found.operations:
            if operation_row.state != "cancelled" and not operation_row.consumed:
                core.operation.bring_back(session, operation_row)
        if found.lives_in is not None:
            session.saved = saved_from(found.lives_in)
            if session.saved.cell_id:
                core.ledger.take_up(session, session.saved)
        elif found.last is not None:
            session.last_saved = saved_from(found.last)
        for cell_row in found.cells:
            self._cell(session, cell_row)
        return session

    def _cell(self, session: Session, row: CellRow) -> None:
        state = CellState(row.state)
        saved = session.last_saved
        if state in FINAL and not (state is CellState.FAILED and saved is not None and saved.cell_id == row.id):
            return
        cell = Cell(
            row.id,
            session.session_id,
            row.code_preview,
            row.created,
            state=state,
            since=self._core.now,
            started=row.started,
            moves=row.moves,
            resumes=row.moves - (state in SUSPENDED or state is CellState.LOADING),
            reason=row.reason,
            waits=tuple(map(wait_from_json, row.waits)),
            request=unpack_request(row.request) if row.request else None,
            status=row.status,
            error=row.error,
        )
        cell.by_hand = by_hand_of(row.code_preview)
        session.cells[cell.cell_id] = cell
        if state in FINAL:
            return
        if session.kind is Kind.FUNCTION or state is not CellState.QUEUED:
            session.cell = cell
        elif cell.request is not None:
            session.queue.append(cell.request)

    # --- placing ----------------------------------------------------------------------------------------------------

    def _place(self, session: Session, found: Found, is_alive: bool) -> None:
        """Where the session is: in a process, in a snapshot, or nowhere."""
        core, facts, cell = self._core, found.worker, session.cell
        acts = is_alive and facts.get("epoch") == session.epoch
        if is_alive:
            worker = Worker(
                facts["worker_id"],
                session.session_id,
                session.key,
                core.now,
                pid=int(facts["pid"]),
                started=str(facts["started"]),
                epoch=int(facts["epoch"]),
                is_granted=True,
                is_attached=True,
                is_loaded=session.saved is None and not is_unstarted(session),
                is_interrupted=bool(facts.get("interrupt")),
            )
            core.workers[worker.worker_id] = worker
            if not acts:
                core.worker.dismiss(worker, "its session has moved on")
                core.worker.kill(worker.worker_id)
            else:
                session.worker = worker
                session.is_settling = True
                core.set_timer(core.now + _REATTACH_S, "reattach", worker.worker_id)
        if session.saved is not None:
            if cell is not None:
                cell.state = CellState.LOADING if acts else CellState.RELEASED
            return
        if not acts and found.prepared is not None:
            self._commit(session, found.prepared)
        elif acts and cell is not None and cell.state is not CellState.QUEUED:
            cell.state = CellState.RUNNING
            session.current = cell.request

    def _commit(self, session: Session, row: SnapshotRow) -> None:
        """Its worker died with a snapshot on disk, and nothing ran since: the session lives in it."""
        session_id, epoch, now = session.session_id, session.epoch, self._core.now
        session.saved, session.last_saved = saved_from(row), None
        session.epoch += 1
        if session.cell is not None:
            session.cell.state = CellState.RELEASED
        self._core.persist(
            lambda records: records.commit_snapshot(session_id, row.id, epoch, now, over_events=True), durable=True
        )

    def _take_as_begun(self, session: Session, cell_id: str) -> None:
        """Its worker died before its last words were recorded: it is over, and must not run again (I2)."""
        cell = session.cells[cell_id]
        request = cell.request
        if session.cell is None and request is not None and request in session.queue:
            session.queue.remove(request)
            session.cell = cell
            cell.apply(CellEvent.START, self._core.now)

    def _go_on(self, session: Session) -> None:
        core, cell = self._core, session.cell
        if session.kind is Kind.FUNCTION:
            operation = core.operations.get(session.parent_op)
            if operation is None or not operation.is_pending:
                core.session.end(session, 0)
                return
            operation.attempts = max(1, operation.attempts)
        else:
            if session.is_kept:
                core.keeping.set_timer(session)
            else:
                core.set_timer(core.now + _STUB_GRACE_S, "stub", session.session_id)
        if not core.keeping.is_at_rest(session):
            core.session.prepare_environment(session)
        for operation in list(session.operations.values()):
            self._carry_on(session, operation.op_id)
        if session.worker is not None:
            return
        if session.saved is not None:
            core.move.look_whether_due(session)
        elif cell is not None and cell.state is not CellState.QUEUED:
            cell.state = CellState.RUNNING
            session.current = cell.request
            core.worker.lost_while_away(session)
        elif session.kind is Kind.FUNCTION:
            core.pool.want(session)
        elif session.epoch > 0:
            session.notice = "The worker of this notebook ended unseen: its variables are lost.\n"
        core.desk.pump(session)

    def _carry_on(self, session: Session, op_id: str) -> None:
        core = self._core
        operation = session.operations[op_id]
        if not operation.is_pending:
            return
        is_unstarted = operation.kind == CallKind.FUNCTION and core.function.session_of(operation) is None
        if is_unstarted or operation.kind == CallKind.TIMER:
            core.operation.begin(operation)


def _policy(text: str, default: Policy) -> Policy:
    try:
        return parse(text)
    except UsageError:
        return default
