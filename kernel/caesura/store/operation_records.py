"""Operations and their answers, and the events that a user causes: each recorded once, taken up once (I4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import case, func, select, update

from caesura.store.queries import Queries
from caesura.store.rows import EventKind, EventRow, OperationRow, OperationState
from caesura.store.schema import events, operations

_PRECEDENCE = {EventKind.RESTART: 0, EventKind.SHUTDOWN: 0, EventKind.CANCEL: 1, EventKind.INTERRUPT: 2}


class OperationRecords(Queries):
    # --- operations -------------------------------------------------------------------------------------------------

    def add_operation(self, row: OperationRow) -> bool:
        """Record a new operation; False if its id is known (a worker sent it again)."""
        if self.operation(row.id) is not None:
            return False
        self._insert(operations, row)
        return True

    def operation(self, op_id: str) -> OperationRow | None:
        return self._one(OperationRow, select(operations).where(operations.c.id == op_id))

    def operations(
        self,
        session_id: str | None = None,
        *,
        cell_id: str | None = None,
        kind: str | None = None,
        states: Collection[str] | None = None,
    ) -> list[OperationRow]:
        """Operations in the order in which they were started, as far as they match what is given."""
        query = select(operations).order_by(operations.c.created, operations.c.id)
        if session_id is not None:
            query = query.where(operations.c.session_id == session_id)
        if cell_id is not None:
            query = query.where(operations.c.cell_id == cell_id)
        if kind is not None:
            query = query.where(operations.c.kind == kind)
        if states is not None:
            query = query.where(operations.c.state.in_(states))
        return self._all(OperationRow, query)

    def next_due(self) -> float | None:
        """The earliest ``due`` of a pending operation, or None."""
        pending = operations.c.state == OperationState.PENDING.value
        found = self._scalar(select(func.min(operations.c.due)).where(pending, operations.c.due.is_not(None)))
        return None if found is None else float(found)

    def record_answer(
        self,
        op_id: str,
        ok: bool,
        result: bytes | None,
        at: float,
        *,
        text: str = "",
        uncertain: bool = False,
    ) -> bool:
        """Record the answer of a pending operation. False, and nothing changes, if it has one or is unknown."""
        state = OperationState.UNCERTAIN if uncertain else OperationState.ANSWERED
        statement = (
            update(operations)
            .where(operations.c.id == op_id, operations.c.state == OperationState.PENDING.value)
            .values(state=state.value, ok=ok, result=result, text=text, answered_at=at)
        )
        return self._changed(statement) == 1

    def cancel_operation(self, op_id: str, at: float) -> bool:
        """Nobody waits for it any more. False if it is not pending."""
        statement = (
            update(operations)
            .where(operations.c.id == op_id, operations.c.state == OperationState.PENDING.value)
            .values(state=OperationState.CANCELLED.value, answered_at=at, consumed=True)
        )
        return self._changed(statement) == 1

    def unconsumed_answers(self, session_id: str) -> list[OperationRow]:
        """What has come for a session and was not yet delivered, in the order in which it came."""
        query = select(operations).where(
            operations.c.session_id == session_id,
            operations.c.state.in_([OperationState.ANSWERED.value, OperationState.UNCERTAIN.value]),
            operations.c.consumed.is_(False),
        )
        return self._all(OperationRow, query.order_by(operations.c.answered_at, operations.c.id))

    def answers(self, op_ids: Sequence[str]) -> dict[str, bool]:
        """Of ``op_ids``, those that have an answer: id → it succeeded (for :func:`caesura.model.is_satisfied`)."""
        query = select(operations.c.id, operations.c.ok).where(
            operations.c.id.in_(op_ids),
            operations.c.state.in_([OperationState.ANSWERED.value, OperationState.UNCERTAIN.value]),
        )
        return {op_id: bool(ok) for op_id, ok in self._database.connection.execute(query)}

    def consume_answers(self, session_id: str, op_ids: Sequence[str]) -> list[str]:
        """These answers are part of what the session has run on. Those that were not so before, in no order."""
        statement = (
            update(operations)
            .where(
                operations.c.session_id == session_id,
                operations.c.id.in_(op_ids),
                operations.c.state != OperationState.PENDING.value,
                operations.c.consumed.is_(False),
            )
            .values(consumed=True)
            .returning(operations.c.id)
        )
        return [str(op_id) for (op_id,) in self._database.connection.execute(statement)]

    # --- events -----------------------------------------------------------------------------------------------------

    def add_event(self, session_id: str, kind: str, at: float, cell_id: str = "") -> int:
        """Record an interrupt, cancel, restart or shutdown; its id. From now on no snapshot is committed."""
        return self._insert(
            events,
            EventRow(session_id=session_id, kind=EventKind(kind).value, at=at, cell_id=cell_id),
            without=("id",),
        )

    def open_events(self, session_id: str) -> list[EventRow]:
        """Events not yet consumed: restart and shutdown first, then cancel, then interrupt; each in order of time."""
        rank = case({kind.value: rank for kind, rank in _PRECEDENCE.items()}, value=events.c.kind, else_=3)
        query = select(events).where(events.c.session_id == session_id, events.c.consumed.is_(False))
        return self._all(EventRow, query.order_by(rank, events.c.at, events.c.id))

    def consume_event(self, event_id: int) -> bool:
        """The event has taken effect. False if it had before."""
        statement = update(events).where(events.c.id == event_id, events.c.consumed.is_(False)).values(consumed=True)
        return self._changed(statement) == 1
