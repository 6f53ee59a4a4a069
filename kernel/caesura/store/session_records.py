"""Sessions and their cells, as they are recorded.

Everything here is a plain write or read; what may follow what is the coordinator's table.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from caesura.errors import InternalError
from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import CellRow, Json, SessionRow
from caesura.store.schema import cells, sessions

_ACCEPT = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.next_number == bindparam("number"))
    .values(next_number=bindparam("following"))
)
_GRANT = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.epoch == bindparam("expected"))
    .values(epoch=bindparam("next_epoch"), updated=bindparam("at"))
)
_CELL = Prepared(select(cells).where(cells.c.session_id == bindparam("session"), cells.c.id == bindparam("cell")))
_LAST_SEQ = Prepared(select(func.max(cells.c.seq)).where(cells.c.session_id == bindparam("session")))


@functools.cache
def _update_cell(columns: tuple[str, ...]) -> Prepared:
    return Prepared(
        update(cells)
        .where(cells.c.session_id == bindparam("session"), cells.c.id == bindparam("cell"))
        .values({name: bindparam(f"new_{name}") for name in columns})
        .values(moves=cells.c.moves + bindparam("more"))
    )


@functools.cache
def _update_session(columns: tuple[str, ...]) -> Prepared:
    return Prepared(
        update(sessions)
        .where(sessions.c.id == bindparam("session"))
        .values({name: bindparam(f"new_{name}") for name in columns})
        .values(updated=bindparam("at"))
    )


class SessionRecords(Queries):
    # --- sessions ---------------------------------------------------------------------------------------------------

    def add_session(self, row: SessionRow) -> None:
        """Record a new session; IntegrityError if its id is known."""
        self._insert(sessions, row)

    def session(self, session_id: str) -> SessionRow | None:
        return self._one(SessionRow, select(sessions).where(sessions.c.id == session_id))

    def sessions(self, states: Collection[str] | None = None) -> list[SessionRow]:
        """All sessions, or those in ``states``, oldest first."""
        query = select(sessions).order_by(sessions.c.created, sessions.c.id)
        return self._all(SessionRow, query if states is None else query.where(sessions.c.state.in_(states)))

    def update_session(
        self,
        session_id: str,
        at: float,
        *,
        state: str | None = None,
        name: str | None = None,
        policy: str | None = None,
        detached: bool | None = None,
        connection: Json | None = None,
        environment: Json | None = None,
        worker: Json | None = None,
        holder: Json | None = None,
    ) -> bool:
        """Change what is given; False if there is no such session. Epoch and snapshot have methods of their own."""
        values = {
            "state": state,
            "name": name,
            "policy": policy,
            "detached": detached,
            "connection": connection,
            "environment": environment,
            "worker": worker,
            "holder": holder,
        }
        changes = {name: value for name, value in values.items() if value is not None}
        statement, new = _update_session(tuple(changes)), {f"new_{name}": value for name, value in changes.items()}
        return self._changed(statement, session=session_id, at=at, **new) == 1

    def drop_session(self, session_id: str) -> bool:
        """Forget a session and everything that belongs to it; False if there is none. Its waits stay as history."""
        return self._changed(delete(sessions).where(sessions.c.id == session_id)) == 1

    def grant_epoch(self, session_id: str, expected: int, at: float) -> int | None:
        """Raise the epoch by one for a new process, if it still is ``expected``: the new one, else None (I1)."""
        count = self._changed(_GRANT, session=session_id, expected=expected, next_epoch=expected + 1, at=at)
        return expected + 1 if count == 1 else None

    def accept_number(self, session_id: str, number: int) -> bool:
        """Whether the Numbered message ``number`` is new; then it counts as recorded from this transaction on.

        InternalError if one before it is missing, or the session is unknown.
        """
        if self.accept_numbers(session_id, number, number):
            return True
        expected = self._scalar(select(sessions.c.next_number).where(sessions.c.id == session_id))
        if expected is None:
            raise InternalError(f"message {number} is for session {session_id}, which is not recorded")
        if number > expected:
            raise InternalError(f"session {session_id} sent message {number} before {expected}")
        return False

    def accept_numbers(self, session_id: str, first: int, last: int) -> bool:
        """As :meth:`accept_number` for all from ``first`` to ``last``; False, and nothing is changed, if ``first`` is
        not the one that comes next."""
        return self._changed(_ACCEPT, session=session_id, number=first, following=last + 1) == 1

    # --- cells ------------------------------------------------------------------------------------------------------

    def add_cell(self, row: CellRow) -> CellRow | None:
        """Record a new cell at the end of its session's queue: the row with its ``seq``; None if its id is known."""
        if self.cell(row.session_id, row.id) is not None:
            return None
        last = self._scalar(_LAST_SEQ, session=row.session_id)
        placed = replace(row, seq=(last or 0) + 1)
        self._insert(cells, placed)
        return placed

    def cell(self, session_id: str, cell_id: str) -> CellRow | None:
        return self._one(CellRow, _CELL, session=session_id, cell=cell_id)

    def find_cells(self, id_prefix: str) -> list[CellRow]:
        """The cells of all sessions whose id begins with ``id_prefix``, newest first."""
        matches = func.substr(cells.c.id, 1, len(id_prefix)) == id_prefix
        return self._all(CellRow, select(cells).where(matches).order_by(cells.c.created.desc()))

    def cells(self, session_id: str | None = None, states: Collection[str] | None = None) -> list[CellRow]:
        """Cells in the order in which they were asked for; of one session, or in ``states``, if given."""
        query = select(cells).order_by(cells.c.created, cells.c.session_id, cells.c.seq)
        if session_id is not None:
            query = query.where(cells.c.session_id == session_id)
        return self._all(CellRow, query if states is None else query.where(cells.c.state.in_(states)))

    def update_cell(
        self,
        session_id: str,
        cell_id: str,
        *,
        state: str | None = None,
        started: float | None = None,
        ended: float | None = None,
        status: str | None = None,
        reason: str | None = None,
        error: str | None = None,
        waits: list[Json] | None = None,
        add_moves: int = 0,
    ) -> bool:
        """Change what is given, and count ``add_moves`` more moves; False if there is no such cell."""
        values: dict[str, Any] = {
            "state": state,
            "started": started,
            "ended": ended,
            "status": status,
            "reason": reason,
            "error": error,
            "waits": waits,
        }
        changes = {f"new_{name}": value for name, value in values.items() if value is not None}
        statement = _update_cell(tuple(name for name, value in values.items() if value is not None))
        return self._changed(statement, session=session_id, cell=cell_id, more=add_moves, **changes) == 1
