"""Carrying out what the core asks for.

What lives here: one method per command; the callbacks by which the outcome goes back to the core. What must not:
decisions.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from caesura.coordinator import commands as do
from caesura.coordinator.core import Core
from caesura.coordinator.front import Front
from caesura.coordinator.history_file import read_history
from caesura.coordinator.listeners import Listeners
from caesura.coordinator.requests import whole
from caesura.coordinator.sent_marks import SentMarks
from caesura.coordinator.timers import Timers
from caesura.coordinator.usage import Usage
from caesura.errors import CaesuraError, EnvironmentFault, HomeUnusable
from caesura.store.begun import forget as forget_begun
from caesura.store.output_files import OutputFiles
from caesura.wire.codec import Buffer
from caesura.wire.messages import Json, Message, Reply, pack

if TYPE_CHECKING:
    from pathlib import Path

    from caesura.coordinator.processes import WorkerProcesses
    from caesura.coordinator.storage import Storage
    from caesura.store.writer import Writer

log = logging.getLogger(__name__)

_LAST_WORDS_S: Final = 1.0
"""For how long what a dead worker had sent may still arrive."""


class Effects:
    """The shell around one core. Everything runs on one loop; ``turn`` is the only way into the core."""

    def __init__(
        self,
        core: Core,
        writer: Writer,
        listeners: Listeners,
        marks: SentMarks,
        begun: Path,
        output_files: OutputFiles,
        on_quit: Callable[[str], None],
    ) -> None:
        self.core = core
        self.processes: WorkerProcesses | None = None
        self.storage: Storage | None = None
        self._writer = writer
        self._listeners = listeners
        self._marks = marks
        self._begun = begun
        self._output_files = output_files
        self._on_quit = on_quit
        self._loop = asyncio.get_running_loop()
        self.links: dict[int, asyncio.WriteTransport] = {}
        self.worker_links: dict[str, int] = {}
        self._fronts: dict[str, Front] = {}
        self._binding: set[str] = set()
        self._timers = Timers(lambda name: self.turn(self.core.timer, name))
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead: dict[str, int | None] = {}  # workers whose last words may still be on the way
        self._known: dict[str, tuple[int, str]] = {}  # worker → pid and identity
        self._recorded: deque[tuple[do.Persist, Future[Any]]] = deque()
        self._usage, self._one_measures = Usage(), asyncio.Lock()
        self._is_told = False
        self._is_over = False

    def turn(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Let the core take an event, then do what it says. A failed promise is logged; the others go on."""
        result = None
        try:
            result = act(*arguments)
        except Exception:
            log.exception("an event could not be handled; sessions: %s", self.core.stories())
        for command in self.core.take():
            try:
                self._carry_out(command)
            except Exception:
                log.exception("a command could not be carried out: %s", type(command).__name__)
        return result

    def _carry_out(self, command: do.Command) -> None:
        match command:
            case do.SendWorker(worker_id, message):
                link = self.worker_links.get(worker_id)
                if link is not None:
                    self.send(link, message)
            case do.SendLink(link, message):
                self.send(link, message)
            case do.FrontSend():
                self._send_front(command)
            case do.FrontPublish(session_id, msg_type, content, parent):
                if (front := self._fronts.get(session_id)) is not None:
                    front.publish(msg_type, content, parent)
            case do.FrontReply(session_id, channel, idents, msg_type, content, parent):
                if (front := self._fronts.get(session_id)) is not None:
                    front.reply(channel, idents, msg_type, content, parent)
            case do.Persist():
                self._persist(command)
            case do.SetTimer(name, at):
                self._timers.set(name, at)
            case do.CancelTimer(name):
                self._timers.cancel(name)
            case do.StartWorker(worker_id, _, environment):
                self._spawn(self._start_worker(worker_id, environment))
            case do.KillWorker(worker_id):
                if worker_id in self._known and self.processes is not None:
                    self.processes.kill(*self._known[worker_id])
            case do.TellZygote(key, message):
                if self.processes is not None:
                    self.processes.tell_zygote(key, message)
            case do.CheckComplete(key, code, then):
                self._spawn(self._check_complete(key, code, then))
            case do.ReadHistory():
                self._spawn(self._read_history(command))
            case do.MeasureUsage(pid, then):
                self._spawn(self._measure_usage(pid, then))
            case do.LookAtStore():
                self._spawn(self._look_at_store(command))
            case do.NeedEnvironment(key, environment):
                self._spawn(self._learn(key, environment))
            case do.BindFront(session_id, connection):
                self._bind(session_id, connection)
            case do.HoldIopub(session_id, seconds):
                if (front := self._fronts.get(session_id)) is not None:
                    front.hold_iopub(seconds)
            case do.CloseFront(session_id):
                self._marks.forget(session_id)
                forget_begun(self._begun, session_id)
                if (front := self._fronts.pop(session_id, None)) is not None:
                    self._spawn(front.close())
            case do.UnbindFront(session_id):
                if (front := self._fronts.pop(session_id, None)) is not None:
                    self._spawn(front.close())
            case do.CloseLink(link):
                if (transport := self.links.get(link)) is not None:
                    transport.close()
            case do.Quit(reason):
                self._on_quit(reason)

    def _send_front(self, command: do.FrontSend) -> None:
        front = self._fronts.get(command.session_id)
        if front is None or (command.place and command.place <= self._marks.last(command.session_id)):
            return
        frames: Sequence[Buffer] = command.frames
        if command.file:
            try:
                parts = self._output_files.map(command.session_id, command.file, [size for _, size in command.apart])
                frames = whole(command.idents, frames, command.apart, parts)
            except HomeUnusable as error:
                log.error("%s", error)
                text = f"Caesura: {error}\n"
                front.publish("stream", {"name": "stderr", "text": text}, json.loads(command.frames[1]))
                return
        front.send(command.channel, command.idents, frames)
        if command.place:
            self._marks.sent(command.session_id, command.place)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send(self, link: int, message: Message) -> None:
        """To a connection; nothing if it is gone."""
        transport = self.links.get(link)
        if transport is not None and not transport.is_closing():
            transport.writelines(pack(message))

    def backlog_of(self, link: int) -> int:
        """Bytes that were sent to a connection and that its other end has not read."""
        transport = self.links.get(link)
        return 0 if transport is None else transport.get_write_buffer_size()

    # --- records ----------------------------------------------------------------------------------------------------

    def _persist(self, command: do.Persist) -> None:
        future = self._writer.submit(command.function, durable=command.durable)
        future.add_done_callback(lambda done: self._note_persisted(command, done))

    def _note_persisted(self, command: do.Persist, done: Future[Any]) -> None:
        """On the records' thread. One wake-up of the loop for all that a transaction held."""
        self._recorded.append((command, done))
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._take_recorded)

    def _take_recorded(self) -> None:
        self._is_told = False  # before the queue is looked at: what is put in from here on wakes again
        while self._recorded and not self._is_over:
            self._persisted(*self._recorded.popleft())

    def _persisted(self, command: do.Persist, done: Future[Any]) -> None:
        error = done.exception()
        if error is not None:
            log.error("a transaction failed: %s", error, exc_info=error)
            if command.failed is not None:
                self.turn(command.failed, error)
        elif command.then is not None:
            self.turn(command.then, done.result())

    # --- processes --------------------------------------------------------------------------------------------------

    async def _start_worker(self, worker_id: str, environment: Json) -> None:
        assert self.processes is not None
        try:
            pid = await self.processes.fork(worker_id, environment)
        except EnvironmentFault as error:
            self.turn(self.core.worker.start_failed, worker_id, str(error))
            return
        started = self.processes.started(pid)
        self._known[worker_id] = (pid, started)
        self.turn(self.core.worker.forked, worker_id, pid, started)

    def adopted(self, worker_id: str, pid: int, started: str) -> None:
        """A worker of an earlier coordinator is alive."""
        self._known[worker_id] = (pid, started)

    def worker_exited(self, worker_id: str, _: int, status: int | None) -> None:
        """A process has ended. The core hears of it after the last that it sent."""
        self._known.pop(worker_id, None)
        if worker_id in self.worker_links:
            self._dead[worker_id] = status
            self._loop.call_later(_LAST_WORDS_S, self._say_exited, worker_id)
        else:
            self.turn(self.core.worker.exited, worker_id, status)

    def worker_link_closed(self, worker_id: str) -> None:
        self.worker_links.pop(worker_id, None)
        self.turn(self.core.worker.link_lost, worker_id)
        self._say_exited(worker_id)

    def _say_exited(self, worker_id: str) -> None:
        if worker_id in self._dead:
            self.turn(self.core.worker.exited, worker_id, self._dead.pop(worker_id))

    async def _learn(self, key: str, environment: Json) -> None:
        assert self.processes is not None
        try:
            ready = await self.processes.ready(environment)
        except EnvironmentFault as error:
            self.turn(self.core.environment_failed, key, str(error))
        else:
            self.turn(self.core.environment_ready, key, ready)

    async def _check_complete(self, key: str, code: str, then: Callable[[Json | None], None]) -> None:
        found = None
        if self.processes is not None:
            found = await self.processes.check_complete(key, code)
        self.turn(then, found)

    async def _read_history(self, command: do.ReadHistory) -> None:
        read = functools.partial(read_history, command.file, command.session, command.content)
        found = await asyncio.to_thread(read)
        self.turn(command.then, None if found is None else {"status": "ok", "history": found})

    async def _measure_usage(self, pid: int, then: Callable[[Json], None]) -> None:
        async with self._one_measures:
            found = await asyncio.to_thread(self._usage.of, pid)
        self.turn(then, found)

    # --- the store --------------------------------------------------------------------------------------------------

    async def _look_at_store(self, command: do.LookAtStore) -> None:
        assert self.storage is not None
        try:
            if command.collects:
                await self.storage.collect()
            reply = Reply(number=command.number, result=await self.storage.report())
        except OSError as error:
            text = f"The store cannot be read: {error.strerror or error}."
            reply = Reply(number=command.number, error=text, error_type=HomeUnusable.__name__)
        self.send(command.link, reply)

    # --- fronts -----------------------------------------------------------------------------------------------------

    def _bind(self, session_id: str, connection: Json) -> None:
        if (front := self._fronts.get(session_id)) is not None:
            self._loop.call_soon(self.turn, self.core.session.front_bound, session_id, front.connection)
        elif session_id not in self._binding:
            self._binding.add(session_id)
            self._spawn(self._bind_now(session_id, connection))

    async def _bind_now(self, session_id: str, connection: Json) -> None:
        def on_message(channel: str, idents: list[bytes], header: Json, frames: list[bytes]) -> None:
            self.turn(self.core.desk.message, session_id, channel, idents, header, frames)

        try:
            front = await Front.bind(self._listeners, connection, on_message, session_id=session_id)
        except CaesuraError as error:
            self.turn(self.core.session.front_failed, session_id, str(error))
            return
        finally:
            self._binding.discard(session_id)
        self._fronts[session_id] = front
        session = self.core.sessions.get(session_id)
        if session is None or session.is_ended:
            del self._fronts[session_id]
            await front.close()
            return
        self.turn(self.core.session.front_bound, session_id, front.connection)

    # --- the end ----------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let go of everything; the core gets no further event."""
        self._is_over = True
        self._timers.close()
        await asyncio.gather(*(front.close() for front in self._fronts.values()))
        self._fronts.clear()
        self._listeners.close_all()
        self._marks.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
