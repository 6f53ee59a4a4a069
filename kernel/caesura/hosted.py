"""Kernels that the coordinator hosts for this process, which stands for them without having a process for any.

What lives here: one connection per home that carries all of them, the thread that keeps it, and registering the same
kernels again when the coordinator was lost. What must not: what Jupyter wants to know about a kernel
(``provisioner.py``).
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from caesura.client import ConnectionLost, Link, NoCoordinator, open_link
from caesura.errors import CaesuraError, CoordinatorUnavailable, HomeUnusable, ProtocolMismatch
from caesura.starting import ensure_coordinator
from caesura.wire import messages

log = logging.getLogger(__name__)

OPEN_LIMIT_S: Final = 40.0
"""For the coordinator to start, 15 s, and for ports that are still in use."""
_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_GIVE_UP_S: Final = 600.0

_keepers: dict[Path, _Keeper] = {}
_registry = threading.Lock()


class HostedKernel:
    """One kernel as this process sees it. ``code`` is its exit code once it has ended, with a ``text`` about it."""

    def __init__(self, keeper: _Keeper, opening: messages.OpenKernel) -> None:
        self.opening = opening
        self.code: int | None = None
        self.text = ""
        self.error: CaesuraError | None = None
        self.settled = threading.Event()  # it is opened, or never will be
        self.is_told = False  # whether the coordinator was asked to open it
        self._keeper = keeper

    @property
    def session_id(self) -> str:
        """The id of its session; empty until it is opened."""
        return self.opening.session_id

    @property
    def connection(self) -> messages.Json:
        """The content of its connection file; with its ports once it is opened."""
        return self.opening.connection

    def signal(self, name: str) -> None:
        """``interrupt``, ``terminate`` or ``kill`` it. After a kill it counts as dead at once."""
        if self.code is None:
            self._keeper.say(messages.KernelSignal(signal=name, token=self.opening.token))
            if name == "kill":
                self.code = -9

    def opened(self, message: messages.KernelOpened) -> None:
        self.opening = replace(self.opening, session_id=message.session_id, connection=message.connection)
        self.settled.set()

    def ended(self, code: int, text: str) -> None:
        if self.code is None:
            self.text = text
            self.code = code
        self.settled.set()

    def failed(self, error: CaesuraError) -> None:
        self.error = error
        self.ended(1, str(error))


def open_kernel(
    home: Path,
    environ: Mapping[str, str],
    *,
    connection: messages.Json,
    environment: messages.Json,
    name: str = "",
    session_id: str = "",
    is_known: bool = False,
    limit_s: float = OPEN_LIMIT_S,
) -> HostedKernel:
    """Have the coordinator of ``home`` host a kernel, starting it if need be; blocks until the sockets are bound.

    With ``is_known`` only a session that is still there is taken up; the kernel has ended if it is not. The errors of
    a coordinator that cannot start, or CoordinatorUnavailable with what it said about this kernel.
    """
    opening = messages.OpenKernel(
        connection=connection,
        environment=environment,
        name=name,
        session_id=session_id,
        token=uuid.uuid4().hex,
        is_known=is_known,
    )
    kernel = _add(home, environ, opening)
    if not kernel.settled.wait(limit_s):
        kernel.signal("kill")
        raise CoordinatorUnavailable(f"The coordinator of {home} did not open the kernel within {limit_s:g} s.")
    if kernel.error is not None:
        raise kernel.error
    if kernel.code is not None and not is_known:
        raise CoordinatorUnavailable(kernel.text or "The kernel has ended while it was opened.")
    return kernel


def _add(home: Path, environ: Mapping[str, str], opening: messages.OpenKernel) -> HostedKernel:
    with _registry:
        keeper = _keepers.get(home)
        if keeper is None:
            keeper = _keepers[home] = _Keeper(home, dict(environ))
        kernel = keeper.kernels[opening.token] = HostedKernel(keeper, opening)
        keeper.say(opening)
        return kernel


class _Keeper:
    """The connection to the coordinator of one home. Its thread ends with the last kernel."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.kernels: dict[str, HostedKernel] = {}
        self._home = home
        self._environ = environ
        self._link: Link | None = None
        self._unsaid: deque[messages.Message] = deque()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        threading.Thread(target=self._run, name="caesura-kernels", daemon=True).start()

    def say(self, message: messages.Message) -> None:
        """From any thread: to be sent in its turn, after a reconnection if need be."""
        self._unsaid.append(message)
        with contextlib.suppress(BlockingIOError):  # it is full, so the thread will look anyway
            self._wake.send(b".")

    def _run(self) -> None:
        try:
            while self._is_needed():
                try:
                    if self._link is None:
                        self._connect()
                    self._turn()
                except ConnectionLost:
                    self._drop_link()
                except CaesuraError as error:
                    self._fail(error)
        except Exception as error:
            log.exception("the connection of this process's kernels failed")
            self._fail(CoordinatorUnavailable(f"The connection to the coordinator failed: {error!r}"))
        finally:
            self._close()

    def _is_needed(self) -> bool:
        """Whether there are kernels; if not, the next one gets a keeper of its own."""
        with _registry:
            is_needed = bool(self.kernels or self._unsaid)
            if not is_needed:
                _keepers.pop(self._home, None)
            return is_needed

    def _close(self) -> None:
        with _registry:
            if _keepers.get(self._home) is self:
                del _keepers[self._home]
        self._drop_link()
        self._woken.close()
        self._wake.close()

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    # --- the connection ---------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Find or start the coordinator, patiently if there are kernels to keep; register them all."""
        began = time.monotonic()
        for pause in self._pauses():
            try:
                ensure_coordinator(self._home, self._environ, is_for_notebook=True)
                self._link = open_link(self._home, role="stub")
                break
            except (HomeUnusable, ProtocolMismatch):
                raise
            except CoordinatorUnavailable as error:
                if not isinstance(error, ConnectionLost | NoCoordinator):  # with these it was just ending
                    self._fail(error, [kernel for kernel in self._all() if not kernel.settled.is_set()])
                if not self._all() or time.monotonic() - began > _GIVE_UP_S:
                    raise CoordinatorUnavailable(str(error)) from error
            time.sleep(pause)
        for kernel in self._all():
            if kernel.is_told:  # the others stand in _unsaid
                self._send(kernel.opening)

    def _pauses(self) -> Iterator[float]:
        yield from _PAUSES_S
        while True:
            yield _PAUSES_S[-1]

    def _all(self) -> list[HostedKernel]:
        with _registry:
            return list(self.kernels.values())

    def _turn(self) -> None:
        """Say what there is to say, then wait for one thing to happen."""
        link = self._link
        assert link is not None
        while self._unsaid:
            self._send(self._unsaid[0])
            said = self._unsaid.popleft()
            if isinstance(said, messages.OpenKernel) and (kernel := self.kernels.get(said.token)) is not None:
                kernel.is_told = True
        poll = select.poll()
        poll.register(link.fileno(), select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        if link.is_empty and not self._unsaid:
            poll.poll()
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while (message := link.receive(0)) is not None:
            self._take(message)

    def _send(self, message: messages.Message) -> None:
        assert self._link is not None
        self._link.send(message)

    def _take(self, message: messages.Message) -> None:
        match message:
            case messages.KernelOpened(token=token):
                if (kernel := self.kernels.get(token)) is not None:
                    kernel.opened(message)
            case messages.KernelEnded(token=token, code=code, text=text):
                with _registry:
                    ended = self.kernels.pop(token, None)
                if ended is not None:
                    ended.ended(code, text)

    def _fail(self, error: CaesuraError, kernels: list[HostedKernel] | None = None) -> None:
        """No coordinator can be had: these kernels (None: all) are over for this process."""
        failed = self._all() if kernels is None else kernels
        gone = {kernel.opening.token for kernel in failed}
        with _registry:
            for token in gone:
                self.kernels.pop(token, None)
            kept = [each for each in self._unsaid if getattr(each, "token", "") not in gone]
            self._unsaid.clear()
            self._unsaid.extend(kept)
        for kernel in failed:
            kernel.failed(error)
