"""Snapshots and moves: the compare-and-set by which a session leaves its process.

A snapshot is prepared → committed → consumed, or prepared → passed, or any → failed.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, case, delete, exists, func, select, update

from caesura.store.prepared import Prepared
from caesura.store.queries import Queries
from caesura.store.rows import MoveRow, SnapshotRow, SnapshotState
from caesura.store.schema import events, moves, sessions, snapshots

_SNAPSHOT = Prepared(select(snapshots).where(snapshots.c.id == bindparam("snapshot")))
_STREAM = Prepared(select(snapshots.c.stream).where(snapshots.c.id == bindparam("snapshot")))
_IS_PREPARED = exists().where(
    snapshots.c.id == bindparam("snapshot"),
    snapshots.c.session_id == bindparam("session"),
    snapshots.c.epoch == bindparam("at_epoch"),
    snapshots.c.state == SnapshotState.PREPARED.value,
)
_HAS_EVENT = exists().where(events.c.session_id == bindparam("session"), events.c.consumed.is_(False))
_LEAVES = (
    update(sessions)
    .where(
        sessions.c.id == bindparam("session"),
        sessions.c.epoch == bindparam("at_epoch"),
        sessions.c.next_number > bindparam("last_number"),
        _IS_PREPARED,
    )
    .values(epoch=bindparam("next_epoch"), snapshot_id=bindparam("snapshot"), updated=bindparam("at"))
)
_COMMIT, _COMMIT_OVER_EVENTS = Prepared(_LEAVES.where(~_HAS_EVENT)), Prepared(_LEAVES)
_PASS_PREPARED = Prepared(
    update(snapshots)
    .where(snapshots.c.session_id == bindparam("session"), snapshots.c.state == SnapshotState.PREPARED.value)
    .values(state=SnapshotState.PASSED.value)
)
_COMES_BACK = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.snapshot_id == bindparam("snapshot"))
    .values(snapshot_id=None, updated=bindparam("at"))
)
_SET_STATE = Prepared(
    update(snapshots)
    .where(snapshots.c.id == bindparam("snapshot"), snapshots.c.state == bindparam("old"))
    .values(state=bindparam("new"))
)
_OPEN_MOVE = (
    select(moves.c.id)
    .where(moves.c.session_id == bindparam("session"), moves.c.to_pid.is_(None))
    .order_by(moves.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_FINISH_MOVE = Prepared(
    update(moves)
    .where(moves.c.id == _OPEN_MOVE)
    .values(to_pid=bindparam("pid"), resumed_at=bindparam("at"), load_s=bindparam("seconds"))
)


class SnapshotRecords(Queries):
    # --- snapshots --------------------------------------------------------------------------------------------------

    def add_snapshot(self, row: SnapshotRow) -> None:
        """Record a prepared snapshot. Its blobs must be on disk. IntegrityError if its id is known."""
        self._insert(snapshots, row)

    def snapshot(self, snapshot_id: str) -> SnapshotRow | None:
        return self._one(SnapshotRow, _SNAPSHOT, snapshot=snapshot_id)

    def stream_of(self, snapshot_id: str) -> bytes | None:
        """The stream of a snapshot that has it in the records; None if it is in a blob or there is no such snapshot."""
        found: bytes | None = self._scalar(_STREAM, snapshot=snapshot_id)
        return found

    def snapshots(self, session_id: str | None = None, states: Collection[str] | None = None) -> list[SnapshotRow]:
        """Snapshots, newest first."""
        query = select(snapshots).order_by(snapshots.c.created.desc(), snapshots.c.id)
        if session_id is not None:
            query = query.where(snapshots.c.session_id == session_id)
        return self._all(SnapshotRow, query if states is None else query.where(snapshots.c.state.in_(states)))

    def commit_snapshot(
        self,
        session_id: str,
        snapshot_id: str,
        epoch: int,
        at: float,
        *,
        last_number: int = 0,
        over_events: bool = False,
    ) -> bool:
        """The session leaves its process: from here on it lives in the snapshot, and its epoch is one higher.

        True only if the session's epoch is ``epoch``, the snapshot is prepared and of that epoch, every Numbered
        message up to ``last_number`` is recorded, and no event is open (unless ``over_events``, for a worker that is
        dead already). Otherwise nothing changes. Whether an answer has come that wakes the session is for the caller
        to look at, in the same transaction: ``is_satisfied(wake, records.answers(...), now)``.
        """
        count = self._changed(
            _COMMIT_OVER_EVENTS if over_events else _COMMIT,
            session=session_id,
            snapshot=snapshot_id,
            at_epoch=epoch,
            next_epoch=epoch + 1,
            last_number=last_number,
            at=at,
        )
        if count != 1:
            return False
        self._set_state(snapshot_id, SnapshotState.PREPARED, SnapshotState.COMMITTED)
        return True

    def pass_snapshot(self, snapshot_id: str) -> bool:
        """Its worker runs on: the snapshot is never resumed by itself. False if it is not prepared."""
        return self._set_state(snapshot_id, SnapshotState.PREPARED, SnapshotState.PASSED)

    def pass_prepared(self, session_id: str) -> int:
        """:meth:`pass_snapshot` for all of a session that are prepared; how many."""
        return self._changed(_PASS_PREPARED, session=session_id)

    def consume_snapshot(self, session_id: str, snapshot_id: str, at: float) -> bool:
        """A worker has loaded it and runs from here. False if the session does not live in it."""
        if self._changed(_COMES_BACK, session=session_id, snapshot=snapshot_id, at=at) != 1:
            return False
        return self._set_state(snapshot_id, SnapshotState.COMMITTED, SnapshotState.CONSUMED)

    def reinstate_snapshot(self, session_id: str, snapshot_id: str, at: float) -> bool:
        """Let the session live in an earlier snapshot again, by the user's wish. False if there is none."""
        states = [SnapshotState.PASSED.value, SnapshotState.CONSUMED.value, SnapshotState.FAILED.value]
        statement = (
            update(snapshots)
            .where(
                snapshots.c.id == snapshot_id,
                snapshots.c.session_id == session_id,
                snapshots.c.state.in_(states),
            )
            .values(state=SnapshotState.COMMITTED.value, failures=0)
        )
        if self._changed(statement) != 1:
            return False
        placed = update(sessions).where(sessions.c.id == session_id)
        return self._changed(placed.values(snapshot_id=snapshot_id, updated=at)) == 1

    def count_failure(self, snapshot_id: str) -> int:
        """A load of it failed; how often that has happened by now (0 if there is no such snapshot)."""
        statement = (
            update(snapshots)
            .where(snapshots.c.id == snapshot_id)
            .values(failures=snapshots.c.failures + 1)
            .returning(snapshots.c.failures)
        )
        return int(self._database.connection.execute(statement).scalar() or 0)

    def fail_snapshot(self, snapshot_id: str) -> bool:
        """It cannot be loaded. It is kept. False if there is no such snapshot."""
        statement = update(snapshots).where(snapshots.c.id == snapshot_id)
        return self._changed(statement.values(state=SnapshotState.FAILED.value)) == 1

    def drop_snapshots(self, session_id: str, *, keep: Collection[str] = ()) -> int:
        """Forget a session's snapshots but ``keep`` and the one that it lives in; how many. Blobs stay."""
        lives_in = select(sessions.c.snapshot_id).where(
            sessions.c.id == session_id, sessions.c.snapshot_id.is_not(None)
        )
        statement = delete(snapshots).where(
            snapshots.c.session_id == session_id,
            snapshots.c.id.not_in(list(keep)),
            snapshots.c.id.not_in(lives_in),
        )
        return self._changed(statement)

    def drop_unneeded_snapshots(self, before: float, most: int | None = None) -> int:
        """Forget snapshots that no session lives in and that were made before the time ``before``, the oldest first,
        ``most`` of them if that is given; how many. One that is being committed is needed."""
        lives_in = select(sessions.c.snapshot_id).where(sessions.c.snapshot_id.is_not(None))
        states = [SnapshotState.PASSED.value, SnapshotState.CONSUMED.value, SnapshotState.FAILED.value]
        oldest = (
            select(snapshots.c.id)
            .where(snapshots.c.created < before, snapshots.c.state.in_(states), snapshots.c.id.not_in(lives_in))
            .order_by(snapshots.c.created, snapshots.c.id)
        )
        if most is not None:
            oldest = oldest.limit(most)
        return self._changed(delete(snapshots).where(snapshots.c.id.in_(oldest)))

    def snapshot_totals(self) -> tuple[int, int]:
        """The bytes of all snapshots, each counted as if it were alone, and how many there are."""
        row = self._database.connection.execute(
            select(func.coalesce(func.sum(snapshots.c.size_bytes), 0), func.count())
        ).one()
        return int(row[0]), int(row[1])

    def live_blobs(self) -> set[str]:
        """The names of all blobs that a snapshot needs: everything else may be collected."""
        lists = self._database.connection.execute(select(snapshots.c.blobs)).scalars()
        return {str(name) for names in lists for name in names}

    def _set_state(self, snapshot_id: str, old: SnapshotState, new: SnapshotState) -> bool:
        return self._changed(_SET_STATE, snapshot=snapshot_id, old=old.value, new=new.value) == 1

    # --- moves ------------------------------------------------------------------------------------------------------

    def add_move(self, row: MoveRow) -> int:
        """Record that a session left its process; the move's id."""
        return self._insert(moves, row, without=("id",))

    def finish_move(self, session_id: str, to_pid: int, at: float, load_s: float) -> bool:
        """The session is back, in process ``to_pid``. False if none of its moves is open."""
        return self._changed(_FINISH_MOVE, session=session_id, pid=to_pid, at=at, seconds=load_s) == 1

    def reopen_move(self, session_id: str) -> bool:
        """Undo :meth:`finish_move`: the process has ended before anything ran in it. False if there is no move."""
        newest = (
            select(moves.c.id).where(moves.c.session_id == session_id).order_by(moves.c.id.desc()).limit(1)
        ).scalar_subquery()
        statement = update(moves).where(moves.c.id == newest)
        return self._changed(statement.values(to_pid=None, resumed_at=None, load_s=None)) == 1

    def moves(self, session_id: str | None = None, cell_id: str | None = None) -> list[MoveRow]:
        """Moves in order of time; of one session or cell, if given."""
        query = select(moves).order_by(moves.c.suspended_at, moves.c.id)
        if session_id is not None:
            query = query.where(moves.c.session_id == session_id)
        return self._all(MoveRow, query if cell_id is None else query.where(moves.c.cell_id == cell_id))

    def freed_since(self, since: float, now: float) -> float:
        """For how many seconds, since then and over all of them, sessions have had no process."""
        starts = case((moves.c.suspended_at > since, moves.c.suspended_at), else_=since)
        lives = func.coalesce(moves.c.resumed_at, case((sessions.c.snapshot_id.is_not(None), now), else_=starts))
        query = select(func.sum(lives - starts)).join(sessions, sessions.c.id == moves.c.session_id)
        query = query.where(moves.c.resumed_at.is_(None) | (moves.c.resumed_at > since))
        return float(self._database.connection.execute(query).scalar() or 0.0)
