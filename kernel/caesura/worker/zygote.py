"""``python -m caesura.worker.zygote --fd N``: a warm process that forks workers when the coordinator asks.

It keeps a spare worker ready for the next request (``spares.py``).

It has one thread, no ZeroMQ context, no database and no event loop (:func:`caesura.worker.warm.assert_forkable`). It
ends when the coordinator's end of the socket is closed; its workers go on.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

from caesura.errors import InternalError
from caesura.wire import Decoder
from caesura.wire.messages import (
    CheckComplete,
    Completeness,
    Fork,
    Forked,
    ForkFailed,
    Message,
    Preload,
    Preloaded,
    WorkerExited,
    ZygoteReady,
    pack,
    unpack,
)
from caesura.worker import trial_door
from caesura.worker.kernel import CaesuraKernel
from caesura.worker.preloading import Preloading, resident_bytes
from caesura.worker.shelf import shelf
from caesura.worker.spares import Spare, SpareChild, Spares
from caesura.worker.start import draw_new_random_numbers, enter, run_spare, run_worker
from caesura.worker.warm import assert_forkable, frames_fault, freeze_objects, make_warm

_READ_BYTES = 1 << 16
_QUIET_S = 1.0
_LEFT_ALONE = {signal.SIGKILL, signal.SIGSTOP}


@dataclass(frozen=True)
class TrialChild:
    """In a process that is to see whether a snapshot loads: who asks for it."""

    connection: socket.socket


@dataclass(frozen=True)
class Child:
    """What :meth:`Zygote.serve` returns in a forked process: the worker that it has to be."""

    worker_id: str
    notice: str


class Zygote:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = Decoder()
        self._children: dict[int, str] = {}
        self._spares = Spares()
        self._preloading = Preloading()
        self._trials: dict[int, socket.socket] = {}
        trial_door.open_door()
        self._quiet_since = 0.0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.signal(signal.SIGCHLD, _note_child)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def announce(self, kernel: CaesuraKernel) -> None:
        """Say what kernel this environment has: the notebook's clients ask for it first of all."""
        self.say(ZygoteReady(pid=os.getpid(), kernel_info=kernel.kernel_info, frames=frames_fault()))

    def say(self, message: Message) -> None:
        self._connection.sendall(b"".join(pack(message)))

    def serve(self) -> Child | SpareChild | TrialChild | None:
        """Fork and reap until the coordinator is gone; in each forked process this returns at once."""
        while True:
            # Not select(): the connection has the number that it has in the coordinator, which may be above 1023.
            poll = select.poll()
            ready_spares = self._spares.connections
            door = trial_door.zygotes_end().fileno()
            for descriptor in (self._connection.fileno(), self._wake_read, door, *ready_spares):
                poll.register(descriptor, select.POLLIN)
            readable = {descriptor for descriptor, _ in poll.poll(self._timeout_ms())}
            if self._wake_read in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, _READ_BYTES)
                self._reap()
            if door in readable and (trial := self._fork_trial()) is not None:
                return trial
            for descriptor in readable & ready_spares.keys():
                self._read_spare(ready_spares[descriptor])
            if self._connection.fileno() in readable:
                data = self._connection.recv(_READ_BYTES)
                if not data:
                    return None
                for body, buffers in self._decoder.feed(data):
                    message = unpack(body, buffers)
                    if isinstance(message, Preload):
                        self._preloading.want(message.names, message.budget_bytes)
                        self._quiet_since = time.monotonic()
                    elif isinstance(message, CheckComplete):
                        self.say(Completeness(number=message.number, content=_completeness(message.code)))
                    elif isinstance(message, Fork):
                        self._quiet_since = time.monotonic()
                        child = self._fork(message)
                        if child is not None:
                            return child
            elif (wanted := self._spares.wanted()) is not None:
                spare = self._fork_spare(wanted)
                if spare is not None:
                    return spare
            elif self._preload_in_ms() == 0:
                self._preload()

    def _timeout_ms(self) -> int | None:
        times = [each for each in (self._spares.timeout_ms(), self._preload_in_ms()) if each is not None]
        return min(times, default=None)

    def _preload_in_ms(self) -> int | None:
        """A request must not wait for an import: one is begun only when there has been none for a while."""
        if not self._preloading.is_wanted:
            return None
        return max(0, round(1000 * (self._quiet_since + _QUIET_S - time.monotonic())))

    def _preload(self) -> None:
        if self._preloading.next():
            self._spares.drop()  # they do not have it
            freeze_objects()
        if not self._preloading.is_wanted:
            self.say(Preloaded(names=shelf.names, refused=self._preloading.refused, rss_bytes=resident_bytes()))

    def _read_spare(self, spare: Spare) -> None:
        if spare.connection.fileno() >= 0:  # it may have been reaped a moment ago
            self._spares.read(spare)

    def _fork(self, request: Fork) -> Child | None:
        pid = self._spares.hand_over(request)
        if pid is None:
            try:
                assert_forkable()
                pid = os.fork()
            except Exception as error:  # noqa: BLE001  # the coordinator shows it to the user
                self.say(ForkFailed(worker_id=request.worker_id, reason=f"{type(error).__name__}: {error}"))
                return None
        if pid == 0:
            self._leave()
            notice = enter(_variables(request), request.cwd)
            return Child(request.worker_id, notice)
        self._children[pid] = request.worker_id
        self.say(Forked(worker_id=request.worker_id, pid=pid))
        return None

    def _fork_spare(self, request: Fork) -> SpareChild | None:
        """Make a process for the next request that is like ``request``.

        What goes wrong here goes wrong again when a worker is asked for, and is said then."""
        ours, theirs = socket.socketpair()
        try:
            assert_forkable()
            pid = os.fork()
        except (OSError, InternalError):
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            ours.close()
            self._leave()
            return SpareChild(theirs, request.cwd, _variables(request))
        theirs.close()
        self._spares.made(pid, ours, request)
        return None

    def _fork_trial(self) -> TrialChild | None:
        """Make a process for a worker that wants to see whether its session loads; what becomes of it is said to that
        worker."""
        connection = trial_door.receive()
        if connection is None:
            return None
        try:
            assert_forkable()
            pid = os.fork()
        except (OSError, InternalError) as error:
            _tell(connection, ForkFailed(worker_id="", reason=f"{type(error).__name__}: {error}"))
            connection.close()
            return None
        if pid == 0:
            self._leave()
            return TrialChild(connection)
        self._trials[pid] = connection
        _tell(connection, Forked(worker_id="", pid=pid))
        return None

    def _leave(self) -> None:
        """In a new process: let go of everything that is the zygote's."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        self._connection.close()
        self._spares.leave()
        trial_door.leave()
        for connection in self._trials.values():
            connection.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        draw_new_random_numbers()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            worker_id, trial = self._children.pop(pid, None), self._trials.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if worker_id is not None:
                self.say(WorkerExited(worker_id=worker_id, pid=pid, status=code))
            elif trial is not None:
                _tell(trial, WorkerExited(worker_id="", pid=pid, status=code))
                trial.close()
            else:
                self._spares.reaped(pid)


def _variables(request: Fork) -> dict[str, str]:
    return {str(name): str(value) for name, value in request.env.items()}


def _tell(connection: socket.socket, message: Message) -> None:
    with contextlib.suppress(OSError):  # it has gone
        connection.sendall(b"".join(pack(message)))


def _completeness(code: str) -> dict[str, str]:
    """As ipykernel answers it, for a notebook that reads code as IPython does by itself."""
    status, indent = TransformerManager().check_complete(code)
    return {"status": status, "indent": " " * (indent or 0)} if status == "incomplete" else {"status": status}


def _note_child(*_args: object) -> None:
    """The byte in the wake-up pipe is all that is needed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m caesura.worker.zygote")
    parser.add_argument("--fd", type=int, required=True)
    connection = socket.socket(fileno=parser.parse_args().fd)
    connection.set_inheritable(False)
    zygote = Zygote(connection)
    try:
        warm = make_warm(zygote.announce)
        freeze_objects()
        child = zygote.serve()
    except BrokenPipeError:
        child = None  # the coordinator is gone
    if child is None:
        sys.stdout.flush()
        os._exit(0)  # the shell's atexit is for sessions, and there was none
    if isinstance(child, SpareChild):
        return run_spare(warm, child)
    if isinstance(child, TrialChild):
        from caesura.worker.trial import run_trial

        run_trial(warm, child.connection)
    return run_worker(child.worker_id, warm, child.notice)


if __name__ == "__main__":
    sys.exit(main())
