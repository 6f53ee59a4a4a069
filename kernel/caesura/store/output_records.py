"""The messages for a session's clients: recorded before they are sent, and kept until somebody has them safe.

What lives here: adding, sending, confirming, forgetting. What must not: which messages are kept, what they say.

``n`` orders a session's outputs from 1. The newest one is never deleted, since it carries the numbering on. Kept ones
that have to go for want of room or by age leave a notice in their cell's place: a row of the channel ``notice`` whose
``frames`` are the JSON of ``{"count", "bytes", "reason"}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import LargeBinary, Text, bindparam, delete, func, insert, select, update

from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import OutputRow
from caesura.store.schema import outputs, sessions

NOTICE: Final = "notice"

_ADD_OUTPUT = Prepared(
    insert(outputs)
    .from_select(
        ["session_id", "n", "channel", "frames", "sent", "cell_id", "size_bytes", "at", "kept", "file"],
        select(
            bindparam("session", type_=Text),
            func.coalesce(func.max(outputs.c.n), 0) + 1,
            bindparam("channel", type_=Text),
            bindparam("frames", type_=LargeBinary),
            bindparam("sent", type_=outputs.c.sent.type),
            bindparam("cell", type_=Text),
            bindparam("size", type_=outputs.c.size_bytes.type),
            bindparam("at", type_=outputs.c.at.type),
            bindparam("kept", type_=outputs.c.kept.type),
            bindparam("file", type_=outputs.c.file.type),
        ).where(outputs.c.session_id == bindparam("session", type_=Text)),
    )
    .returning(outputs.c.n)
)

_MARK_SENT = Prepared(
    update(outputs)
    .where(
        outputs.c.session_id == bindparam("session"),
        outputs.c.n > bindparam("after"),
        outputs.c.n <= bindparam("last"),
        outputs.c.sent.is_(False),
    )
    .values(sent=True)
)
_NEWEST = select(func.max(outputs.c.n)).where(outputs.c.session_id == bindparam("session")).scalar_subquery()
_DROP_SENT = Prepared(
    delete(outputs).where(
        outputs.c.session_id == bindparam("session"),
        outputs.c.n >= bindparam("after"),
        outputs.c.n <= bindparam("last"),
        outputs.c.n < _NEWEST,
        outputs.c.sent.is_(True),
        outputs.c.kept.is_(False),
    )
)


class OutputRecords(Queries):
    def add_output(
        self,
        session_id: str,
        channel: str,
        frames: bytes,
        *,
        cell_id: str = "",
        at: float = 0.0,
        kept: bool = False,
        is_sent: bool = False,
        file: int = 0,
        file_bytes: int = 0,
    ) -> int:
        """Record one message for the clients; its ``n``. ``kept``: also after it was sent, until it is confirmed.
        ``file``: where the ``file_bytes`` of it lie that are not in ``frames``."""
        values = {
            "channel": channel,
            "frames": frames,
            "sent": is_sent,
            "cell": cell_id,
            "size": len(frames) + file_bytes,
            "at": at,
            "kept": kept,
            "file": file,
        }
        return int(self._scalar(_ADD_OUTPUT, session=session_id, **values))

    def outputs(self, session_id: str, *, unsent_only: bool = False, after: int = 0) -> list[OutputRow]:
        """Outputs with ``n`` greater than ``after``, in order."""
        query = select(outputs).where(outputs.c.session_id == session_id, outputs.c.n > after)
        if unsent_only:
            query = query.where(outputs.c.sent.is_(False))
        return self._all(OutputRow, query.order_by(outputs.c.n))

    def mark_sent(self, session_id: str, up_to: int, *, after: int = 0) -> int:
        """Outputs up to ``up_to`` have left; how many had not before. Those up to ``after`` are known to have,
        and are not looked at again: many may be kept."""
        return self._changed(_MARK_SENT, session=session_id, after=after, last=up_to)

    def mark_all_sent(self, session_id: str) -> int:
        """As :meth:`mark_sent`, for all that there are: the clients that they were for are gone."""
        statement = update(outputs).where(outputs.c.session_id == session_id, outputs.c.sent.is_(False))
        return self._changed(statement.values(sent=True))

    def drop_outputs(self, session_id: str, up_to: int, *, after: int = 0) -> int:
        """Forget outputs from ``after`` up to ``up_to`` that were sent and are not kept, but never the newest; how
        many."""
        return self._changed(_DROP_SENT, session=session_id, after=after, last=up_to)

    def needed_files(self, session_id: str) -> tuple[list[int], int | None]:
        """The files that outputs of the session have, and the number from which on files may not have been recorded;
        None if there is no such session."""
        next_number = self._database.connection.execute(
            select(sessions.c.next_number).where(sessions.c.id == session_id)
        ).scalar()
        files = select(outputs.c.file).where(outputs.c.session_id == session_id, outputs.c.file > 0)
        return [number for (number,) in self._database.connection.execute(files)], next_number

    # --- kept -------------------------------------------------------------------------------------------------------

    def kept_outputs(self, session_id: str, *, after: int, most_bytes: int) -> tuple[list[OutputRow], bool]:
        """What is kept with ``n`` greater than ``after``, in order, until it is ``most_bytes`` (but one in any case);
        and whether there is more."""
        places = self._database.connection.execute(
            select(outputs.c.n, outputs.c.size_bytes)
            .where(outputs.c.session_id == session_id, outputs.c.kept.is_(True), outputs.c.n > after)
            .order_by(outputs.c.n)
        ).all()
        total, taken = 0, 0
        for _, size_bytes in places:
            total += size_bytes
            if taken and total > most_bytes:
                break
            taken += 1
        if not taken:
            return [], False
        query = select(outputs).where(
            outputs.c.session_id == session_id,
            outputs.c.kept.is_(True),
            outputs.c.n > after,
            outputs.c.n <= places[taken - 1][0],
        )
        return self._all(OutputRow, query.order_by(outputs.c.n)), taken < len(places)

    def kept_totals(self, session_id: str) -> tuple[int, int, int]:
        """How many outputs are kept, their bytes, and the ``n`` of the last."""
        totals = select(func.count(), func.sum(outputs.c.size_bytes), func.max(outputs.c.n))
        kept = totals.where(outputs.c.session_id == session_id, outputs.c.kept.is_(True))
        count, size_bytes, last = self._database.connection.execute(kept).one()
        return int(count), int(size_bytes or 0), int(last or 0)

    def confirm_outputs(self, session_id: str, up_to: int) -> int:
        """Somebody has the outputs up to ``up_to`` safe: they are no longer kept. The bytes that still are."""
        self._changed(
            update(outputs)
            .where(outputs.c.session_id == session_id, outputs.c.n <= up_to, outputs.c.kept.is_(True))
            .values(kept=False)
        )
        self.drop_outputs(session_id, up_to)
        return self.kept_totals(session_id)[1]

    def trim_outputs(self, session_id: str, most_bytes: int, at: float, *, also_unsent: bool) -> int:
        """Let the oldest of the kept outputs go until they are ``most_bytes``; the bytes left."""
        left = self.kept_totals(session_id)[1]
        going = []
        query = (
            select(outputs.c.n, outputs.c.cell_id, outputs.c.size_bytes, outputs.c.channel)
            .where(outputs.c.session_id == session_id, outputs.c.kept.is_(True), outputs.c.size_bytes > 0)
            .order_by(outputs.c.n)
        )
        if not also_unsent:
            query = query.where(outputs.c.sent.is_(True))
        for n, cell_id, size_bytes, _ in self._database.connection.execute(query):
            if left <= most_bytes:
                break
            going.append((n, cell_id, size_bytes))
            left -= size_bytes
        self._replace(session_id, going, "quota", at)
        return left

    def age_outputs(self, before: float, at: float) -> int:
        """Let what is kept since ``before`` go, and forget notices of that age; how many outputs went."""
        old = (outputs.c.kept.is_(True), outputs.c.at < before)
        self._changed(update(outputs).where(*old, outputs.c.channel == NOTICE).values(kept=False))
        of_sessions = [
            id for (id,) in self._database.connection.execute(select(outputs.c.session_id).where(*old).distinct())
        ]
        gone = 0
        for session_id in of_sessions:
            query = select(outputs.c.n, outputs.c.cell_id, outputs.c.size_bytes).where(
                *old, outputs.c.session_id == session_id, outputs.c.sent.is_(True)
            )
            going = [
                (n, cell, size) for n, cell, size in self._database.connection.execute(query.order_by(outputs.c.n))
            ]
            self._replace(session_id, going, "age", at)
            gone += len(going)
        return gone

    def _replace(self, session_id: str, going: Iterable[tuple[int, str, int]], reason: str, at: float) -> None:
        """Each cell's rows by one notice, in the place of the last; an earlier notice of the cell is counted in."""
        of_cells: dict[str, list[tuple[int, int]]] = {}
        for n, cell_id, size_bytes in going:
            of_cells.setdefault(cell_id, []).append((n, size_bytes))
        for cell_id, rows in of_cells.items():
            last = rows[-1][0]
            count, size = len(rows), sum(size_bytes for _, size_bytes in rows)
            of_cell = (outputs.c.session_id == session_id, outputs.c.cell_id == cell_id, outputs.c.kept.is_(True))
            earlier = (*of_cell, outputs.c.n < last, outputs.c.channel == NOTICE)
            for (frames,) in self._database.connection.execute(select(outputs.c.frames).where(*earlier)).all():
                told = json.loads(frames)
                count, size = count + told["count"], size + told["bytes"]
            self._changed(delete(outputs).where(*earlier))
            for n, _ in rows[:-1]:
                self._changed(delete(outputs).where(outputs.c.session_id == session_id, outputs.c.n == n))
            notice = json.dumps({"count": count, "bytes": size, "reason": reason}).encode()
            values = {"channel": NOTICE, "frames": notice, "size_bytes": 0, "sent": True, "at": at, "file": 0}
            self._changed(update(outputs).where(outputs.c.session_id == session_id, outputs.c.n == last).values(values))
