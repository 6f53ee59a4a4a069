"""The process that Jupyter takes for the kernel: it runs no code, and stands for a kernel that the coordinator hosts.

What lives here: handing the connection file over, passing signals on, and registering the same kernel again when the
coordinator was lost. Only the standard library and light modules are imported: one such process exists per notebook.
When it has had nothing to do for some seconds it replaces itself by ``asleep.py``, a smaller program, and comes back as
the same process when something happens.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from caesura import config
from caesura.client import ConnectionLost, Link, NoCoordinator, open_link
from caesura.errors import CaesuraError, CoordinatorUnavailable, HomeUnusable, UsageError
from caesura.starting import Starting, ensure_coordinator
from caesura.wire import messages

_PORTS: Final = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_ADOPTED_LOOK_S: Final = 5.0  # how often to see whether the parent is still there
_LEAVE_S: Final = 10.0  # how long the coordinator has to end the kernel after SIGTERM
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_GIVE_UP_S: Final = 600.0
_QUIET_S: Final = 2.0  # with nothing to do before it falls asleep
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_CAME: Final = "CAESURA_STUB_SIGNALS"


def read_connection_file(path: str) -> dict[str, Any]:
    """Its content; UsageError, which does not show it (it holds the key), if it is no connection file."""
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"The connection file {path!r} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"The connection file {path!r} is not JSON.") from error
    lacking = (
        [name for name in _PORTS if not isinstance(content.get(name), int)]
        if isinstance(content, dict)
        else list(_PORTS)
    )
    if lacking:
        raise UsageError(f"The connection file {path!r} names no {', '.join(lacking)}.")
    return dict(content)


def environment(file: str, arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """What a worker needs to run as if Jupyter had started it."""
    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "cwd": os.getcwd(),
        "env": dict(environ),
        "argv": list(arguments),
        "connection_file": os.path.abspath(file),
    }


class Stub:
    """One kernel, as its starter sees it. :meth:`run` returns the exit code when the kernel has ended."""

    def __init__(
        self,
        connection: dict[str, Any],
        file: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        starting: Starting | None = None,
    ) -> None:
        self._connection = connection
        self._starting = starting
        self._environment = environment(file, arguments, environ)
        self._name = environ.get("JPY_SESSION_NAME", "")
        self._environ = environ
        self._home = config.home_directory(environ)
        self._session_id = ""
        self._signals: list[int] = []
        self._link: Link | None = None
        self._leave_at: float | None = None
        self._parent = os.getppid() if environ.get("JPY_PARENT_PID") else 0
        self._quiet_since = 0.0

    @classmethod
    def awake(
        cls, state: Mapping[str, Any], came: str, file: str, arguments: Sequence[str], environ: Mapping[str, str]
    ) -> Stub:
        """The stub that fell asleep, with the signals that woke it."""
        stub = cls(state["connection"], file, arguments, environ)
        stub._session_id, stub._parent = state["session_id"], state["parent"]
        stub._signals = [int(number) for number in came.split()]
        stub._quiet_since = time.monotonic()
        os.set_inheritable(state["descriptor"], False)
        stub._link = Link(socket.socket(fileno=state["descriptor"]))
        return stub

    def run(self) -> int:
        with self._signals_noted() as wake:
            if self._link is None:
                self._register()
            while True:
                try:
                    ended = self._turn(wake)
                except ConnectionLost:
                    self._drop_link()
                    self._register_again()
                    continue
                if ended is not None:
                    return ended

    # --- the connection ---------------------------------------------------------------------------------------------

    def _register(self) -> None:
        """Have the coordinator host the kernel; the errors of a coordinator that cannot start."""
        if self._starting is not None:
            with self._starting as starting:
                self._starting = None
                starting.wait()
        for pause in (0.05, 0.2, None):
            ensure_coordinator(self._home, self._environ, is_for_notebook=True)
            try:
                self._open()
                return
            except (ConnectionLost, NoCoordinator):  # it was just ending
                if pause is None:
                    raise
                time.sleep(pause)

    def _open(self) -> None:
        # Known before anything is sent: a SIGTERM that comes while the coordinator opens the kernel is passed on.
        self._link = link = open_link(self._home, role="stub")
        try:
            link.send(
                messages.OpenKernel(
                    connection=self._connection,
                    environment=self._environment,
                    name=self._name,
                    session_id=self._session_id,
                )
            )
        except BaseException:
            link.close()
            self._link = None
            if signal.SIGTERM in self._signals:
                raise SystemExit(0) from None  # nobody to pass it on to
            raise

    def _register_again(self) -> None:
        """The coordinator went away: start it and register the same kernel, patiently."""
        began = time.monotonic()
        pauses = iter(_PAUSES_S)
        pause = 0.0
        while True:
            try:
                self._register()
                return
            except HomeUnusable:
                raise
            except CoordinatorUnavailable:
                if time.monotonic() - began > _GIVE_UP_S:
                    raise
            pause = next(pauses, pause)
            time.sleep(pause)

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._leave_at is not None:  # it was to end, and nobody has to be told any more
            raise SystemExit(0)

    def _turn(self, wake: int) -> int | None:
        """Wait for one thing to happen; the exit code if the kernel has ended."""
        link = self._link
        assert link is not None
        readable, _, _ = select.select([link.fileno(), wake], [], [], 0 if self._signals else self._wait_s())
        if readable or self._signals:
            self._quiet_since = time.monotonic()
        elif self._may_sleep(link):
            self._sleep(link)
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 64)
        lost: ConnectionLost | None = None
        try:
            while self._signals:
                self._pass_on(link, self._signals.pop(0))
            self._look_at_parent(link)
        except ConnectionLost as error:
            lost = error  # it may have said that the kernel has ended before it closed the connection
        if (code := self._read(link)) is not None:
            return code
        if lost is not None:
            raise lost
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            return 0
        return None

    def _read(self, link: Link) -> int | None:
        """Take what the coordinator has said; the exit code if the kernel has ended."""
        while (message := link.receive(0)) is not None:
            match message:
                case messages.KernelOpened(session_id=session_id):
                    self._session_id, self._quiet_since = session_id, time.monotonic()
                case messages.KernelEnded(code=code, text=text):
                    if text:
                        _say(text)
                    return code
        return None

    def _wait_s(self) -> float | None:
        if self._is_orphaned:
            return 0.0
        if self._leave_at is not None:
            return max(0.0, self._leave_at - time.monotonic())
        looks_s = [_ADOPTED_LOOK_S] if self._parent else []
        if self._session_id and self._quiet_since:
            looks_s.append(max(0.0, self._quiet_since + _QUIET_S - time.monotonic()))
        return min(looks_s, default=None)

    # --- sleep ------------------------------------------------------------------------------------------------------

    def _may_sleep(self, link: Link) -> bool:
        is_quiet = self._quiet_since and time.monotonic() >= self._quiet_since + _QUIET_S
        may = is_quiet and self._session_id and self._leave_at is None and link.is_empty
        return bool(may and not self._is_orphaned)

    def _sleep(self, link: Link) -> None:
        """Become ``asleep.py``. Does not return, unless a signal came first or this process cannot be replaced."""
        self._quiet_since = 0.0
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if self._signals:
                return
            state = {
                "descriptor": link.fileno(),
                "session_id": self._session_id,
                "parent": self._parent,
                "connection": self._connection,
            }
            program = Path(__file__).with_name("asleep.py")
            known = (link.fileno(), self._parent, round(_ADOPTED_LOOK_S * 1000), sys.executable, *sys.orig_argv[1:])
            os.set_inheritable(link.fileno(), True)
            with contextlib.suppress(OSError):
                variables = {**self._environ, config.STUB_STATE: json.dumps(state)}
                command = [sys.executable, "-I", "-S", str(program), *map(str, known)]
                os.execve(sys.executable, command, variables)
            os.set_inheritable(link.fileno(), False)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    # --- signals ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals_noted(self) -> Iterator[int]:
        """SIGINT and SIGTERM are collected; the descriptor becomes readable when one has come."""
        wake, noted = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(noted, False)
        before = signal.set_wakeup_fd(noted, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)  # blocked, if it was asleep
        try:
            yield wake
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            os.close(wake)
            os.close(noted)
            if self._link is not None:
                self._link.close()

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGTERM and (self._link is None or self._leave_at is not None):
            raise SystemExit(0)  # nobody to pass it on to, or asked for twice
        self._signals.append(number)

    def _pass_on(self, link: Link, number: int) -> None:
        if number == signal.SIGTERM:
            self._leave_at = time.monotonic() + _LEAVE_S
        link.send(messages.KernelSignal(signal="interrupt" if number == signal.SIGINT else "terminate"))

    @property
    def _is_orphaned(self) -> bool:
        """Whether Jupyter is gone, which the coordinator does not know."""
        return bool(self._parent) and os.getppid() != self._parent

    def _look_at_parent(self, link: Link) -> None:
        """Jupyter is gone: a kernel with nothing to do may end, one with a waiting cell goes on (the coordinator
        decides)."""
        if self._is_orphaned:
            link.send(messages.KernelSignal(signal="orphaned"))
            self._parent = 0


def _say(text: str) -> None:
    sys.stderr.write(f"caesura: {text.rstrip()}\n")
    sys.stderr.flush()


def main(file: str, arguments: Sequence[str], starting: Starting | None = None) -> int:
    """Stand for the kernel of the connection ``file``; the exit code. ``starting`` is the coordinator, if it was
    started already."""
    try:
        if not file:
            raise UsageError("No connection file was given: -f FILE.")
        state, came = os.environ.pop(config.STUB_STATE, ""), os.environ.pop(_CAME, "")
        if state:
            return Stub.awake(json.loads(state), came, file, arguments, os.environ).run()
        return Stub(read_connection_file(file), file, arguments, os.environ, starting).run()
    except CaesuraError as error:
        _say(str(error))
        return 1
