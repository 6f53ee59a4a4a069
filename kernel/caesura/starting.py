"""Finding the coordinator of a home, and starting it if none runs.

What lives here: the socket that leads to it, and the process that becomes it. Only what that takes is imported: a
kernel that comes first starts the coordinator before it imports the rest of itself. What must not: messages.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from caesura import config
from caesura.errors import CaesuraError, CoordinatorUnavailable

START_LIMIT_S: Final = 15.0

_POLL_S: Final = 0.005
_NOT_FOR_A_DAEMON: Final = ("JPY_PARENT_PID", "JPY_INTERRUPT_EVENT", "JPY_SESSION_NAME")
_NOTEBOOKS_OWN: Final = ("CAESURA_POLICY", "CAESURA_PARK_AFTER")


class _Closable(Protocol):
    def close(self) -> None: ...


@contextlib.contextmanager
def closed_on_error(thing: _Closable) -> Iterator[None]:
    try:
        yield
    except BaseException:
        thing.close()
        raise


def connect(home: Path) -> socket.socket | None:
    """A socket connected to whoever listens for ``home``, or None."""
    connection = config.read_connection(home)
    if connection is None:
        return None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with closed_on_error(made):
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
    connected = connect(home)
    if connected is None:
        return None
    connected.close()
    return config.read_connection(home)


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
    _make_ready(home)
    until = time.monotonic() + limit_s
    with _start_lock(home, until) as is_ours:
        if (found := running(home)) is not None:
            return found
        if not is_ours:
            raise CoordinatorUnavailable(f"Another process has been starting the coordinator of {home} for too long.")
        with Starting(home, os.environ if environ is None else environ, is_for_notebook=is_for_notebook) as starting:
            return starting.wait(until)


def begin(home: Path, environ: Mapping[str, str]) -> Starting | None:
    """Start the coordinator of ``home`` for a notebook, as :func:`ensure_coordinator` does, and do not wait for it.

    None if one runs, if another process is starting it, or if the home cannot be used: whoever needs the coordinator
    calls :func:`ensure_coordinator`, which says so.
    """
    try:
        if running(home) is not None:
            return None
        _make_ready(home)
    except CaesuraError:
        return None
    with contextlib.ExitStack() as stack:
        if not stack.enter_context(_start_lock(home, 0.0)) or running(home) is not None:
            return None
        starting = Starting(home, environ, is_for_notebook=True)
        starting.keep(stack.pop_all())
        return starting


@contextlib.contextmanager
def _start_lock(home: Path, until: float) -> Iterator[bool]:
    """Held by who starts the coordinator, which holds ``run/lock`` itself; False if it did not become free in time.

    Given up early when a coordinator listens: whoever waits needs the lock no more.
    """
    import fcntl

    descriptor = os.open(config.run_directory(home) / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        is_ours = False
        while not is_ours:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = True
            except BlockingIOError:
                if time.monotonic() >= until or running(home) is not None:
                    break
                time.sleep(_POLL_S)
        yield is_ours
    finally:
        os.close(descriptor)


class Starting:
    """A coordinator that was started and may not listen yet. Use as a context manager or close it."""

    def __init__(self, home: Path, environ: Mapping[str, str], *, is_for_notebook: bool) -> None:
        import subprocess

        variables = _daemon_variables(home, environ, is_for_notebook=is_for_notebook)
        # A notebook's workers will need what this Python imports. (With another PYTHONPATH it would not be theirs.)
        warm = ["--warm"] if is_for_notebook and variables.get("PYTHONPATH") == environ.get("PYTHONPATH") else []
        said_path = config.run_directory(home) / "start.log"
        descriptor = os.open(said_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._home = home
        self._kept = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self._said = stack.enter_context(os.fdopen(descriptor, "r+b"))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "caesura.coordinator", "--home", str(home), *warm],
                env=variables,
                cwd=config.run_directory(home),  # -m puts it on sys.path: it must hold no modules
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,
            )
            self._kept.push(stack.pop_all())

    def keep(self, held: contextlib.ExitStack) -> None:
        """Close ``held`` with this."""
        self._kept.push(held)

    def wait(self, until: float | None = None) -> dict[str, Any]:
        """The connection dict; CoordinatorUnavailable, with what it said, if it does not listen at ``until`` (of
        :func:`time.monotonic`; the default gives it :data:`START_LIMIT_S` from now)."""
        import subprocess

        until = time.monotonic() + START_LIMIT_S if until is None else until
        while True:
            # The process ends with 0 as soon as the daemon that it left behind goes on by itself.
            status = self._process.poll()
            if (found := running(self._home)) is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(max(0.0, until - time.monotonic()))
                return found
            if status:
                self._said.seek(0)
                raise CoordinatorUnavailable(_last_words(self._said.read().decode("utf-8", "replace"), status))
            if time.monotonic() >= until:
                if status is None:
                    self._process.kill()
                    self._process.wait()
                raise CoordinatorUnavailable(
                    f"The coordinator of {self._home} did not become reachable in time. "
                    f"What it said is in {config.log_directory(self._home)}."
                )
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Let others start one; a process that runs goes on."""
        self._kept.close()

    def __enter__(self) -> Starting:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_ready(home: Path) -> None:
    config.make_private(home)
    config.make_private(config.run_directory(home))


def _daemon_variables(home: Path, environ: Mapping[str, str], *, is_for_notebook: bool) -> dict[str, str]:
    left_out = (*_NOT_FOR_A_DAEMON, *(_NOTEBOOKS_OWN if is_for_notebook else ()))
    variables = {name: value for name, value in environ.items() if name not in left_out}
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
