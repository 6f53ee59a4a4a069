"""The processes of sessions: started, attached, loaded, gone.

What lives here: what happens when a worker comes and when it dies, by what its session was doing. What must not: who
gets one (``pool.py``), how it takes a session up (``loading.py``), when it has to leave (``moves.py``).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from caesura import points
from caesura.coordinator.attaching import attach_message, facts_of, how_it_ended
from caesura.coordinator.cells import clock_text
from caesura.coordinator.commands import KillWorker, SendWorker, StartWorker
from caesura.coordinator.loading import Loading
from caesura.coordinator.state import Kind, Phase, Session, Worker
from caesura.store.records import Records
from caesura.wire.life import CellEvent, CellState
from caesura.wire.messages import Acked, Exit, Hello

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_LEAVE_S = 2.0
"""A worker that was let go and is still there after this is killed."""


class Workers:
    def __init__(self, core: Core) -> None:
        self._core = core
        self.loading = Loading(core)

    # --- coming -----------------------------------------------------------------------------------------------------

    def start(self, session: Session, *, urgent: bool) -> None:
        """Give the session a process with an epoch of its own (I1)."""
        core, session_id = self._core, session.session_id
        session.epoch += 1
        worker = Worker(f"w-{core.new_id()}", session_id, session.key, core.now, epoch=session.epoch, is_urgent=urgent)
        core.workers[worker.worker_id] = worker
        session.worker = worker
        core.watching.touch(session)
        if session.saved is not None:
            points.reach("resume.before_fork")
        session.is_settling = False
        if session.cell is not None and session.cell.state is CellState.DUE:
            core.cell.apply(session, session.cell, CellEvent.LOAD)

        now = core.now
        snapshot_id = "" if session.saved is None else session.saved.snapshot_id

        def grant(records: Records) -> tuple[int | None, bytes | None]:
            row = records.session(session_id)
            epoch = None if row is None else records.grant_epoch(session_id, row.epoch, now)
            return epoch, records.stream_of(snapshot_id) if snapshot_id else None

        def granted(found: tuple[int | None, bytes | None]) -> None:
            epoch, stream = found
            if session.worker is not worker or epoch is None:
                return
            worker.stream, worker.is_stream_known = stream, True
            # A commit that a restart overtook may have raised it once more than we knew.
            worker.epoch = session.epoch = epoch
            worker.is_granted = True
            self._attach(session, worker)

        core.persist(grant, granted)
        core.put(StartWorker(worker.worker_id, worker.key, session.environment))

    def forked(self, worker_id: str, pid: int, started: str) -> None:
        """The process is there; ``started`` tells it from a later one with the same pid."""
        worker = self._core.workers.get(worker_id)
        if worker is None:
            return
        worker.pid, worker.started = pid, started
        session_id, now, facts = worker.session_id, self._core.now, facts_of(worker)
        self._core.persist(lambda records: records.update_session(session_id, now, worker=facts))
        if worker.leaving:
            self._core.put(KillWorker(worker_id))

    def start_failed(self, worker_id: str, reason: str) -> None:
        """No process could be started; ``reason`` is a text for the user."""
        worker = self._core.workers.pop(worker_id, None)
        session = None if worker is None else self._core.sessions.get(worker.session_id)
        if worker is None or session is None or session.worker is not worker:
            return
        session.worker = None
        self._gone_before_loaded(session, worker, reason)

    def hello(self, worker_id: str, hello: Hello) -> str:
        """A worker connects, for the first time or again. The empty string, or why it is refused."""
        core = self._core
        worker = core.workers.get(worker_id)
        session = None if worker is None else core.sessions.get(worker.session_id)
        if worker is None or session is None or session.is_ended or session.worker is not worker:
            return "stale epoch"
        if hello.session_id and (hello.session_id != session.session_id or hello.epoch != session.epoch):
            core.put(KillWorker(worker_id))
            return "stale epoch"
        worker.is_connected = True
        worker.pid = worker.pid or hello.pid
        core.cancel_timer("reattach", worker_id)
        if hello.session_id:
            self._came_back(session, worker)
        else:
            worker.is_attached = worker.is_loaded = False  # it has not got the message that was sent, if any was
            if worker.is_granted and not worker.is_stream_known and session.saved is not None:
                self._look_up_stream(session, worker, session.saved.snapshot_id)
            else:
                self._attach(session, worker)
        return ""

    def _look_up_stream(self, session: Session, worker: Worker, snapshot_id: str) -> None:
        """A worker that a coordinator started which has died since: that one had what it is to load."""

        def then(stream: bytes | None) -> None:
            if session.worker is worker:
                worker.stream, worker.is_stream_known = stream, True
                self._attach(session, worker)

        self._core.persist(lambda records: records.stream_of(snapshot_id), then)

    def _came_back(self, session: Session, worker: Worker) -> None:
        """It kept what we had not acknowledged and sends it again, and then says where it stands (``loading.py``)."""
        worker.is_attached = worker.is_granted = True
        self._core.put(SendWorker(worker.worker_id, Acked(last=session.next_number - 1)))
        for operation in session.operations.values():
            if operation.is_sent:
                operation.is_sent = False
        if session.move is not None and session.move.phase is not Phase.PREPARED:
            self._core.move.forget(session)

    def link_lost(self, worker_id: str) -> None:
        worker = self._core.workers.get(worker_id)
        if worker is not None:
            worker.is_connected = False

    def _attach(self, session: Session, worker: Worker) -> None:
        if not (worker.is_connected and worker.is_granted) or worker.is_attached or worker.leaving:
            return
        worker.is_attached = True
        core = self._core
        points.reach("attach.before_send")
        operation = core.operations.get(session.parent_op)
        core.put(SendWorker(worker.worker_id, attach_message(session, worker, operation, core.limits)))
        session.notice = ""

    # --- going ------------------------------------------------------------------------------------------------------

    def dismiss(self, worker: Worker, why: str) -> None:
        """Its process is about to end, and that will surprise nobody."""
        if not worker.leaving:
            worker.leaving, worker.leaving_since = why, self._core.now
            self._core.set_timer(self._core.now + _LEAVE_S, "leave", worker.worker_id)

    def let_go(self, session: Session, *, gently: bool) -> None:
        """End the session's process, if it has one; the session has none from here on."""
        worker, session.worker = session.worker, None
        if worker is None:
            return
        self.dismiss(worker, "session over")
        if gently and worker.is_connected:
            self._core.put(SendWorker(worker.worker_id, Exit(gently=True)))
        elif worker.pid:
            self._core.put(KillWorker(worker.worker_id))

    def kill(self, worker_id: str) -> None:
        if worker_id in self._core.workers:
            self._core.put(KillWorker(worker_id))

    def did_not_come_back(self, worker_id: str) -> None:
        """After our restart it is alive, but says nothing."""
        worker = self._core.workers.get(worker_id)
        if worker is not None and not worker.is_connected:
            log.warning("worker %s (pid %d) did not come back and is killed", worker_id, worker.pid)
            self._core.put(KillWorker(worker_id))

    def has_process(self, session: Session) -> bool:
        """Whether a process that once acted for the session still exists."""
        return any(worker.session_id == session.session_id for worker in self._core.workers.values())

    def forget_if_ended(self, session: Session) -> None:
        if session.is_ended and not self.has_process(session):
            self._core.sessions.pop(session.session_id, None)

    def exited(self, worker_id: str, status: int | None) -> None:
        """Its process has ended, known from the system; all that it sent has been taken before."""
        core = self._core
        worker = core.workers.get(worker_id)
        if worker is None:
            return
        session = core.sessions.get(worker.session_id)
        if session is not None and session.worker is worker and session.inbox:
            session.after_drain.append(lambda: self.exited(worker_id, status))
            return
        del core.workers[worker_id]
        core.cancel_timer("leave", worker_id)
        core.cancel_timer("reattach", worker_id)
        if session is not None and session.worker is worker:
            if status == 0 and session.is_idle_without_link:
                core.session.end(session, 0)  # its user said exit()
            else:
                self._died(session, worker, how_it_ended(worker.pid, status))
        if session is not None:
            if session.saved is not None and session.worker is None:
                session.saved.pack()
            self.forget_if_ended(session)
            if not session.is_ended:
                core.desk.pump(session)
            core.watching.touch(session)
        core.pool.schedule()
        core.session.look_idle()

    def _died(self, session: Session, worker: Worker, how: str) -> None:
        """A process has ended that acted for the session: by what it was doing (the table of a cell's life)."""
        core, move = self._core, session.move
        if move is not None and move.phase is Phase.PREPARED:
            move.worker_is_dead = True  # nothing ran since the snapshot: it is committed in the worker's place
            return
        if core.precaution.takes_over(session, worker):
            log.warning("session %s: its worker %s; it goes on from its snapshot", session.session_id, how)
            return
        core.replacing.is_over(session)
        session.worker = None
        session.block = None
        session.move = None
        session.is_settling = False
        if not worker.is_loaded:
            self._gone_before_loaded(session, worker, f"The worker {how} while it started.")
            return
        log.warning("session %s: its worker %s", session.session_id, how)
        if session.kind is Kind.FUNCTION:
            core.function.worker_died(session, how)
            return
        core.desk.give_back(session)
        cell = session.cell
        if cell is not None:
            self._fail_with_offer(session, how)
        session.notice = f"The worker of this notebook {how}: its variables are lost.\n"
        core.operation.session_cleared(session, keep=session.last_saved)

    def lost_while_away(self, session: Session) -> None:
        """At our start: the cell ran in a process that is gone."""
        how = "ended while the coordinator was away"
        if session.kind is Kind.FUNCTION:
            self._core.function.worker_died(session, how)
            return
        self._fail_with_offer(session, how)
        session.notice = f"The worker of this notebook {how}: its variables are lost.\n"
        self._core.operation.session_cleared(session, keep=session.last_saved)

    def _fail_with_offer(self, session: Session, how: str) -> None:
        cell, saved = session.cell, session.last_saved
        assert cell is not None
        text = f"The worker {how} while it ran this cell."
        if saved is not None and saved.cell_id == cell.cell_id:
            text += (
                f" `caesura resume {cell.cell_id}` goes on from the snapshot of {clock_text(saved.created)}; "
                "what has run since then would run again."
            )
        if cell.state is CellState.QUEUED:
            cell.apply(CellEvent.START, self._core.now)
        self._core.cell.fail(session, cell, "WorkerDied", text)

    def _gone_before_loaded(self, session: Session, worker: Worker, reason: str) -> None:
        self.loading.take_back(session, worker)
        if session.saved is not None:
            self.loading.gave_up(session, reason)
            return
        session.start_failures += 1
        if session.start_failures < _ATTEMPTS and not session.is_ended:
            if session.kind is Kind.FUNCTION:
                self._core.pool.want(session)
            else:
                self._core.desk.pump(session)
            return
        session.start_failures = 0
        if session.kind is Kind.FUNCTION:
            self._core.function.fail(session, reason)
        else:
            self._core.cell.fail_queued(session, "EnvironmentFault", reason)
            self._core.desk.pump(session)
