"""The process that Jupyter takes for the kernel: it runs no code, and stands for a kernel that the coordinator hosts.

What lives here: handing the connection file over, passing signals on, and registering the same kernel again when the
coordinator was lost. Only the standard library and light modules are imported: one such process exists per notebook.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from caesura import config
from caesura.client import ConnectionLost, Link, NoCoordinator, ensure_coordinator, open_link
from caesura.errors import CaesuraError, CoordinatorUnavailable, HomeUnusable, UsageError
from caesura.wire import messages

_FLAGS: Final = ("-f", "--f", "--connection-file", "--IPKernelApp.connection_file")
_PORTS: Final = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_ADOPTED_LOOK_S: Final = 5.0  # how often to see whether the parent is still there
_LEAVE_S: Final = 10.0  # how long the coordinator has to end the kernel after SIGTERM
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_GIVE_UP_S: Final = 600.0


def connection_file(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """(connection file, the other arguments), or None if none is named."""
    found: str | None = None
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        name, equals, value = argument.partition("=")
        if name in _FLAGS:
            found = value if equals else next(left, "")
        else:
            rest.append(argument)
    return None if found is None else (found, rest)


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


def environment(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """What a worker needs to run as if Jupyter had started it."""
    return {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "cwd": os.getcwd(),
        "env": dict(environ),
        "argv": list(arguments),
    }


class Stub:
    """One kernel, as its starter sees it. :meth:`run` returns the exit code when the kernel has ended."""

    def __init__(self, connection: dict[str, Any], arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._connection = connection
        self._environment = environment(arguments, environ)
        self._name = environ.get("JPY_SESSION_NAME", "")
        self._environ = environ
        self._home = config.home_directory(environ)
        self._session_id = ""
        self._signals: list[int] = []
        self._link: Link | None = None
        self._leave_at: float | None = None
        self._parent = os.getppid() if environ.get("JPY_PARENT_PID") else 0

    def run(self) -> int:
        with self._signals_noted() as wake:
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
        for pause in (0.05, 0.2, None):
            ensure_coordinator(self._home, self._environ, is_for_notebook=True)
            try:
                self._link = self._opened()
                return
            except (ConnectionLost, NoCoordinator):  # it was just ending
                if pause is None:
                    raise
                time.sleep(pause)

    def _opened(self) -> Link:
        link = open_link(self._home, role="stub")
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
            raise
        return link

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
        readable, _, _ = select.select([link.fileno(), wake], [], [], self._wait_s())
        if wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 64)
        while self._signals:
            self._pass_on(link, self._signals.pop(0))
        self._look_at_parent(link)
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            return 0
        while (message := link.receive(0)) is not None:
            match message:
                case messages.KernelOpened(session_id=session_id):
                    self._session_id = session_id
                case messages.KernelEnded(code=code, text=text):
                    if text:
                        _say(text)
                    return code
        return None

    def _wait_s(self) -> float | None:
        if self._leave_at is not None:
            return max(0.0, self._leave_at - time.monotonic())
        return _ADOPTED_LOOK_S if self._parent else None

    # --- signals ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals_noted(self) -> Iterator[int]:
        """SIGINT and SIGTERM are collected; the descriptor becomes readable when one has come."""
        wake, noted = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(noted, False)
        before = signal.set_wakeup_fd(noted, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
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

    def _look_at_parent(self, link: Link) -> None:
        """Jupyter is gone: a kernel with nothing to do may end, one with a waiting cell goes on (the coordinator
        decides)."""
        if self._parent and os.getppid() != self._parent:
            self._parent = 0
            link.send(messages.KernelSignal(signal="orphaned"))


def _say(text: str) -> None:
    sys.stderr.write(f"caesura: {text.rstrip()}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Stand for the kernel of the connection file that ``arguments`` name; the exit code."""
    try:
        found = connection_file(arguments)
        if found is None or not found[0]:
            raise UsageError("No connection file was given: -f FILE.")
        return Stub(read_connection_file(found[0]), found[1], os.environ).run()
    except CaesuraError as error:
        _say(str(error))
        return 1
