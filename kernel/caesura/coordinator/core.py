"""The coordinator without its sockets: events in, commands out, no I/O.

What lives here: the whole state, the parts that change it, and the door through which every event comes. What must
not: sockets, SQLite, asyncio, reading a clock by itself. The shell (``server.py``) calls one method per event and then
carries out what :meth:`Core.take` gives; tests do the same with values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from caesura.clock import Clock
from caesura.coordinator import second_try
from caesura.coordinator.activity import Activity
from caesura.coordinator.cells import Cells
from caesura.coordinator.commands import (
    CancelTimer,
    Command,
    FrontPublish,
    FrontReply,
    FrontSend,
    Outbox,
    Persist,
    SetTimer,
    TimerName,
)
from caesura.coordinator.decisions import Decisions
from caesura.coordinator.front_desk import FrontDesk
from caesura.coordinator.functions import Functions
from caesura.coordinator.inbox import Inbox
from caesura.coordinator.interrupts import Interrupts
from caesura.coordinator.keeping import Keeping
from caesura.coordinator.ledger import Ledger
from caesura.coordinator.limits import Limits
from caesura.coordinator.moves import Moves
from caesura.coordinator.operations import Operations
from caesura.coordinator.parking import Parking
from caesura.coordinator.pool import Pool
from caesura.coordinator.precaution import Precaution
from caesura.coordinator.preloads import Preloads
from caesura.coordinator.progress import Progress
from caesura.coordinator.recorded import Recorded
from caesura.coordinator.recovery import Recovery
from caesura.coordinator.replacing import Replacing
from caesura.coordinator.rpc import Rpc
from caesura.coordinator.sessions import Sessions
from caesura.coordinator.state import Environment, Kind, Operation, Session, Worker
from caesura.coordinator.watching import Watching
from caesura.coordinator.workers import Workers
from caesura.policy import History
from caesura.store.records import Records
from caesura.wire.messages import Json, Prepared

log = logging.getLogger(__name__)


class Core:
    """Everything that a coordinator knows and decides.

    ``environment_key`` says which environments can share a zygote, ``memory_fraction`` how much of the machine's memory
    is available (0 to 1); ``new_id`` makes ids.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        *,
        environment_key: Callable[[Json], str],
        memory_fraction: Callable[[], float],
        new_id: Callable[[], str],
        about: Json,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.environment_key = environment_key
        self.memory_fraction = memory_fraction
        self.new_id = new_id
        self.room_bytes: Callable[[], int | None] = lambda: None  # what a snapshot may add to the store
        self.wrote: Callable[[int], None] = lambda size_bytes: None
        self.store_bytes: Callable[[], int] = lambda: 0  # what the store takes, as far as is known without looking
        self.sweep_outputs: Callable[[str], None] = lambda session_id: None  # remove files that no record names
        self.started: Callable[[int], str] = lambda pid: ""  # which process it is that has this pid; "" if none has
        # Whether no code has run in a session's worker since this block of it was saved (epoch, serial).
        self.is_untouched: Callable[[str, int, int], bool] = lambda session_id, epoch, serial: False
        self.memory_of: Callable[[int], int] = lambda pid: 0  # resident bytes of a process
        self.pid_of_link: Callable[[int], int] = lambda link: 0  # who is at the other end
        self.backlog_of: Callable[[int], int] = lambda link: 0  # bytes that wait for somebody to read them
        self.about = about  # {"pid", "version", "home", "started"}
        self.sessions: dict[str, Session] = {}
        self.workers: dict[str, Worker] = {}
        self.operations: dict[str, Operation] = {}
        self.environments: dict[str, Environment] = {}
        self.history = History()
        self.outbox = Outbox()
        self.inbox = Inbox(self)
        self.session = Sessions(self)
        self.desk = FrontDesk(self)
        self.cell = Cells(self)
        self.decision = Decisions(self)
        self.precaution = Precaution(self)
        self.ledger = Ledger(self)
        self.progress = Progress(self)
        self.move = Moves(self)
        self.activity = Activity(self)
        self.parking = Parking(self)
        self.keeping = Keeping(self)
        self.recorded = Recorded(self)
        self.pool = Pool(self)
        self.worker = Workers(self)
        self.operation = Operations(self)
        self.function = Functions(self)
        self.interrupt = Interrupts(self)
        self.recovery = Recovery(self)
        self.preload = Preloads(self)
        self.replacing = Replacing(self)
        self.rpc = Rpc(self)
        self.watching = Watching(self)

    # --- what the parts use -----------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.clock.wall()

    def put(self, command: Command) -> None:
        self.outbox.put(command)

    def take(self) -> list[Command]:
        """The commands since the last call, to be carried out in this order."""
        return self.outbox.take()

    def persist(
        self,
        function: Callable[[Records], Any],
        then: Callable[[Any], None] | None = None,
        *,
        durable: bool = False,
    ) -> None:
        self.outbox.put(Persist(function, then, durable))

    def say(self, session: Session, message: FrontPublish | FrontReply | FrontSend) -> None:
        """A message of our own to a notebook's clients; kept while its sockets are not bound."""
        if session.is_front_live:
            self.outbox.put(message)
        else:
            session.unsaid.append(message)

    def set_timer(self, at: float, *name: str) -> None:
        self.outbox.put(SetTimer(name, at))

    def cancel_timer(self, *name: str) -> None:
        self.outbox.put(CancelTimer(name))

    def live_sessions(self) -> Iterator[Session]:
        return (session for session in list(self.sessions.values()) if not session.is_ended)

    def root_of(self, session: Session) -> Session | None:
        """The notebook or client that a function works for in the end; the session itself if it is one."""
        seen: Session | None = session
        while seen is not None and seen.kind is Kind.FUNCTION:
            operation = self.operations.get(seen.parent_op)
            seen = None if operation is None else self.sessions.get(operation.session_id)
        return seen

    # --- events that concern no part alone --------------------------------------------------------------------------

    def timer(self, name: TimerName) -> None:
        """A timer that was set is due."""
        match name:
            case ("pool",):
                self.pool.schedule()
            case ("demand",):
                self.decision.look_at_held()
            case ("activity",):
                self.activity.say()
            case ("watch",):
                self.watching.is_due()
            case ("idle",):
                self.session.look_idle()
            case ("wake", session_id):
                self._with(session_id, self.move.look_whether_due)
            case ("decide", session_id):
                self._with(session_id, self.decision.decide)
            case ("lost", session_id):
                self._with(session_id, self.keeping.look_at_server)
            case ("kept", session_id):
                self._with(session_id, self.keeping.look_whether_over)
            case ("park", session_id):
                self._with(session_id, self.parking.look)
            case ("again", session_id):
                self._with(session_id, lambda session: second_try.try_again(self, session))
            case ("sent", session_id):
                self._with(session_id, self.inbox.drop_sent)
            case ("end", session_id):
                self._with(session_id, self.session.grace_is_over)
            case ("stub", session_id):
                self._with(session_id, self.session.stub_did_not_come)
            case ("leave", worker_id):
                self.worker.kill(worker_id)
            case ("reattach", worker_id):
                self.worker.did_not_come_back(worker_id)
            case ("operation", op_id):
                self.operation.is_due(op_id)
            case _:
                log.error("a timer without a meaning: %s", name)

    def _with(self, session_id: str, act: Callable[[Session], None]) -> None:
        session = self.sessions.get(session_id)
        if session is not None and not session.is_ended:
            act(session)

    def snapshot_arrived(self, session: Session, message: Prepared) -> None:
        """What is learned from a snapshot that has been written, whether it is committed or not."""
        self.wrote(message.written_bytes)
        self.preload.used(session.key, message.manifest.get("imported", ()))
        session.cost.observe_save(message.size_bytes, message.seconds)
        session.size_bytes = message.size_bytes

    def environment_ready(self, key: str, ready: Any) -> None:
        """An environment's zygote is up: ``ready`` is its :class:`~caesura.wire.messages.ZygoteReady`."""
        environment = self.environments[key]
        environment.ready, environment.error, environment.is_asked = ready, "", False
        self.preload.zygote_is_up(key)
        for session in self.live_sessions():
            if session.key == key:
                self.desk.answer_kernel_info(session)
        self.pool.schedule()

    def environment_failed(self, key: str, reason: str) -> None:
        """An environment's zygote cannot be started; ``reason`` is a text for the user."""
        environment = self.environments[key]
        environment.error, environment.is_asked = reason, False
        for session in self.live_sessions():
            if session.key == key:
                self.session.environment_failed(session, reason)

    def environment_for(self, key: str, environment: Json) -> Environment:
        """The environment of ``key``, known from now on."""
        return self.environments.setdefault(key, Environment(key, environment))

    def client_lost(self, link: int) -> None:
        """A stub or client has closed its connection."""
        self.rpc.link_lost(link)
        for session in self.live_sessions():
            if session.link == link:
                self.session.link_lost(session)

    def stories(self) -> Sequence[Json]:
        """For the log of a failed promise: what each session is doing."""
        return [
            {"session": s.session_id, "state": s.state, "epoch": s.epoch, "cell": s.cell and s.cell.state}
            for s in self.live_sessions()
        ]
