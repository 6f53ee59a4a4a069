"""The coordinator's unix socket, and everything around the core put together.

What lives here: connections, who may connect, start and end. What must not: decisions; those are the core's.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import os
import uuid
from typing import Final, cast

import psutil

import caesura
from caesura import config
from caesura.clock import SystemClock, wall
from caesura.coordinator import machine
from caesura.coordinator.core import Core
from caesura.coordinator.effects import Effects
from caesura.coordinator.listeners import Listeners, raise_file_limit
from caesura.coordinator.processes import WorkerProcesses
from caesura.coordinator.recovery import Everything, read_everything
from caesura.coordinator.sent_marks import SentMarks
from caesura.coordinator.settings import Caesura
from caesura.coordinator.storage import Storage
from caesura.errors import EnvironmentFault, HomeUnusable
from caesura.model import PROTOCOL
from caesura.starting import peer_uid
from caesura.store.begun import has_begun, is_untouched
from caesura.store.home import Home
from caesura.store.output_files import OutputFiles
from caesura.store.writer import Writer
from caesura.wire import Decoder
from caesura.wire import messages as wire

log = logging.getLogger(__name__)

_MAX_UNRECORDED: Final = 2000
"""A worker whose messages come faster than they are recorded is not read from for a moment."""


class Server:
    """One running coordinator. ``await run()`` returns when it has ended; ``stop`` makes it."""

    def __init__(self, home: Home, settings: Caesura, writer: Writer, processes: WorkerProcesses) -> None:
        raise_file_limit()
        self._home = home
        self._settings = settings
        self._writer = writer
        self._stopping = asyncio.Event()
        self._numbers = itertools.count(1)
        self._pids: dict[int, int] = {}  # of stubs and clients, by link
        self._is_over = False
        self._kills_workers = False
        self.socket_path = config.socket_path(home.path)
        about = {
            "pid": os.getpid(),
            "version": caesura.__version__,
            "home": str(home.path),
            "started": wall(),
        }
        self.core = Core(
            settings.limits(),
            SystemClock(),
            environment_key=WorkerProcesses.environment_key,
            memory_fraction=machine.memory_fraction,
            new_id=lambda: uuid.uuid4().hex[:16],
            about=about,
        )
        self.core.started = processes.started
        self.core.pid_of_link = lambda link: self._pids.get(link, 0)
        self.core.memory_of = _rss_bytes
        self.core.is_untouched = functools.partial(is_untouched, home.begun_path)
        self.core.rpc.zygotes = processes.describe_zygotes
        self.effects = Effects(
            self.core,
            writer,
            Listeners(),
            SentMarks(home.run_path / "sent"),
            home.begun_path,
            OutputFiles(home.outputs_path),
            self._quit,
        )
        self.processes = self.effects.processes = processes
        self.core.backlog_of = self.effects.backlog_of

    async def start(self) -> None:
        """Take up what the records hold, then listen. HomeUnusable if the socket cannot be made."""
        begun = functools.partial(has_begun, self._home.begun_path)
        read = functools.partial(read_everything, has_begun=begun)
        everything = await asyncio.wrap_future(self._writer.submit(read, durable=False))
        alive = self._adopt(everything)
        self.socket_path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        before = os.umask(0o177)
        try:
            self._listener = await loop.create_unix_server(lambda: _Connection(self), path=str(self.socket_path))
        except OSError as error:
            raise HomeUnusable(
                f"The socket {self.socket_path} cannot be made: {error.strerror or error}. "
                "Make its directory writable for your user, or point CAESURA_HOME at another one."
            ) from error
        finally:
            os.umask(before)
        storage = self.effects.storage = Storage(
            self._home,
            self._writer,
            self._settings.store_limits(),
            lambda: [worker.pid for worker in self.core.workers.values() if worker.pid],
        )
        self.core.room_bytes, self.core.wrote = storage.room_bytes, storage.wrote
        self.core.store_bytes = storage.used_bytes
        self.core.sweep_outputs = storage.sweep_outputs
        self.effects.turn(self.core.recovery.take_up, everything, alive)
        connection = {
            "pid": os.getpid(),
            "socket": str(self.socket_path),
            "protocol": PROTOCOL,
            "version": caesura.__version__,
            "started": self.core.about["started"],
        }
        config.write_connection(self._home.path, connection)
        self._collecting = loop.create_task(storage.look_after())

    async def run(self) -> None:
        """Until somebody stops it."""
        await self._stopping.wait()
        await self._close()

    def stop(self, *, kill_workers: bool = False) -> None:
        """End soon. Workers go on, and the next coordinator takes them up, unless ``kill_workers``."""
        self._kills_workers = self._kills_workers or kill_workers
        self._stopping.set()

    def _quit(self, reason: str) -> None:
        log.info("ending: %s", reason)
        asyncio.get_running_loop().call_later(0.1, lambda: self.stop(kill_workers=True))

    async def _close(self) -> None:
        self._is_over = True
        self._collecting.cancel()
        self._listener.close()
        config.remove_connection(self._home.path, os.getpid())
        self.socket_path.unlink(missing_ok=True)
        await self.effects.close()
        for transport in list(self.effects.links.values()):
            transport.close()
        await self.processes.close(kill_workers=self._kills_workers)
        self._writer.flush()

    def _adopt(self, everything: Everything) -> set[str]:
        """The ids of the workers of an earlier coordinator that are alive."""
        alive = set()
        for found in everything.sessions:
            facts = found.worker
            if not facts.get("pid"):
                continue
            worker_id, pid, started = str(facts["worker_id"]), int(facts["pid"]), str(facts.get("started", ""))
            if started and self.processes.adopt(worker_id, pid, started):
                self.effects.adopted(worker_id, pid, started)
                alive.add(worker_id)
        return alive

    # --- connections ------------------------------------------------------------------------------------------------

    def connected(self, transport: asyncio.Transport) -> int:
        link = next(self._numbers)
        self.effects.links[link] = transport
        return link

    def greet(self, link: int, hello: wire.Hello) -> str:
        """The empty string if who connects is welcome, else why not."""
        if self._is_over:
            return "the coordinator is ending"
        if hello.protocol != PROTOCOL:
            return f"this coordinator speaks protocol {PROTOCOL}, the other side {hello.protocol}"
        if hello.role not in ("worker", "stub", "client"):
            return f"there is no role {hello.role!r}"
        if hello.role == "worker":
            self.effects.worker_links[hello.worker_id] = link
        self._pids[link] = hello.pid
        # The welcome is the first thing that is sent, before what the core has to say.
        self.effects.send(link, wire.Welcome(pid=os.getpid(), version=caesura.__version__))
        return ""


class _Connection(asyncio.Protocol):
    """One worker, stub or client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._decoder = Decoder()
        self._link = 0
        self._hello: wire.Hello | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        uid = peer_uid(self._transport.get_extra_info("socket"))
        if uid is not None and uid != os.geteuid():
            log.warning("a process of user %d tried to connect", uid)
            self._transport.abort()
            return
        self._link = self._server.connected(self._transport)

    def data_received(self, data: bytes) -> None:
        messages: list[wire.Message] = []
        try:
            for body, buffers in self._decoder.feed(data):
                messages.append(wire.unpack(body, buffers))
        except EnvironmentFault as error:
            log.warning("a connection was closed: %s", error)
            self._transport.close()
        if messages and self._hello is None:
            self._greet(messages.pop(0))
        if messages and self._hello is not None:
            self._take(self._hello, messages)

    def _greet(self, first: wire.Message) -> None:
        server = self._server
        if not isinstance(first, wire.Hello):
            self._refuse("the first message has to be a hello")
            return
        if first.role == "worker" and first.protocol == PROTOCOL:
            worker = server.core.workers.get(first.worker_id)
            session = None if worker is None else server.core.sessions.get(worker.session_id)
            is_stale = session is None or session.worker is not worker
            if is_stale or (first.session_id and first.epoch != (session.epoch if session else 0)):
                server.effects.turn(server.core.worker.hello, first.worker_id, first)
                self._refuse("stale epoch")
                return
        reason = server.greet(self._link, first)
        if reason:
            self._refuse(reason)
            return
        self._hello = first
        if first.role == "worker":
            server.effects.turn(server.core.worker.hello, first.worker_id, first)

    def _refuse(self, reason: str) -> None:
        self._transport.writelines(wire.pack(wire.Refused(reason=reason)))
        self._transport.close()

    def _take(self, hello: wire.Hello, messages: list[wire.Message]) -> None:
        server, core = self._server, self._server.core
        turn = server.effects.turn
        if hello.role == "worker":
            turn(core.inbox.take, hello.worker_id, messages)
            self._slow_down(core, hello.worker_id)
            return
        for message in messages:
            match hello.role, message:
                case "stub", wire.OpenKernel():
                    turn(core.session.opened, self._link, message)
                case "stub", wire.KernelSignal():
                    turn(core.session.signalled, self._link, message)
                case "client", wire.Request():
                    turn(core.rpc.request, self._link, message)
                case _:
                    log.warning("a %s sent a %s", hello.role, type(message).__name__)

    def _slow_down(self, core: Core, worker_id: str) -> None:
        worker = core.workers.get(worker_id)
        session = None if worker is None else core.sessions.get(worker.session_id)
        if session is not None and len(session.inbox) > _MAX_UNRECORDED:
            self._transport.pause_reading()
            session.after_drain.append(self._read_again)

    def _read_again(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        server = self._server
        server.effects.links.pop(self._link, None)
        server._pids.pop(self._link, None)
        hello = self._hello
        if hello is None or server._is_over:
            return
        if hello.role == "worker":
            if server.effects.worker_links.get(hello.worker_id) == self._link:
                server.effects.worker_link_closed(hello.worker_id)
        else:
            server.effects.turn(server.core.client_lost, self._link)


def _rss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
