"""The worker: one session in one process, from Attach to the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sys
import threading
from collections.abc import Mapping
from os import _exit, environ  # by name: a notebook may replace them in their module
from time import monotonic
from typing import Any

from caesura import config, frames, points
from caesura.calls.backend import install as install_backend
from caesura.errors import SnapshotRefused
from caesura.loop import Block, CellLoop, SignalHandling
from caesura.model import SessionKind
from caesura.snapshot import local_modules
from caesura.store.begun import BegunCell
from caesura.store.blobs import Blobs
from caesura.store.home import open_home
from caesura.store.output_files import OutputFiles
from caesura.wire import messages as wire
from caesura.worker import resume
from caesura.worker.backend import WorkerBackend
from caesura.worker.cell import Cell
from caesura.worker.channel import Channel
from caesura.worker.configuration import NotebookSettings
from caesura.worker.function import Function
from caesura.worker.host import Main
from caesura.worker.jupyter_socket import JupyterSocket
from caesura.worker.kernel import CaesuraKernel
from caesura.worker.reports import blocked_message, hello_message
from caesura.worker.requests import Requests, unpack_request
from caesura.worker.session_snapshot import SessionSnapshot, rehearse
from caesura.worker.streams import drain, install_streams
from caesura.worker.surroundings import interrupt_processes, locate_coordinator
from caesura.worker.suspend import Suspension
from caesura.worker.tracebacks import put_builtins_back, show_errors_plainly, what_escaped
from caesura.worker.trials import Trials
from caesura.worker.variables import SessionVariables
from caesura.worker.variables_check import VariablesCheck

log = logging.getLogger(__name__)

_LAST_WORDS_S = 5.0
_ALWAYS_S = 10.0
"""The longest that a block is kept under ``always`` until it is saved, though a timer is due or an answer came."""


class Worker:
    """``kernel`` and ``settings`` were made before the fork."""

    def __init__(self, kernel: CaesuraKernel, settings: NotebookSettings) -> None:
        self.kernel: Any = kernel
        self._settings = settings
        self._worker_id = self._session_id = self._notice = ""
        self._epoch = 0
        self._is_always = False
        self._main: Main | None = None
        self._exit_code: int | None = None
        self._attached: queue.SimpleQueue[wire.Attach] = queue.SimpleQueue()
        self._allowed: queue.SimpleQueue[wire.Go] = queue.SimpleQueue()
        self._may_run = False
        self._unanswered: wire.Loaded | wire.LoadFailed | None = None
        self._loop = CellLoop()
        self._channel = Channel(locate_coordinator, self)
        self.shell_socket = JupyterSocket("shell", self._channel.send)
        self.control_socket = JupyterSocket("control", self._channel.send)
        for sock in (self.kernel.iopub_socket, self.kernel.stdin_socket):
            sock.connect(self._channel.send)
        self._streams = install_streams(kernel.session, kernel.iopub_socket, self._channel)
        self._signals = SignalHandling.install(self._loop, self._main_task)
        self._variables = SessionVariables()
        self._requests = Requests(self, self._execute, lambda: self._main is not None, self._loop.post)
        self.cell_began = self._requests.cell_began
        self._suspension: Suspension | None = None
        self._check = VariablesCheck(self._channel, self._loop.post, lambda: self._main is None)
        self._backend = WorkerBackend(self._channel, self._loop, self.kernel.shell.user_ns, lambda: self._main)

    # --- life -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Do what is the same for every session of these variables and this directory, before :meth:`run`."""
        self._settings.load([])
        self._settings.apply(self.kernel)
        asyncio.set_event_loop(self._loop)
        rehearse(self.kernel, self._loop)

    def run(self, worker_id: str, notice: str = "") -> int:
        """Serve one session until it is over; the exit code. ``notice`` is shown on stderr of the first cell."""
        self._worker_id = self._backend.worker_id = worker_id
        self._notice = notice
        asyncio.set_event_loop(self._loop)
        self._channel.start()
        attach = self._attached.get()
        began = monotonic()
        if not self._take_up(attach, began):
            self._channel.wait_until_sent(_LAST_WORDS_S)
            return 1
        # What a background task of the user's let escape (an interrupt, SystemExit): the session goes on.
        self._loop.run_until_stopped(lambda error: self._tell(what_escaped(error, self.kernel.shell.user_ns)))
        drain(*self._streams)
        self._channel.wait_until_sent(_LAST_WORDS_S)
        return self._exit_code or 0

    def _take_up(self, attach: wire.Attach, began: float) -> bool:
        blobs = self._set_up(attach)
        return self._begin(attach, began) if attach.manifest is None else self._resume(attach, blobs, began)

    def _set_up(self, attach: wire.Attach) -> Blobs:
        self._channel.set_session(attach.epoch, attach.next_number)
        is_always = attach.policy == "always" and frames.unavailable_reason() is None
        self._is_always = self._loop.counts_every_block = is_always
        self._notice += attach.notice
        kernel = self.kernel
        argv = list(attach.environment.get("argv") or ())
        if argv or not self._settings.is_applied:
            self._notice += self._settings.load(argv)
            self._settings.apply(kernel)
        self._settings.connection_file = str(attach.environment.get("connection_file") or "")  # for %connect_info
        self._settings.choose_plot_backend()
        if attach.manifest is None:
            self._notice += local_modules.setting_fault()
        kernel.rename(attach.session_id)
        home = open_home(config.home_directory(environ))
        blobs = Blobs(home.blobs_path, home.key)
        if attach.kind == SessionKind.NOTEBOOK:  # what a function shows belongs to its caller, who outlives it
            self._channel.use_files(OutputFiles(home.outputs_path), attach.session_id)
        self._begun = BegunCell(home.begun_path, attach.session_id)
        for thread in threading.enumerate():  # all that are there before any code runs are not the user's
            self._loop.own_threads.add(thread)
        show_errors_plainly(kernel.shell, self._is_main_interrupted)
        for stream in self._streams:
            stream.undisturbed = self._signals.deferred
        self._trials = trials = Trials(home.loaded_path, attach, lambda: self._main, kernel.shell.user_ns)
        session = SessionSnapshot(kernel, self._loop, blobs, self._streams, self._variables, lambda: self._main, trials)
        self._check.session = session
        self._suspension = Suspension(self._channel, self._loop, session, lambda: self._signals.is_on_its_way)
        self._suspension.mark_in(self._begun)
        self._backend.session_id, self._backend.epoch = attach.session_id, attach.epoch
        install_backend(self._backend)
        self._loop.on_blocked = self._report_block
        self._loop.on_unblocked = self._report_unblocked
        return blobs

    def _begin(self, attach: wire.Attach, began: float) -> bool:
        if attach.kind == SessionKind.FUNCTION:
            described = attach.cell or {}
            self._set_parent(parent := dict(described.get("parent") or {}))
            function = Function(self, str(described.get("cell_id", "")), bytes(attach.buffers[0]), parent)
            self._say_loaded(began)
            self._wait_until_allowed()
            self._start(function)
        else:
            self.kernel.shell.history_manager.begin()
            self._settings.run_startup()
            self._say_loaded(began)
            self._wait_until_allowed()
        return True

    def _load(self, attach: wire.Attach, blobs: Blobs) -> resume.Resumed:
        assert attach.manifest is not None
        main: Main | None = None
        if attach.cell is not None:
            main = Function.blank(self) if attach.kind == SessionKind.FUNCTION else Cell.blank(self)
        stream = None if attach.stream is None else attach.buffers[attach.stream]
        return resume.load(attach.manifest, stream, kernel=self.kernel, loop=self._loop, blobs=blobs, main=main)

    def _resume(self, attach: wire.Attach, blobs: Blobs, began: float) -> bool:
        try:
            resumed = self._load(attach, blobs)
        except SnapshotRefused as error:
            self._answer(wire.LoadFailed(epoch=self._epoch, reason=str(error), blob=error.blob, final=True))
            return False
        except Exception as error:
            log.exception("the snapshot cannot be loaded")
            reason = f"{type(error).__name__}: {error}"
            self._answer(wire.LoadFailed(epoch=self._epoch, reason=reason))
            return False
        self._say_loaded(began)
        go = self._wait_until_allowed()
        self._main = main = resumed.main
        self._trials.note_loaded(resumed.kinds)
        self._variables.context = resumed.variables
        self._notice += "".join(resumed.notices)
        if main is not None and attach.cell is not None:
            main.moves = int(attach.cell.get("moves", 0))
            self._set_parent(main.parent)
            self._notify()
        answers = [self._backend.delivery(answer, attach.buffers) for answer in attach.answers]
        interrupt = self._interrupt_main if self._signals.take_early() or go.interrupt else None
        resume.begin_replay(resumed, self._loop, answers, interrupt)
        return True

    def _say_loaded(self, began: float) -> None:
        self._answer(wire.Loaded(epoch=self._epoch, seconds=monotonic() - began))

    def _answer(self, message: wire.Loaded | wire.LoadFailed) -> None:
        self._unanswered = message
        self._channel.send(message)

    def _wait_until_allowed(self) -> wire.Go:
        """No code of the user before the coordinator has recorded that this process has the session, nor before it has
        been told that some runs."""
        go = self._allowed.get()
        points.reach("go.received")
        self._may_run = True
        self._channel.send(wire.Going(epoch=self._epoch))
        while not self._channel.wait_until_sent(_LAST_WORDS_S):
            log.warning("the coordinator cannot be reached")
        return go

    # --- what runs --------------------------------------------------------------------------------------------------

    def _main_task(self) -> asyncio.Task[Any] | None:
        return None if self._main is None else self._main.task

    def _set_parent(self, header: Mapping[str, Any]) -> None:
        parent = {"header": dict(header)}
        self.kernel.set_parent([], parent)
        for stream in self._streams:  # the kernel tells those in :mod:`sys`, which may be the user's
            stream.set_parent(parent)

    def _execute(self, cell_id: str, idents: list[bytes], request: dict[str, Any]) -> None:
        self.kernel.set_parent(idents, request)
        cell = Cell(self, cell_id, idents, request)
        self._begun.begin(cell_id)
        with self._channel.batch(may_wait=True):
            self._channel.send(wire.CellStarted(epoch=self._epoch, number=0, cell_id=cell_id))
            self.kernel._publish_status("busy", "shell")
            cell.announce()
        self._notify()
        self._start(cell)

    def _notify(self) -> None:
        """Tell the user what there is to tell, under the cell whose header is set."""
        if self._notice:
            notice, self._notice = self._notice, ""
            self._streams[1].write(notice)  # not what the cell may have put in its place

    def _start(self, main: Main) -> None:
        self._main = main
        # Not by create_task: the user's task factory is for the user's tasks, and an eager one would run it at once.
        main.task = asyncio.Task(main.drive(), loop=self._loop, context=self._variables.next_context(self.kernel))

    @staticmethod
    def _tell(notice: str) -> None:
        sys.stderr.write(notice)

    # --- Host -------------------------------------------------------------------------------------------------------

    def undisturbed(self) -> contextlib.AbstractContextManager[None]:
        return self._signals.deferred()

    def batch(self) -> contextlib.AbstractContextManager[None]:
        return self._channel.batch()

    def was_interrupted(self, task: asyncio.Task[Any]) -> bool:
        return self._signals.has_interrupted(task)

    def _is_main_interrupted(self) -> bool:
        return (task := self._main_task()) is not None and self._signals.has_interrupted(task)

    def drain(self) -> None:
        drain(*self._streams)

    def cell_done(self, cell: Main, status: str, execution_count: int, error: str) -> None:
        self._channel.send(
            wire.CellDone(
                epoch=self._epoch,
                number=0,
                cell_id=cell.cell_id,
                status=status,
                execution_count=execution_count,
                error=error,
            )
        )
        self._variables.keep()
        self._check.cell_done()
        self._main = None
        if self.kernel.shell.exit_now:
            self._exit_code = 0
            self._loop.stop()

    def function_done(self, function: Main, ok: bool, result: bytes) -> None:
        drain(*self._streams)
        self._channel.send(wire.FunctionDone(epoch=self._epoch, number=0, ok=ok, buffers=(result,)))
        self._main = None

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _report_block(self, block: Block) -> None:
        main = self._main
        if self._is_always and main is not None and not block.obstacles:
            self._loop.stand_still(_ALWAYS_S)
        else:
            self._loop.let_time_pass()
        points.reach("block.before_send")
        cell_id = "" if main is None else main.cell_id
        size_bytes = 0 if self._suspension is None else self._suspension.size_bytes
        self._channel.send(blocked_message(block, epoch=self._epoch, cell_id=cell_id, size_hint_bytes=size_bytes))
        if main is None:
            self._check.between_cells(self._epoch)
        elif self._is_always and self._suspension is not None and not block.obstacles:
            self._suspension.expect(block.serial)

    def _report_unblocked(self, serial: int) -> None:
        self._channel.send(wire.Unblocked(epoch=self._epoch, serial=serial))

    def _report_again(self) -> None:
        if (block := self._loop.current_block) is not None:
            self._report_block(block)

    # --- what comes (the channel's thread) --------------------------------------------------------------------------

    def hello(self, last_acked: int) -> wire.Hello:
        return hello_message(self._worker_id, self._session_id, self._epoch, last_acked)

    def refused(self, reason: str) -> None:
        log.warning("the coordinator has no use for this worker: %s", reason)
        _exit(0)

    def mend(self) -> bool:
        if notice := put_builtins_back():
            self._loop.post(lambda: self._tell(notice))
        return bool(notice)

    def came_back(self) -> None:
        suspension = self._suspension
        prepared = None if suspension is None else suspension.prepared
        if self._may_run:
            self._channel.send(wire.Going(epoch=self._epoch))
        if self._unanswered is not None:
            self._channel.send(self._unanswered)
        elif prepared is not None:
            self._channel.send(prepared)
        elif suspension is not None:
            self._loop.post(self._report_again)

    def received(self, message: wire.Message) -> None:
        suspension = self._suspension
        match message:
            case wire.Attach():
                self._session_id, self._epoch = message.session_id, message.epoch
                self._attached.put(message)
            case wire.Go():
                self._unanswered = None
                self._allowed.put(message)
            case wire.Deliver(channel="stdin"):
                _idents, reply = unpack_request(self.kernel.session, message)
                self.kernel.replies.put(reply["content"])
            case wire.Deliver():
                self._channel.look_soon()
                self._arrived(suspension)
                self._requests.post(message)
            case wire.Answered():
                self._arrived(suspension)
                self._loop.post_in_time(lambda: self._backend.deliver(message))
            case wire.Interrupt():
                if suspension is None:
                    self._loop.post(interrupt_processes)
                else:
                    suspension.note_interrupt()
                    suspension.when_not_frozen(self._interrupt)
            case wire.Freeze():
                if suspension is not None:
                    suspension.asked(message)
            case wire.Verdict():
                if suspension is not None:
                    suspension.take_verdict(message)
            case wire.Exit():
                self._exit(message)
            case _:
                log.warning("an unexpected message: %s", type(message).__name__)

    def _arrived(self, suspension: Suspension | None) -> None:
        if suspension is not None:
            suspension.note_arrival()

    def _exit(self, message: wire.Exit) -> None:
        suspension = self._suspension
        if not message.gently or suspension is None or suspension.is_frozen or not self._may_run:
            _exit(0)
        self._exit_code = 0
        self._loop.post(self._loop.stop)

    def _interrupt(self) -> None:
        """It is meant for what was handed out before it, though that may not have begun when the signal comes."""
        before = self._signals.early
        interrupt_processes()
        self._loop.post(lambda: self._interrupt_main() if self._signals.early > before else None)

    def _interrupt_main(self) -> None:
        """Interrupt the task that was not there when the interrupt came."""
        if (task := self._main_task()) is not None and not task.done():
            self._signals.interrupt(task)
