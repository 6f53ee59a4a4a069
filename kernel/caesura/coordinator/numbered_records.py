"""What a numbered message changes in the records, in the transaction that takes its number.

What lives here: that change alone. A coordinator that dies right after has lost nothing: the worker will not send the
message again, and the records hold what it said. What must not: what happens in memory, which follows.
"""

from __future__ import annotations

from caesura.coordinator.state import Session
from caesura.policy import sized_key
from caesura.store.records import Records
from caesura.store.rows import OperationRow
from caesura.wire import messages as wire
from caesura.wire.life import CellState


def record_effect(records: Records, session: Session, message: wire.Numbered, now: float) -> None:
    """Record what ``message`` says; outputs are recorded by the inbox, which knows for whom."""
    session_id = session.session_id
    match message:
        case wire.Call():
            records.add_operation(operation_row(session_id, message, now))
        case wire.CancelCall():
            records.cancel_operation(message.op_id, now)
        case wire.CellStarted():
            state = str(CellState.RUNNING)
            records.update_cell(session_id, message.cell_id, state=state, started=now, reason="", waits=[])
        case wire.CellDone():
            state = CellState.DONE if message.status == "ok" else CellState.FAILED
            records.update_cell(
                session_id,
                message.cell_id,
                state=str(state),
                ended=now,
                status=message.status,
                error=message.error,
                reason=message.error,
                waits=[],
            )
        case wire.FunctionDone():
            payload = bytes(message.buffers[0]) if message.buffers else b""
            records.record_answer(session.parent_op, message.ok, payload, now)


def operation_row(session_id: str, message: wire.Call, now: float) -> OperationRow:
    """A call for the records. One that carries much data has a history of its own, by the size."""
    request = bytes(message.buffers[0]) if message.buffers else b""
    return OperationRow(
        id=message.op_id,
        session_id=session_id,
        cell_id=message.cell_id,
        kind=message.kind,
        key=sized_key(message.key, len(request)),
        created=now,
        label=message.label,
        request=request,
        options=dict(message.options),
        parent=dict(message.parent),
    )
