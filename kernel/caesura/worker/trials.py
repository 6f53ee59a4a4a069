"""Before a worker lets its session go: what has not been loaded before is loaded in another process, to see whether it
can be.

That process is forked by the worker's zygote, or started anew where there is none (any more). It loads as a worker
does, runs nothing and ends. The session waits meanwhile, and goes on at once if something comes for it.

What lives here: what is tried, the conversation with that process, what its end means. What must not: loading.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Final

from caesura import points
from caesura.errors import CannotLoad, SaveAborted
from caesura.snapshot import kinds
from caesura.snapshot.archive import Saved
from caesura.snapshot.kinds import Kind
from caesura.snapshot.ways import way_to
from caesura.store.loaded_kinds import LoadedKinds
from caesura.wire import Decoder
from caesura.wire import messages as wire
from caesura.worker import trial_door
from caesura.worker.host import Main
from caesura.worker.surroundings import entered

VARIABLE: Final = "CAESURA_TRIAL_LIMIT_S"
LIMIT_S: Final = 60.0
"""A load that takes longer counts as one that never ends."""

_LOOK_S: Final = 0.005
_READ_BYTES: Final = 1 << 16
_NAMED: Final = 3
_REMEDY: Final = "Delete it before the await, or mend how it is pickled; caesura.register_reducer() can say how."


@dataclass(frozen=True)
class Failure:
    """``text`` says what happened, ``places`` in which functions, the innermost first."""

    text: str
    places: tuple[str, ...] = ()
    is_hang: bool = False


class Trials:
    """Of one session in one process. ``loaded`` is the home's directory for :class:`LoadedKinds`, ``attach`` what the
    worker was told; ``main`` gives what runs now."""

    def __init__(
        self,
        loaded: Path,
        attach: wire.Attach,
        main: Callable[[], Main | None],
        namespace: Mapping[str, object],
    ) -> None:
        self._stored = LoadedKinds(loaded)
        self._attach = attach
        self._main = main
        self._namespace = namespace
        self._loaded: set[str] = set()
        kinds.begin()
        self._hung: frozenset[str] = frozenset()

    @property
    def environment(self) -> Mapping[str, object]:
        """Of the session, as the coordinator says it."""
        return self._attach.environment

    def note_loaded(self, keys: Iterable[str]) -> None:
        """A snapshot with these kinds has been loaded in this process."""
        self._loaded.update(keys)

    def check(self, saved: Saved, aborted: Callable[[], bool]) -> None:
        """Nothing, if all kinds in the snapshot are known to load or it has just been loaded.

        CannotLoad otherwise; SaveAborted soon after ``aborted()``.
        """
        new = [kind for kind in saved.kinds if kind.key not in self._loaded]
        if not new:
            return
        self._loaded |= self._stored.among([kind.key for kind in new if kind.is_lasting])
        new = [kind for kind in new if kind.key not in self._loaded]
        if not new:
            return
        keys = frozenset(kind.key for kind in new)
        limit_s = _limit_s()
        if self._hung and self._hung <= keys:
            failure: Failure | None = Failure(_hang(limit_s), is_hang=True)  # not as long once more
        else:
            points.reach("trial.before")
            failure = _Trial(self._request(saved), limit_s).run(aborted)
            points.reach("trial.after")
        if failure is None:
            self._loaded |= keys
            self._stored.add(kind.key for kind in new if kind.is_lasting)
            return
        if failure.is_hang:
            self._hung = keys
        raise self._error(failure, new)

    def _request(self, saved: Saved) -> wire.Attach:
        """What a worker would be told that is to load it."""
        main = self._main()
        cell = None if main is None else {"cell_id": main.cell_id, "moves": main.moves}
        stream, buffers = (None, ()) if saved.stream is None else (0, (saved.stream,))
        return replace(
            self._attach, manifest=saved.manifest, cell=cell, answers=(), stream=stream, buffers=buffers, notice=""
        )

    def _error(self, failure: Failure, new: list[Kind]) -> CannotLoad:
        blamed = kinds.holding(new, failure.places)
        suspects = [blamed] if blamed is not None else [kind for kind in new if kind.cls is not None] or new
        suspects.sort(key=lambda kind: kind.is_lasting)  # what the notebook has defined is the likelier one
        named = ", ".join(kind.name for kind in suspects[:_NAMED]) + (", ..." if len(suspects) > _NAMED else "")
        name = named if len(suspects) == 1 else f"one of {named}"
        way = way_to([kind.cls for kind in suspects if kind.cls is not None], self._namespace)
        detail = f"it was saved, but loading it in another process failed: {failure.text}"
        return CannotLoad(name, way, _REMEDY, detail)


def _limit_s() -> float:
    try:
        return float(os.environ.get(VARIABLE, "")) or LIMIT_S
    except ValueError:
        return LIMIT_S


def _hang(limit_s: float) -> str:
    return f"it did not end within {limit_s:g} s"


class _Trial:
    """One process that tries to load one snapshot."""

    def __init__(self, attach: wire.Attach, limit_s: float) -> None:
        wanted = wire.Try(cwd=entered.cwd, env=dict(entered.variables), limit_s=limit_s)
        self._unsent = memoryview(b"".join((*wire.pack(wanted), *wire.pack(attach))))
        self._limit_s = limit_s
        self._deadline = monotonic() + limit_s
        self._pid = 0
        self._started: subprocess.Popen[bytes] | None = None

    def run(self, aborted: Callable[[], bool]) -> Failure | None:
        """What went wrong, or None."""
        try:
            if trial_door.is_open():
                ours, theirs = socket.socketpair()
                with ours:
                    with theirs:
                        is_asked = trial_door.ask(theirs)
                    if is_asked and not isinstance(outcome := self._talk(ours, aborted), _NoZygote):
                        return outcome
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    self._start(theirs)
                outcome = self._talk(ours, aborted)
                return Failure("its process ended at once") if isinstance(outcome, _NoZygote) else outcome
        except OSError as error:
            return Failure(f"no process could be started for it: {error}")
        finally:
            self._end()

    def _start(self, connection: socket.socket) -> None:
        number = connection.fileno()
        self._started = subprocess.Popen(
            [sys.executable, "-m", "caesura.worker", "--trial", str(number)],
            pass_fds=(number,),
            env=dict(entered.variables),
            cwd=entered.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._pid = self._started.pid

    def _talk(self, connection: socket.socket, aborted: Callable[[], bool]) -> Failure | _NoZygote | None:
        connection.setblocking(False)
        unsent, decoder = self._unsent, Decoder()
        poll = select.poll()
        while True:
            if aborted():
                raise SaveAborted("something came before it was known that the session can be loaded")
            if monotonic() > self._deadline:
                return Failure(_hang(self._limit_s), is_hang=True)
            poll.register(connection, select.POLLIN | (select.POLLOUT if unsent else 0))
            if not poll.poll(1000 * _LOOK_S):
                continue
            if unsent:
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    unsent = unsent[connection.send(unsent) :]
            try:
                data = connection.recv(_READ_BYTES)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                return self._ended()
            for body, buffers in decoder.feed(data):
                message = wire.unpack(body, buffers)
                match message:
                    case wire.Forked():
                        self._pid = message.pid
                    case wire.Tried():
                        self._pid = 0  # it ends by itself
                        return Failure(message.error, tuple(message.places)) if message.error else None
                    case wire.WorkerExited():
                        self._pid = 0
                        return Failure(_crash(message.status))
                    case wire.ForkFailed():
                        return Failure(f"no process could be started for it: {message.reason}")

    def _ended(self) -> Failure | _NoZygote:
        if self._started is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return Failure(_crash(self._started.wait(1)))
        return Failure("the process that tried it ended") if self._pid else _NoZygote()

    def _end(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        if self._started is not None:
            self._started.wait()


class _NoZygote:
    """Nobody was there to make a process."""


def _crash(status: int) -> str:
    if status < 0:
        return f"the process that tried it was killed by {signal.Signals(-status).name}"
    return f"the process that tried it ended with exit code {status}"
