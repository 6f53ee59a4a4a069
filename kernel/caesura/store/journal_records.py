"""What is kept to learn from: decisions, measured waits, what they cost, and small facts about the home."""

from __future__ import annotations

from sqlalchemy import Float, Integer, bindparam, case, cast, delete, func, insert, or_, select, update

from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import DecisionRow, LedgerRow, SavingsRow, WaitRow
from caesura.store.schema import decisions, ledger, marks, waits

_SETTLE = Prepared(
    update(decisions).where(decisions.c.id == bindparam("decision")).values(actual_s=bindparam("seconds"))
)
_KEPT_PER_KEY = 240
_KEPT_IN_ALL = 50_000  # names of events may be made up afresh each time
_POLICIES = ("never_s", "always_s", "fixed_s", "break_even_s", "mean_s", "clairvoyant_s")


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

    def forget_waits(self, key: str | None = None) -> int:
        """Forget the waits of one call, or all; how many there were."""
        return self._changed(delete(waits) if key is None else delete(waits).where(waits.c.key == key))

    def decided(self) -> dict[str, dict[str, int]]:
        """How often each action was decided for each call, over the sessions that there still are."""
        found: dict[str, dict[str, int]] = {}
        query = select(decisions.c.key, decisions.c.action, func.count()).group_by(decisions.c.key, decisions.c.action)
        for key, action, count in self._database.connection.execute(query):
            found.setdefault(key, {})[action] = count
        return found

    # --- the ledger -------------------------------------------------------------------------------------------------

    def add_to_ledger(self, row: LedgerRow) -> int:
        """Record what a wait cost; its id."""
        return self._insert(ledger, row, without=("id",))

    def savings(self, since: float = 0.0) -> list[SavingsRow]:
        """The ledger from ``since`` on, added up by day and call."""
        day = func.date(ledger.c.at, "unixepoch", "localtime")
        added = ("wait_s", "held_s", "save_s", "load_s", "freed_s", "delay_s", "cost_s", *_POLICIES)
        is_predicted = ledger.c.predicted_p10.is_not(None)
        is_inside = ledger.c.wait_s.between(ledger.c.predicted_p10, ledger.c.predicted_p90)
        query = (
            select(
                day.label("day"),
                ledger.c.key,
                func.count().label("waits"),
                func.sum(cast(ledger.c.moved, Integer)).label("moved"),
                *(func.sum(cast(ledger.c[name], Float)).label(name) for name in added),
                func.sum(ledger.c.freed_s * ledger.c.memory_bytes).label("freed_byte_s"),
                func.sum(case((is_predicted, 1), else_=0)).label("predicted"),
                func.sum(case((is_predicted & is_inside, 1), else_=0)).label("inside"),
            )
            .where(ledger.c.at >= since)
            .group_by(day, ledger.c.key)
            .order_by(day, ledger.c.key)
        )
        return self._all(SavingsRow, query)

    def forget_old_ledger(self, before: float, in_all: int = _KEPT_IN_ALL) -> int:
        """Keep what is not older than ``before``, and of it the last ``in_all`` waits; how many were dropped."""
        last = self._scalar(select(func.max(ledger.c.id))) or 0
        return self._changed(delete(ledger).where(or_(ledger.c.at < before, ledger.c.id <= last - in_all)))

    # --- marks ------------------------------------------------------------------------------------------------------

    def mark(self, key: str) -> str | None:
        """The small fact stored under ``key``, or None."""
        found = self._scalar(select(marks.c.value).where(marks.c.key == key))
        return None if found is None else str(found)

    def set_mark(self, key: str, value: str) -> None:
        """Store a small fact; an earlier one under ``key`` is replaced."""
        if self._changed(update(marks).where(marks.c.key == key).values(value=value)) == 0:
            self._database.connection.execute(insert(marks).values(key=key, value=value))
