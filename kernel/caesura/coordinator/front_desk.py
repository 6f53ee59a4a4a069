"""What clients of a notebook ask, and in which order it is handed to the worker.

What lives here: the queue of shell requests, one at a time; what the coordinator answers itself; the abort after an
error. What must not: what becomes of a cell once a worker has it (``cells.py``), who gets a worker (``pool.py``).
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from caesura.coordinator.commands import FrontPublish, FrontReply, HoldIopub, MeasureUsage, SendWorker, as_bytes
from caesura.coordinator.comms import Comms
from caesura.coordinator.parked_answers import ParkedAnswers
from caesura.coordinator.requests import WITHOUT_REPLY, Request
from caesura.coordinator.state import Cell, Session, by_hand_of
from caesura.store.rows import CellRow
from caesura.wire.life import SUSPENDED, CellState
from caesura.wire.messages import Json, Output

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_MAX_DELIVERIES = 3
_ANSWERED_HERE = frozenset({"kernel_info_request", "connect_request"})
_OF_THE_MOMENT = frozenset({"complete_request", "inspect_request"})
_NOT_OFFERED = frozenset(
    {"debug_request", "create_subshell_request", "delete_subshell_request", "list_subshell_request"}
)  # kernel_info does not advertise them
_AFTER_RESTART_HOLD_S = 60.0  # a client subscribes anew only when it next looks at its socket


class FrontDesk:
    def __init__(self, core: Core) -> None:
        self._core = core
        self.comms = Comms(core)
        self.parked = ParkedAnswers(core)

    # --- from the front ---------------------------------------------------------------------------------------------

    def message(self, session_id: str, channel: str, idents: list[bytes], header: Json, frames: list[bytes]) -> None:
        """A message of a client whose signature was right."""
        session = self._core.sessions.get(session_id)
        if session is None or session.is_ended:
            return
        request = Request(channel, idents, header, frames)
        match channel, request.msg_type:
            case _, "kernel_info_request" | "connect_request":
                if self._waits_its_turn(session, request):
                    session.queue.append(request)
                else:
                    self._answer(session, request)
            case _, "interrupt_request":
                self.reply(session, request, {"status": "ok"})
                self._core.interrupt.asked(session)
            case _, "shutdown_request":
                is_restart = bool(request.content.get("restart", False))
                self.reply(session, request, {"status": "ok", "restart": is_restart})
                self._core.session.shut_down(session, restart=is_restart)
            case "stdin", _:
                self._to_worker_now(session, request)
            case "control", "usage_request":
                self._measure(session, request)
            case "control", name if name in _NOT_OFFERED:
                self.reply(session, request, _not_offered(request))
            case "control", _:
                if not self._to_worker_now(session, request):
                    self.reply(session, request, _no_worker(request))
            case _:
                self._enqueue(session, request)

    def _measure(self, session: Session, request: Request) -> None:
        """A notebook without a worker takes nothing, and looking does not change that."""

        def then(content: Json) -> None:
            if not session.is_ended:
                self.reply(session, request, content)

        self._core.put(MeasureUsage(0 if session.worker is None else session.worker.pid, then))

    def _to_worker_now(self, session: Session, request: Request) -> bool:
        worker = session.worker
        if worker is None or not session.is_live or session.move is not None:
            return False
        session.kept = None
        self._core.put(SendWorker(worker.worker_id, request.deliver()))
        return True

    def _enqueue(self, session: Session, request: Request) -> None:
        if self.comms.take(session, request) or self.parked.take(session, request):
            return
        self._replace(session, request)
        session.queue.append(request)
        session.last_used = self._core.now
        if request.is_execute:
            self._record_cell(session, request)
        self.pump(session)

    def _replace(self, session: Session, request: Request) -> None:
        """While a cell is suspended, perhaps for hours, only the last counts of what a page asks at each key."""
        if request.msg_type not in _OF_THE_MOMENT or session.saved is None:
            return
        same = [each for each in session.queue if (each.msg_type, each.idents) == (request.msg_type, request.idents)]
        for earlier in same:
            session.queue.remove(earlier)
            self.reply(session, earlier, {"status": "aborted"})

    def _record_cell(self, session: Session, request: Request) -> None:
        """A cell is handed out when it is recorded, and its busy is sent when it is durable (I5).

        Where a worker is free for it, the sync of the disk goes on beside the worker's first steps: what the worker
        says is recorded, and so sent, after it.
        """
        core, now = self._core, self._core.now
        if request.msg_id in session.cells:
            session.queue.remove(request)
            log.warning("cell %s was sent twice; the second was dropped", request.msg_id)
            return
        request.is_recorded = False
        cell = Cell(request.msg_id, session.session_id, request.code, now, since=now, request=request)
        cell.by_hand = by_hand_of(request.code)
        session.cells[cell.cell_id] = cell
        row = CellRow(
            id=cell.cell_id,
            session_id=session.session_id,
            state=cell.state,
            request=request.pack(),
            created=now,
            code_preview=cell.code,
        )

        session_id, cell_id = session.session_id, cell.cell_id
        goes_at_once = session.is_live and len(session.queue) == 1 and session.current is None and session.move is None

        def then(_: Any) -> None:
            request.is_recorded = True
            core.rpc.changed(session, cell)
            self.pump(session)
            if goes_at_once:
                # It writes nothing new, but a transaction that writes nothing is not synced.
                core.persist(lambda records: records.update_cell(session_id, cell_id), durable=True)

        core.persist(lambda records: records.add_cell(row), then, durable=not goes_at_once)

    # --- what the coordinator answers itself ------------------------------------------------------------------------

    def _waits_its_turn(self, session: Session, request: Request) -> bool:
        """Whether it is answered after what its client asked before: each client gets its replies in order.

        Another client, such as a page that was opened anew, need not wait until a cell is over to learn what kernel
        this is; and nobody waits for one that is suspended.
        """
        if request.channel != "shell" or session.saved is not None:
            return False
        before = [*session.queue] if session.current is None else [session.current, *session.queue]
        return any(each.idents == request.idents for each in before)

    def _answer(self, session: Session, request: Request) -> None:
        if request.msg_type == "connect_request":
            ports = {name: port for name, port in session.connection.items() if name.endswith("_port")}
            self.reply(session, request, {"status": "ok", **ports})
        else:
            session.kernel_info.append(request)
            self.answer_kernel_info(session)

    def answer_kernel_info(self, session: Session) -> None:
        """Answer who asks what kernel this is, as soon as the environment's zygote has said it."""
        environment = self._core.environments.get(session.key)
        if environment is None or environment.ready is None or not session.is_front_live:
            return
        requests, session.kernel_info = session.kernel_info, []
        for request in requests:
            self.reply(session, request, {"status": "ok", **environment.ready.kernel_info, "supported_features": []})
        if requests:
            self._core.activity.say_busy(session)  # who looks at the last state only would take it for an idle one

    def reply(self, session: Session, request: Request, content: Json) -> None:
        """Busy, the reply, idle, under the request's header."""
        reply = request.msg_type.removesuffix("_request") + "_reply"
        session_id = session.session_id
        say = self._core.say
        say(session, FrontPublish(session_id, "status", {"execution_state": "busy"}, request.header))
        say(session, FrontReply(session_id, request.channel, request.idents, reply, content, request.header))
        say(session, FrontPublish(session_id, "status", {"execution_state": "idle"}, request.header))

    def front_is_live(self, session: Session) -> None:
        """The notebook's sockets are bound and everything kept was sent."""
        unsaid, session.unsaid = session.unsaid, []
        for message in unsaid:
            self._core.put(message)
        self.answer_kernel_info(session)
        self._core.keeping.say_state(session)
        if session.cell is not None:
            self._core.activity.begins()
        if not session.cells and session.epoch == 0:
            self._core.put(FrontPublish(session.session_id, "status", {"execution_state": "starting"}, {}))
        self.pump(session)

    def hold(self, session: Session) -> None:
        """After a restart of the coordinator: subscribers need a moment to come back."""
        self._core.put(HoldIopub(session.session_id, _AFTER_RESTART_HOLD_S))

    # --- the queue --------------------------------------------------------------------------------------------------

    def pump(self, session: Session) -> None:
        """Hand out the next request if the session is free, or ask for a worker if it needs one."""
        if session.is_ended or session.move is not None or session.is_settling:
            return
        self.comms.hand_over(session)
        if session.current is not None:
            return
        cell = session.cell
        if cell is not None and cell.state not in SUSPENDED:
            return
        if cell is not None or (session.saved is not None and session.is_due):
            if session.is_due:
                self._core.pool.want(session)
            return
        while session.queue and session.queue[0].msg_type in _ANSWERED_HERE:
            self._answer(session, session.queue.popleft())
        if not session.queue or not session.queue[0].is_recorded or not (session.is_front_live or session.is_kept):
            return
        if not session.is_live:
            self._core.pool.want(session)
            return
        self._deliver(session, session.queue.popleft())

    def _deliver(self, session: Session, request: Request) -> None:
        worker = session.worker
        assert worker is not None
        session.current = request
        session.active_since = session.last_used = self._core.now
        request.deliveries += 1
        if request.is_execute:
            session.block = None  # others leave it as it is, or the worker says that it runs
            session.cell = session.cells[request.msg_id]
            session.cell.reason = ""
            self._core.activity.begins()
        session.kept = None
        self._core.put(SendWorker(worker.worker_id, request.deliver()))
        if request.is_execute:
            self.comms.cell_begins(session)
        self._core.pool.worker_changes()

    def status_seen(self, session: Session, message: Output) -> None:
        """The worker's idle ends every request but a cell, which says itself when it is done."""
        current = session.current
        if current is None or current.is_execute or message.parent_id != current.msg_id:
            return
        content = as_bytes(message.buffers)[message.idents + 3]
        if json.loads(content).get("execution_state") == "idle":
            self.request_done(session)

    def reply_seen(self, session: Session, message: Output) -> None:
        """An error's reply aborts what is queued now. What a client sends after it has seen the reply is not meant,
        though the cell's end is still on its way here."""
        current = session.current
        if current is None or message.parent_id != current.msg_id or not current.stops_on_error:
            return
        content = as_bytes(message.buffers)[message.idents + 3]
        if json.loads(content).get("status") == "error":
            self.abort_queue(session)

    def request_done(self, session: Session) -> None:
        session.current = None
        session.active_since = session.last_used = self._core.now
        self.pump(session)
        self._core.pool.schedule()

    def abort_queue(self, session: Session) -> None:
        """After an error: the cells that were queued behind it are answered ``aborted``, as ipykernel does."""
        kept = []
        for request in session.queue:
            if request.is_execute:
                self.abort(session, request, CellState.CANCELLED)
            else:
                kept.append(request)
        session.queue.clear()
        session.queue.extend(kept)

    def abort(self, session: Session, request: Request, state: CellState) -> None:
        self.reply(session, request, {"status": "aborted"})
        self._core.cell.leave_queue(session, request.msg_id, state, "aborted")

    def give_back(self, session: Session) -> None:
        """The worker died: a request that it had is answered, or given to the next one if it did not begin it."""
        request, session.current = session.current, None
        if request is None:
            return
        is_unstarted = session.cell is not None and session.cell.state is CellState.QUEUED
        if request.is_execute:
            if is_unstarted and request.deliveries < _MAX_DELIVERIES:
                session.cell = None
                session.queue.appendleft(request)
            return
        self.give_up(session, request)

    def give_up(self, session: Session, request: Request) -> None:
        """Nobody can deal with a request, which is not a cell."""
        if request.msg_type not in WITHOUT_REPLY:
            self.reply(session, request, _no_worker(request))
        else:
            idle = FrontPublish(session.session_id, "status", {"execution_state": "idle"}, request.header)
            self._core.say(session, idle)


def _no_worker(request: Request) -> Json:
    return _error("WorkerDied", f"{request.msg_type} needs the notebook's worker, which is not there now.")


def _not_offered(request: Request) -> Json:
    return _error("NotImplementedError", f"{request.msg_type} is not offered: a session that moves cannot keep that.")


def _error(name: str, text: str) -> Json:
    return {"status": "error", "ename": name, "evalue": text, "traceback": [text]}
