"""Operations and their answers, and the events that a user causes: each recorded once, taken up once (I4)."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Text, bindparam, case, func, or_, select, update

from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import EventKind, EventRow, OperationRow, OperationState
from caesura.store.schema import events, operations

_OPERATION = Prepared(select(operations).where(operations.c.id == bindparam("operation")))
_NEXT_DUE = Prepared(
    select(func.min(operations.c.due)).where(
        operations.c.state == OperationState.PENDING.value, operations.c.due.is_not(None)
    )
)
_ANSWER = Prepared(
    update(operations)
    .where(operations.c.id == bindparam("operation"), operations.c.state == OperationState.PENDING.value)
    .values(
        state=bindparam("new_state"),
        ok=bindparam("new_ok"),
        result=bindparam("new_result"),
        text=bindparam("new_text"),
        answered_at=bindparam("at"),
    )
)
_CANCEL = Prepared(
    update(operations)
    .where(operations.c.id == bindparam("operation"), operations.c.state == OperationState.PENDING.value)
    .values(state=OperationState.CANCELLED.value, answered_at=bindparam("at"), consumed=True)
)
_HAS_ANSWER = or_(
    operations.c.state == OperationState.ANSWERED.value, operations.c.state == OperationState.UNCERTAIN.value
)
_UNCONSUMED = Prepared(
    select(operations)
    .where(operations.c.session_id == bindparam("session"), _HAS_ANSWER, operations.c.consumed.is_(False))
    .order_by(operations.c.answered_at, operations.c.id)
)
_GIVEN = select(func.json_each(bindparam("ids", type_=Text)).table_valued("value").c.value)
_ANSWERS = Prepared(select(operations.c.id, operations.c.ok).where(operations.c.id.in_(_GIVEN), _HAS_ANSWER))
_CONSUME = Prepared(
    update(operations)
    .where(
        operations.c.session_id == bindparam("session"),
        operations.c.id.in_(_GIVEN),
        operations.c.state != OperationState.PENDING.value,
        operations.c.consumed.is_(False),
    )
    .values(consumed=True)
    .returning(operations.c.id)
)
_PRECEDENCE = {EventKind.RESTART: 0, EventKind.SHUTDOWN: 0, EventKind.CANCEL: 1, EventKind.INTERRUPT: 2}

_RANK = case({kind.value: rank for kind, rank in _PRECEDENCE.items()}, value=events.c.kind, else_=3)
_OPEN_EVENTS = Prepared(
    select(events)
    .where(events.c.session_id == bindparam("session"), events.c.consumed.is_(False))
    .order_by(_RANK, events.c.at, events.c.id)
)
_CONSUME_EVENT = Prepared(
    update(events).where(events.c.id == bindparam("event"), events.c.consumed.is_(False)).values(consumed=True)
)


class OperationRecords(Queries):
    # --- operations -------------------------------------------------------------------------------------------------

    def add_operation(self, row: OperationRow) -> bool:
        """Record a new operation; False if its id is known (a worker sent it again)."""
        if self.operation(row.id) is not None:
            return False
        self._insert(operations, row)
        return True

    def operation(self, op_id: str) -> OperationRow | None:
        return self._one(OperationRow, _OPERATION, operation=op_id)

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
        found = self._scalar(_NEXT_DUE)
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
        new = {"new_state": state.value, "new_ok": ok, "new_result": result, "new_text": text}
        return self._changed(_ANSWER, operation=op_id, at=at, **new) == 1

    def cancel_operation(self, op_id: str, at: float) -> bool:
        """Nobody waits for it any more. False if it is not pending."""
        return self._changed(_CANCEL, operation=op_id, at=at) == 1

    def unconsumed_answers(self, session_id: str) -> list[OperationRow]:
        """What has come for a session and was not yet delivered, in the order in which it came."""
        return self._all(OperationRow, _UNCONSUMED, session=session_id)

    def answers(self, op_ids: Sequence[str]) -> dict[str, bool]:
        """Of ``op_ids``, those that have an answer: id → it succeeded (for :func:`caesura.model.is_satisfied`)."""
        found = _ANSWERS.execute(self._database.raw, {"ids": json.dumps(list(op_ids))})
        return {op_id: bool(ok) for op_id, ok in found}

    def consume_answers(self, session_id: str, op_ids: Sequence[str]) -> list[str]:
        """These answers are part of what the session has run on. Those that were not so before, in no order."""
        values = {"session": session_id, "ids": json.dumps(list(op_ids))}
        return [str(op_id) for (op_id,) in _CONSUME.execute(self._database.raw, values)]

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
        return self._all(EventRow, _OPEN_EVENTS, session=session_id)

    def consume_event(self, event_id: int) -> bool:
        """The event has taken effect. False if it had before."""
        return self._changed(_CONSUME_EVENT, event=event_id) == 1
