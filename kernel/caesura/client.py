"""Talking to the coordinator of a home: find it, start it if need be, ask it.

What lives here: the blocking ends of a connection. Only the standard library and the light modules of this package
are imported, because the stub of every notebook uses it. What must not: what the answers mean.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import caesura
from caesura import config, errors
from caesura.errors import CaesuraError, CoordinatorUnavailable, ProtocolMismatch
from caesura.model import PROTOCOL
from caesura.wire import Decoder, messages
from caesura.wire.codec import Buffer, MalformedFrame

START_LIMIT_S: Final = 15.0
ANSWER_LIMIT_S: Final = 30.0

_POLL_S = 0.005
_NOT_FOR_A_DAEMON: Final = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "JPY_SESSION_NAME")
_NOTEBOOKS_OWN: Final = ("CAESURA_POLICY", "CAESURA_PARK_AFTER")


class ConnectionLost(CoordinatorUnavailable):
    """The other side closed the connection."""


class NoCoordinator(CoordinatorUnavailable):
    """Nobody listens for this home."""


class Link:
    """A stream of messages over a connected socket, one at a time. Use as a context manager or close it."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()  # select() knows no descriptor above 1023, which a server may well have
        self._poll.register(connected, select.POLLIN)
        self._decoder = Decoder()
        self._arrived: deque[messages.Message] = deque()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read that has not been received."""
        return not self._arrived and self._decoder.is_empty

    def send(self, message: messages.Message) -> None:
        """Send it; ConnectionLost if nobody is there any more."""
        try:
            for part in messages.pack(message):
                self._socket.sendall(part)
        except OSError as error:
            raise ConnectionLost(f"The connection to the coordinator was lost: {error.strerror}.") from error

    def receive(self, timeout_s: float | None = None) -> messages.Message | None:
        """The next message; None if there is none within ``timeout_s`` (None: wait for ever). ConnectionLost at the
        end of the connection."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._arrived:
            rest = None if until is None else max(0.0, until - time.monotonic())
            if not self._poll.poll(None if rest is None else math.ceil(rest * 1000)):
                return None
            self._read()
        return self._arrived.popleft()

    def _read(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
        except OSError as error:
            raise ConnectionLost(f"The connection to the coordinator was lost: {error.strerror}.") from error
        if not data:
            raise ConnectionLost("The coordinator closed the connection.")
        for body, buffers in self._decoder.feed(data):
            # A message that only a newer coordinator knows says nothing to us.
            with contextlib.suppress(MalformedFrame):
                self._arrived.append(messages.unpack(body, buffers))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_link(home: Path, *, role: str, answer_s: float = ANSWER_LIMIT_S) -> Link:
    """A connection to the running coordinator of ``home``, past the greeting.

    NoCoordinator if none runs, CoordinatorUnavailable if it does not answer, ProtocolMismatch if it speaks another
    protocol.
    """
    connected = _connect(home)
    if connected is None:
        raise NoCoordinator(f"No coordinator runs for the home {home}. Start it with `caesura start`.")
    link = Link(connected)
    with _closed_on_error(link):
        link.send(messages.Hello(role=role, version=caesura.__version__, pid=os.getpid()))
        _check_greeting(link.receive(answer_s), home)
    return link


def _check_greeting(message: messages.Message | None, home: Path) -> None:
    match message:
        case messages.Welcome(protocol=protocol) | messages.Refused(protocol=protocol) if protocol != PROTOCOL:
            raise ProtocolMismatch(PROTOCOL, protocol)
        case messages.Refused(reason=reason):
            raise CoordinatorUnavailable(reason)
        case messages.Welcome():
            return
    raise CoordinatorUnavailable(
        f"The coordinator of {home} does not answer. Look at `caesura logs`, or stop it with `caesura stop --force`."
    )


@contextlib.contextmanager
def _closed_on_error(thing: Link | socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        thing.close()
        raise


def _connect(home: Path) -> socket.socket | None:
    """A socket connected to whoever listens for ``home``, or None."""
    connection = config.read_connection(home)
    if connection is None:
        return None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _closed_on_error(made):
        if made.connect_ex(connection["socket"]):
            made.close()
            return None
        if (uid := peer_uid(made)) not in (None, os.geteuid()):
            raise CoordinatorUnavailable(f"The process behind {connection['socket']} belongs to another user ({uid}).")
    return made


def peer_uid(connected: socket.socket) -> int | None:
    """Whose process is at the other end of a unix socket; None if the system does not say."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    with contextlib.suppress(OSError):  # macOS: struct xucred by SOL_LOCAL, LOCAL_PEERCRED
        return int(struct.unpack_from("II", connected.getsockopt(0, 1, 76))[1])
    return None


def running(home: Path) -> dict[str, Any] | None:
    """The connection dict of the coordinator that listens for ``home``, or None."""
    connected = _connect(home)
    if connected is None:
        return None
    connected.close()
    return config.read_connection(home)


class Client:
    """Questions to the running coordinator of ``home``, one after the other. Not thread-safe.

    NoCoordinator if none runs: :func:`ensure_coordinator` starts one.
    """

    def __init__(self, home: Path, *, timeout_s: float = ANSWER_LIMIT_S) -> None:
        self._link = open_link(home, role="client", answer_s=timeout_s)
        self._timeout_s = timeout_s
        self._number = 0
        self._events: deque[messages.Event] = deque()

    def request(self, method: str, /, **params: Any) -> Any:
        """The result of ``method``; the error of :mod:`caesura.errors` that the coordinator names if it fails."""
        return self.call(method, params).result

    def call(self, method: str, params: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> messages.Reply:
        """As :meth:`request`, with buffers, and the whole reply as the result."""
        self._number += 1
        request = messages.Request(number=self._number, method=method, params=dict(params), buffers=tuple(buffers))
        self._link.send(request)
        until = time.monotonic() + self._timeout_s
        while True:
            message = self._link.receive(max(0.0, until - time.monotonic()))
            match message:
                case None:
                    raise CoordinatorUnavailable(f"The coordinator did not answer {method} in {self._timeout_s:g} s.")
                case messages.Reply(number=self._number):
                    if message.error:
                        raise error_of(message)
                    return message
                case messages.Event():
                    self._events.append(message)

    def subscribe(self) -> Iterator[messages.Event]:
        """Events as they come, for as long as the coordinator runs; ConnectionLost after that."""
        self.request("subscribe")
        return self._listen()

    def _listen(self) -> Iterator[messages.Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            message = self._link.receive()
            if isinstance(message, messages.Event):
                yield message

    def close(self) -> None:
        self._link.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def error_of(reply: messages.Reply) -> CaesuraError:
    """The exception that a failed reply describes."""
    cls = getattr(errors, reply.error_type, None)
    if not (isinstance(cls, type) and issubclass(cls, CaesuraError)):
        cls = CaesuraError
    error = cls.__new__(cls, reply.error)  # not through __init__: some classes make their text of other arguments
    error.args = (reply.error,)
    return error


# --- starting a coordinator -----------------------------------------------------------------------------------------


def ensure_coordinator(
    home: Path,
    environ: Mapping[str, str] | None = None,
    *,
    is_for_notebook: bool = False,
    limit_s: float = START_LIMIT_S,
) -> dict[str, Any]:
    """The connection dict of the coordinator of ``home``, which is started if none runs.

    With ``is_for_notebook`` it does not take over what ``environ`` sets for one notebook or program alone: whoever
    happens to come first decides nothing for the others.

    Any number of processes may call this at once: one of them starts it. HomeUnusable if the home cannot be used,
    CoordinatorUnavailable, with what the coordinator said, if it does not listen within ``limit_s``.
    """
    if (found := running(home)) is not None:
        return found
    config.make_private(home)
    config.make_private(config.run_directory(home))
    until = time.monotonic() + limit_s
    with _start_lock(home, until) as is_ours:
        if (found := running(home)) is not None:
            return found
        if not is_ours:
            raise CoordinatorUnavailable(f"Another process has been starting the coordinator of {home} for too long.")
        variables = dict(os.environ if environ is None else environ)
        if is_for_notebook:
            for name in _NOTEBOOKS_OWN:
                variables.pop(name, None)
        return _start(home, variables, until, is_for_notebook=is_for_notebook)


@contextlib.contextmanager
def _start_lock(home: Path, until: float) -> Iterator[bool]:
    """Held by who starts the coordinator, which holds ``run/lock`` itself; False if it did not become free in time.

    Given up early when a coordinator listens: whoever waits needs the lock no more.
    """
    import fcntl

    descriptor = os.open(config.run_directory(home) / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        is_ours = False
        while not is_ours and time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = True
            except BlockingIOError:
                if running(home) is not None:
                    break
                time.sleep(_POLL_S)
        yield is_ours
    finally:
        os.close(descriptor)


def _start(home: Path, environ: Mapping[str, str], until: float, *, is_for_notebook: bool) -> dict[str, Any]:
    import subprocess

    variables = _daemon_variables(home, environ)
    # A notebook's workers will need what this Python imports. (With another PYTHONPATH it would not be theirs.)
    warm = ["--warm"] if is_for_notebook and variables.get("PYTHONPATH") == environ.get("PYTHONPATH") else []

    said_path = config.run_directory(home) / "start.log"
    descriptor = os.open(said_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "caesura.coordinator", "--home", str(home), *warm],
            env=variables,
            cwd=config.run_directory(home),  # -m puts it on sys.path: it must hold no modules
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        while True:
            # The process ends with 0 as soon as the daemon that it left behind goes on by itself.
            status = process.poll()
            if (found := running(home)) is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, until - time.monotonic()))
                return found
            if status:
                said.seek(0)
                raise CoordinatorUnavailable(_last_words(said.read().decode("utf-8", "replace"), status))
            if time.monotonic() >= until:
                if status is None:
                    process.kill()
                    process.wait()
                raise CoordinatorUnavailable(
                    f"The coordinator of {home} did not become reachable in time. "
                    f"What it said is in {config.log_directory(home)}."
                )
            time.sleep(_POLL_S)


def _daemon_variables(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    variables = {name: value for name, value in environ.items() if name not in _NOT_FOR_A_DAEMON}
    if path := variables.get("PYTHONPATH"):  # the daemon does not start in this directory
        variables["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in path.split(os.pathsep) if entry)
    variables["CAESURA_HOME"] = str(home)
    return variables


def _last_words(said: str, status: int) -> str:
    """What a coordinator that could not start wants the user to know."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    if not lines:
        return f"The coordinator could not start: it ended with status {status} and said nothing."
    # A traceback is ours to read, not the user's: its last line says what happened.
    text = (
        f"The coordinator could not start: {lines[-1]}" if said.lstrip().startswith("Traceback") else "\n".join(lines)
    )
    return text.removeprefix("caesura: ")
