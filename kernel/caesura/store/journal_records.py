"""What is kept to learn from: decisions, measured waits, and small facts about the home."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import DecisionRow, WaitRow
from caesura.store.schema import decisions, marks, waits

_SETTLE = Prepared(
    update(decisions).where(decisions.c.id == bindparam("decision")).values(actual_s=bindparam("seconds"))
)
_KEPT_PER_KEY = 240
_KEPT_IN_ALL = 50_000  # names of events may be made up afresh each time


class JournalRecords(Queries):
    # --- decisions --------------------------------------------------------------------------------------------------

    def add_decision(self, row: DecisionRow) -> int:
        """Record a decision; its id."""
        return self._insert(decisions, row, without=("id",))

    def settle_decision(self, decision_id: int, actual_s: float) -> bool:
        """What the wait really took. False if there is no such decision."""
        return self._changed(_SETTLE, decision=decision_id, seconds=actual_s) == 1

    def decisions(self, session_id: str | None = None, cell_id: str | None = None) -> list[DecisionRow]:
        """Decisions in the order in which they were made; of one session or cell, if given."""
        query = select(decisions).order_by(decisions.c.id)
        if session_id is not None:
            query = query.where(decisions.c.session_id == session_id)
        return self._all(DecisionRow, query if cell_id is None else query.where(decisions.c.cell_id == cell_id))

    # --- waits ------------------------------------------------------------------------------------------------------

    def add_wait(self, row: WaitRow) -> int:
        """Record a measured wait; its id."""
        return self._insert(waits, row, without=("id",))

    def recent_waits(self, per_key: int = _KEPT_PER_KEY) -> list[WaitRow]:
        """The last ``per_key`` waits of every call, oldest first over all."""
        age = func.row_number().over(partition_by=waits.c.key, order_by=waits.c.id.desc())
        ranked = select(waits, age.label("age")).subquery()
        columns = [ranked.c[column.name] for column in waits.columns]
        return self._all(WaitRow, select(*columns).where(ranked.c.age <= per_key).order_by(ranked.c.id))

    def forget_old_waits(self, per_key: int = _KEPT_PER_KEY, in_all: int = _KEPT_IN_ALL) -> int:
        """Keep the last ``per_key`` waits of every call and the last ``in_all`` together; how many were dropped."""
        age = func.row_number().over(partition_by=waits.c.key, order_by=waits.c.id.desc())
        age_in_all = func.row_number().over(order_by=waits.c.id.desc())
        ranked = select(waits.c.id, age.label("age"), age_in_all.label("age_in_all")).subquery()
        is_old = or_(ranked.c.age > per_key, ranked.c.age_in_all > in_all)
        return self._changed(delete(waits).where(waits.c.id.in_(select(ranked.c.id).where(is_old))))

    # --- marks ------------------------------------------------------------------------------------------------------

    def mark(self, key: str) -> str | None:
        """The small fact stored under ``key``, or None."""
        found = self._scalar(select(marks.c.value).where(marks.c.key == key))
        return None if found is None else str(found)

    def set_mark(self, key: str, value: str) -> None:
        """Store a small fact; an earlier one under ``key`` is replaced."""
        if self._changed(update(marks).where(marks.c.key == key).values(value=value)) == 0:
            self._database.connection.execute(insert(marks).values(key=key, value=value))
