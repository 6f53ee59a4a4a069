"""Notebooks: opened by their stub, restarted with the same ports, ended with their stub.

What lives here: the life of a session as a whole. What must not: cells, workers' messages.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from caesura.coordinator.commands import (
    BindFront,
    CloseFront,
    CloseLink,
    FrontPublish,
    KillWorker,
    NeedEnvironment,
    Quit,
    SendLink,
)
from caesura.coordinator.interpreters import shared
from caesura.coordinator.keeping import holder_of
from caesura.coordinator.parking import park_after
from caesura.coordinator.state import Kind, Session
from caesura.errors import UsageError
from caesura.policy import Policy, parse
from caesura.store.records import Records
from caesura.store.rows import SessionRow
from caesura.wire.life import FINAL, CellEvent
from caesura.wire.messages import Json, KernelEnded, KernelOpened, KernelSignal, OpenKernel

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_RESTART_GRACE_S = 30.0
"""Jupyter starts the next stub within this time after a restart; until then the ports stay bound."""
_LOST_GRACE_S = 5.0
_STUB_GRACE_S = 60.0
_KEPT_ENDED = 20
"""Ended notebooks whose moves and decisions can still be read."""

_KEPT_FOR_OUTPUTS = 200
"""The same, when outputs of theirs have not been fetched."""

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class Sessions:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._idle_since: float | None = None

    # --- opening ----------------------------------------------------------------------------------------------------

    def opened(self, link: int, message: OpenKernel) -> None:
        """A stub or provisioner asks to host its kernel, for the first time, after a restart, or after ours."""
        session = self._core.sessions.get(message.session_id) if message.session_id else None
        if session is None or session.is_ended:
            session = self._with_ports(message.connection)
        if session is None and message.is_known:
            text = "The session of this kernel has ended."
            self._core.put(SendLink(link, KernelEnded(code=1, text=text, token=message.token)))
            return
        if session is not None and session.is_lost and not message.session_id:
            self.clear(session)  # its kernel was killed and is started again
            session.is_restarting = True
        if session is None:
            session = self._core.keeping.taken_up(message)
        if session is None:
            session = self._add(message)
        elif session.is_restarting:
            self.adjust(session, message.environment)
        self._core.keeping.opened(session, link, message)
        session.link, session.token = link, message.token
        session.is_announced = not message.token
        session.is_detached = session.is_restarting = False
        session.name = message.name or session.name
        self._core.cancel_timer("end", session.session_id)
        self._core.cancel_timer("stub", session.session_id)
        self._record(session)
        if session.is_announced:
            self._core.put(SendLink(link, KernelOpened(session_id=session.session_id)))
        self.prepare_environment(session)
        self._core.put(BindFront(session.session_id, session.connection))

    def front_bound(self, session_id: str, connection: Json | None = None) -> None:
        """The notebook's sockets are there, with the ports of ``connection`` (None: those that were asked for)."""
        session = self._core.sessions.get(session_id)
        if session is not None and connection is not None and connection != session.connection:
            session.connection = connection
            self._record(session)
        if session is not None and session.link is not None and not session.is_announced:
            session.is_announced = True
            opened = KernelOpened(session_id=session_id, token=session.token, connection=session.connection)
            self._core.put(SendLink(session.link, opened))
        if session is not None and not session.is_ended and not session.is_front_live:
            if session.epoch > 0 and not self._core.keeping.is_new_to_clients(session):
                self._core.desk.hold(session)
            self._core.inbox.flush_kept(session)
        elif session is not None and not session.is_ended:
            self._core.desk.front_is_live(session)

    def front_failed(self, session_id: str, reason: str) -> None:
        """The sockets cannot be bound: there is no kernel."""
        session = self._core.sessions.get(session_id)
        if session is not None and not session.is_ended:
            self.end(session, 1, reason)

    def _add(self, message: OpenKernel) -> Session:
        core, now = self._core, self._core.now
        policy, notice = self.policy_of(message.environment)
        park_after_s, park_notice = park_after(message.environment.get("env") or {}, core.limits.park_after_s)
        session = Session(
            core.new_id(),
            Kind.NOTEBOOK,
            shared(message.environment),
            core.environment_key(message.environment),
            policy,
            now,
            name=message.name,
            connection=message.connection,
            notice=notice + park_notice,
            park_after_s=park_after_s,
            last_used=now,
        )
        session.notice += core.keeping.notice(session)
        core.sessions[session.session_id] = session
        core.persist(lambda records: records.add_session(row_of(session)), durable=True)
        return session

    def adjust(self, session: Session, environment: Json) -> None:
        """A restarted kernel, or one that is opened again, has the environment of its new stub."""
        session.environment = shared(environment)
        session.key = self._core.environment_key(environment)
        session.policy, notice = self.policy_of(environment)
        default = self._core.limits.park_after_s
        session.park_after_s, park_notice = park_after(environment.get("env") or {}, default)
        session.notice = notice + park_notice

    def policy_of(self, environment: Json) -> tuple[Policy, str]:
        """The session's policy, and what to tell its user about its settings."""
        env = environment.get("env") or {}
        limits = self._core.limits
        policy, notice = limits.policy, ""
        if text := env.get("CAESURA_POLICY"):
            try:
                policy = parse(text)
            except UsageError as error:
                notice = f"{error} This notebook runs under {policy}.\n"
        workers = env.get("CAESURA_WORKERS", "")
        if workers and workers != str(limits.workers):
            notice += (
                f"CAESURA_WORKERS is {workers} here, but the pool of this home has {limits.workers}: "
                "it is the coordinator's setting. Stop it with `caesura stop` and start it again with the new value.\n"
            )
        return policy, notice

    def _with_ports(self, connection: Json) -> Session | None:
        """The session whose sockets are those of ``connection``."""
        if not all(connection.get(name) for name in _PORTS):  # they are still to be chosen
            return None
        for session in self._core.live_sessions():
            known = session.connection
            if known and all(known.get(name) == connection.get(name) for name in (*_PORTS, "ip", "key")):
                return session
        return None

    def prepare_environment(self, session: Session) -> None:
        environment = self._core.environment_for(session.key, session.environment)
        if environment.ready is None and not environment.is_asked:
            environment.is_asked = True
            self._core.put(NeedEnvironment(session.key, session.environment))

    def environment_failed(self, session: Session, reason: str) -> None:
        """No worker can run in the session's environment."""
        session.wants_since = None
        if session.kind is Kind.FUNCTION:
            self._core.function.fail(session, reason)
        elif session.kind is Kind.NOTEBOOK and session.epoch == 0 and session.link is not None:
            self.end(session, 1, reason)
        elif session.queue:
            self._core.cell.fail_queued(session, "EnvironmentFault", reason)

    def _record(self, session: Session) -> None:
        session_id, now = session.session_id, self._core.now
        name, policy, detached = session.name, str(session.policy), session.is_detached
        environment, connection, holder = session.environment, session.connection, holder_of(session)

        def record(records: Records) -> None:
            records.update_session(
                session_id,
                now,
                name=name,
                policy=policy,
                detached=detached,
                environment=environment,
                connection=connection,
                holder=holder,
            )

        self._core.persist(record)

    # --- ending -----------------------------------------------------------------------------------------------------

    def shut_down(self, session: Session, *, restart: bool) -> None:
        """A client asked for it. With ``restart`` the ports stay bound for the stub that comes next."""
        session_id = session.session_id
        if not restart:
            if not self._core.keeping.keeps(session):
                self.end(session, 0)
            return
        self.clear(session)
        session.is_restarting = True
        self.say_ended(session, 0, "")
        self._core.set_timer(self._core.now + _RESTART_GRACE_S, "end", session_id)

    def say_ended(self, session: Session, code: int, text: str) -> None:
        """To who opened it. A stub has no other kernel, and so no more use for its connection."""
        link, session.link = session.link, None
        if link is not None:
            self._core.put(SendLink(link, KernelEnded(code=code, text=text, token=session.token)))
            if not session.token:
                self._core.put(CloseLink(link))

    def link_lost(self, session: Session) -> None:
        """Who opened it has gone without a word. A stub's end is the kernel's; a provisioner's is that of its server,
        which may come back for its kernels."""
        if self._core.keeping.link_lost(session):
            return
        session.link = None
        if session.kind is Kind.CLIENT:
            self.end(session, 0)
        else:
            self.lost(session)

    def lost(self, session: Session) -> None:
        """Nobody holds the kernel now."""
        if session.token:
            self._core.set_timer(self._core.now + _STUB_GRACE_S, "stub", session.session_id)
        else:
            self.killed(session)

    def killed(self, session: Session) -> None:
        """The kernel is dead; its ports wait for a moment, since Jupyter restarts a dead kernel with the same ones."""
        self.clear(session)
        session.is_restarting = True
        self.say_ended(session, -9, "")
        self._core.set_timer(self._core.now + _LOST_GRACE_S, "end", session.session_id)

    def signalled(self, link: int, message: KernelSignal) -> None:
        """The stub got a signal, or its parent is gone (``orphaned``), or the provisioner was asked for a signal."""
        for session in self._core.live_sessions():
            if session.kind is Kind.NOTEBOOK and (session.link, session.token) == (link, message.token):
                if message.signal == "interrupt":
                    self._core.interrupt.asked(session)
                elif self._core.keeping.keeps(session, is_orphaned=message.signal == "orphaned"):
                    continue
                elif message.signal == "kill":
                    self.killed(session)
                else:
                    self.end(session, 0)

    def grace_is_over(self, session: Session) -> None:
        if session.is_restarting:
            self.end(session, 0)

    def stub_did_not_come(self, session: Session) -> None:
        """After our restart: without a stub a notebook goes on only for the cells that it has."""
        if session.link is not None:
            return
        if session.name:
            self._core.keeping.keep(session)
            return
        if session.cell is None and not session.queue:
            self.end(session, 0)
            return
        session.is_detached = True
        self._record(session)
        if not session.is_front_live:
            self._core.put(BindFront(session.session_id, session.connection))

    def clear(self, session: Session) -> None:
        """Drop the namespace, the cells and all that they wait for; the session itself stays, new."""
        core, session_id = self._core, session.session_id
        for cell in session.cells.values():
            if cell.state not in FINAL:
                core.cell.apply(session, cell, CellEvent.CANCEL, ended=core.now, status="aborted")
        session.cells.clear()
        session.queue.clear()
        session.beside.clear()
        session.inbox.clear()
        session.after_drain.clear()
        session.events.clear()
        session.kernel_info.clear()
        session.current = session.cell = session.block = session.move = session.saved = session.last_saved = None
        session.is_due = False
        session.wants_since = None
        session.notice = ""
        session.start_failures, session.parks_refused = 0, (0, 0)
        for name in ("wake", "decide", "park"):
            core.cancel_timer(name, session_id)
        session.is_park_timer_set = False
        core.parking.settled(session, "The notebook was restarted or has ended.")
        core.replacing.is_over(session)
        core.operation.session_cleared(session)
        core.worker.let_go(session, gently=True)

        def record(records: Records) -> None:
            for snapshot in records.snapshots(session_id):
                records.consume_snapshot(session_id, snapshot.id, core.now)
            records.drop_snapshots(session_id)
            for event in records.open_events(session_id):
                records.consume_event(event.id)

        core.persist(record)

    def end(self, session: Session, code: int, text: str = "") -> None:
        """The kernel, function or client is over."""
        if session.is_ended:
            return
        core, session_id = self._core, session.session_id
        self.clear(session)
        session.is_ended = True
        for name in ("end", "stub", "kept", "lost"):
            core.cancel_timer(name, session_id)
        if session.kind is Kind.NOTEBOOK:
            if session.is_front_live:
                core.put(FrontPublish(session_id, "status", {"execution_state": "dead"}, {}))
            core.put(CloseFront(session_id))
            self.say_ended(session, code, text)
            now = core.now
            core.persist(
                lambda records: _end_notebook(records, session_id, now), lambda _: core.sweep_outputs(session_id)
            )
        else:
            core.persist(lambda records: records.drop_session(session_id))
        session.is_front_live = False
        core.worker.forget_if_ended(session)
        core.rpc.changed(session, None)
        core.pool.schedule()
        self.look_idle()

    # --- the coordinator's own end ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """End every notebook that is open; what is suspended without one stays in the records."""
        for session in self._core.live_sessions():
            if session.kind is Kind.NOTEBOOK and session.link is not None:
                self.end(session, 0, "Caesura was stopped: the kernels of this home have ended.")
        for worker in list(self._core.workers.values()):
            self._core.put(KillWorker(worker.worker_id))

    def look_idle(self) -> None:
        """Quit when nobody has needed the coordinator for long enough."""
        core = self._core
        if core.workers or not all(core.keeping.is_at_rest(session) for session in core.live_sessions()):
            self._idle_since = None
            core.cancel_timer("idle")
            return
        if self._idle_since is None:
            self._idle_since = core.now
        due = self._idle_since + core.limits.idle_exit_s
        if due <= core.now:
            core.put(Quit(f"nothing to do for {core.limits.idle_exit_s:g} s"))
        else:
            core.set_timer(due, "idle")


def row_of(session: Session) -> SessionRow:
    """The session for the records."""
    return SessionRow(
        id=session.session_id,
        kind=session.kind,
        state="open",
        created=session.created,
        updated=session.created,
        epoch=session.epoch,
        connection=session.connection,
        environment=session.environment,
        name=session.name,
        policy=str(session.policy),
        parent_op=session.parent_op or None,
    )


def _end_notebook(records: Records, session_id: str, now: float) -> None:
    """Keep what says how the cells moved, for a while; the rest goes."""
    records.update_session(session_id, now, state="ended", connection={}, environment={}, worker={})
    records.drop_snapshots(session_id)
    ended = records.sessions(["ended"])
    for row in ended[:-_KEPT_ENDED]:
        if not records.kept_totals(row.id)[0]:
            records.drop_session(row.id)
    for row in ended[:-_KEPT_FOR_OUTPUTS]:
        records.drop_session(row.id)
