"""Resuming a failed cell by hand, from its last snapshot.

What lives here: the steps of `caesura resume CELL`. A passed snapshot is never resumed by itself (DESIGN, section 4);
whoever asks is told which awaits would run again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from caesura.coordinator.commands import FrontPublish
from caesura.coordinator.snapshots import saved_from
from caesura.coordinator.state import Cell, Kind, Saved, Session
from caesura.errors import UsageError
from caesura.store.records import Records
from caesura.store.rows import OperationRow, SnapshotRow, SnapshotState
from caesura.wire.life import CellEvent, CellState
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_RESUMABLE = (SnapshotState.PASSED.value, SnapshotState.CONSUMED.value, SnapshotState.FAILED.value)


def resume_failed(core: Core, session: Session, cell: Cell, then: Callable[[Json], None]) -> None:
    """Bring a failed cell back; ``then`` gets what the user is told. UsageError if it cannot be resumed."""
    if session.kind is not Kind.NOTEBOOK or cell.state is not CellState.FAILED:
        raise UsageError(f"The cell {cell.cell_id} is {cell.state}; only a failed cell of a notebook can be resumed.")
    if session.cell is not None or session.current is not None or session.move is not None or session.queue:
        raise UsageError("The notebook is busy; wait until it is idle, or interrupt what runs, then resume the cell.")
    known = session.last_saved
    if known is None or known.cell_id != cell.cell_id:
        raise UsageError(f"There is no snapshot of the cell {cell.cell_id}; run it again.")
    session_id, now = session.session_id, core.now
    core.worker.let_go(session, gently=False)
    session.block = None

    def reinstate(records: Records) -> tuple[SnapshotRow | None, list[OperationRow]]:
        rows = [row for row in records.snapshots(session_id, _RESUMABLE) if row.id == known.snapshot_id]
        if rows:
            records.reinstate_snapshot(session_id, known.snapshot_id, now)
        return (rows[0] if rows else None), records.operations(session_id)

    def go_on(found: tuple[SnapshotRow | None, list[OperationRow]]) -> None:
        row, operations = found
        if session.is_ended or row is None or session.saved is not None:
            then({"resumed": False, "warning": "The snapshot is not there any more."})
            return
        saved = saved_from(row)
        saved.failures = 0
        for operation_row in operations:
            if operation_row.id in saved.pending:
                core.operation.bring_back(session, operation_row)
        session.saved, session.last_saved = saved, None
        session.notice = ""
        session.cell = cell
        cell.is_cancelled = False
        cell.status = cell.error = ""
        core.cell.apply(session, cell, CellEvent.RESUME_AGAIN)
        if cell.request is not None:
            busy = {"execution_state": "busy"}
            core.put(FrontPublish(session_id, "status", busy, cell.request.header))
            session.current = None
        session.is_due = True
        core.pool.want(session)
        then({"resumed": True, "cell_id": cell.cell_id, "warning": _warning(saved)})

    core.persist(reinstate, go_on, durable=True)


def _warning(saved: Saved) -> str:
    awaits = ", ".join(wait.label or wait.key for wait in saved.waits) or "nothing"
    return (
        f"The cell goes on from the snapshot in which it waited for {awaits}. Whatever ran after that runs again, and "
        "variables that were made since in this notebook are dropped."
    )
