"""The coordinator's end of one zygote: have it fork workers, hear of their ends.

What lives here: :class:`Zygote`. What must not: its start (``zygote_process.py``), which zygote serves whom.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from caesura.coordinator.exits import ExitWatch
from caesura.coordinator.interpreters import start_failure
from caesura.coordinator.zygote_process import ZygoteProcess
from caesura.errors import EnvironmentFault
from caesura.wire import Decoder, messages

log = logging.getLogger(__name__)

START_LIMIT_S: Final = 60.0
FORK_LIMIT_S: Final = 30.0
_CHECK_LIMIT_S: Final = 2.0
_TAIL_BYTES: Final = 8192


class ZygoteLost(EnvironmentFault):
    """The zygote ended while it was asked for something; another one may do it."""


class Zygote:
    """One running zygote, for the environment ``key``; a newer one of the same ``group`` replaces it.

    ``on_worker_exit(worker_id, pid, status)`` is called for each worker that it reaps, ``on_lost(zygote)`` once when
    it has ended or was let go; the workers that it forked go on without it.
    """

    def __init__(
        self,
        key: str,
        group: str,
        started: ZygoteProcess,
        *,
        on_worker_exit: Callable[[str, int, int], None],
        on_lost: Callable[[Zygote], None],
    ) -> None:
        self.key = key
        self.group = group
        self.ended = False
        self._process = started.process
        self._executable = started.executable
        self._log, self._log_start = started.log, started.log_start
        self._ours = started.connection
        self._on_worker_exit = on_worker_exit
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[messages.ZygoteReady] = self._loop.create_future()
        self._forks: dict[str, asyncio.Future[int]] = {}
        self._numbers = itertools.count(1)
        self._checks: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._retired = False
        self._preloaded: messages.Preloaded | None = None
        self._exited = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._watch: ExitWatch | None = None
        try:
            self._watch = ExitWatch(self._process.pid, self._exited.set)
            self._watch.arm()
        except ProcessLookupError:
            self._exited.set()
        self._reading = self._loop.create_task(self._read(), name=f"zygote {key}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, message: messages.Message) -> None:
        """Send it something that it does not answer at once."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.writelines(messages.pack(message))

    def describe(self) -> dict[str, Any]:
        """Its row in the status."""
        known = self._preloaded
        return {
            "pid": self.pid,
            "environment": self._executable,
            "preloaded": [] if known is None else list(known.names),
            "refused": {} if known is None else dict(known.refused),
        }

    async def check_complete(self, code: str) -> dict[str, Any] | None:
        """The content of an is_complete_reply; None if it does not come."""
        if self._writer is None or self._writer.is_closing():
            return None
        number = next(self._numbers)
        answer = self._checks[number] = self._loop.create_future()
        self.tell(messages.CheckComplete(number=number, code=code))
        try:
            return await asyncio.wait_for(answer, _CHECK_LIMIT_S)
        except TimeoutError:
            return None
        finally:
            del self._checks[number]

    async def ready(self) -> messages.ZygoteReady:
        """What the zygote says of its environment; EnvironmentFault, with a text for the user, if it cannot start."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), START_LIMIT_S)
        except TimeoutError:
            self.kill()
            raise start_failure(self._executable, None, self._said(), self._log) from None

    async def fork(self, worker_id: str, cwd: str, variables: Mapping[str, str]) -> int:
        """The pid of a new worker; EnvironmentFault if the fork failed, ZygoteLost if the zygote has ended."""
        await self.ready()
        if self.ended or self._writer is None or self._writer.is_closing():
            raise ZygoteLost(f"The zygote {self.pid} has ended.")
        answer = self._forks[worker_id] = self._loop.create_future()
        try:
            self._writer.writelines(messages.pack(messages.Fork(worker_id=worker_id, cwd=cwd, env=dict(variables))))
            return await asyncio.wait_for(answer, FORK_LIMIT_S)
        except TimeoutError:
            self.kill()
            raise EnvironmentFault(f"The zygote {self.pid} did not fork a worker in {FORK_LIMIT_S:g} s.") from None
        finally:
            self._forks.pop(worker_id, None)
            self._close_if_unused()

    def retire(self) -> None:
        """Let it end as soon as no fork is under way."""
        self._retired = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._retired and not self._forks and self._writer is not None:
            self._writer.close()

    def kill(self) -> None:
        if self._watch is not None:
            self._watch.kill()

    async def close(self) -> None:
        """End it: it leaves at the end of its socket, or is killed after two seconds."""
        self.retire()
        try:
            await asyncio.wait_for(self._exited.wait(), 2.0)
        except TimeoutError:
            self.kill()
        await self._reading

    async def _read(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._ours)
        self._close_if_unused()
        decoder = Decoder()
        receiving = self._loop.create_task(self._receive(reader, decoder))
        exited = self._loop.create_task(self._exited.wait())
        await asyncio.wait({receiving, exited}, return_when=asyncio.FIRST_COMPLETED)
        # A worker that is just being forked may hold the other end open: its zygote's last words come first.
        await asyncio.wait({receiving}, timeout=0.5)
        receiving.cancel()
        await asyncio.wait({receiving})
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(exited, 2.0)
        if not self._exited.is_set():
            self.kill()
            await self._exited.wait()
        self._lost(self._process.wait())

    async def _receive(self, reader: asyncio.StreamReader, decoder: Decoder) -> None:
        try:
            while data := await reader.read(1 << 16):
                for body, buffers in decoder.feed(data):
                    self._take(messages.unpack(body, buffers))
        except (ConnectionError, EnvironmentFault) as error:
            log.warning("the zygote %d was let go: %s", self.pid, error)

    def _take(self, message: messages.Message) -> None:
        match message:
            case messages.ZygoteReady():
                if not self._ready.done():
                    self._ready.set_result(message)
            case messages.Preloaded():
                self._preloaded = message
                log.info("the zygote %d has imported %s", self.pid, ", ".join(message.names) or "nothing")
            case messages.Forked(worker_id=worker_id, pid=pid):
                if (answer := self._forks.get(worker_id)) is not None and not answer.done():
                    answer.set_result(pid)
                else:
                    log.warning("the zygote %d forked %s (pid %d) too late", self.pid, worker_id, pid)
            case messages.ForkFailed(worker_id=worker_id, reason=reason):
                if (answer := self._forks.get(worker_id)) is not None and not answer.done():
                    answer.set_exception(EnvironmentFault(f"No worker could be forked: {reason}"))
            case messages.Completeness(number=number, content=content):
                if (asked := self._checks.get(number)) is not None and not asked.done():
                    asked.set_result(content)
            case messages.WorkerExited(worker_id=worker_id, pid=pid, status=status):
                self._on_worker_exit(worker_id, pid, status)
            case _:
                log.warning("the zygote %d sent an unexpected %s", self.pid, type(message).__name__)

    def _lost(self, status: int) -> None:
        self.ended = True
        if not self._ready.done():
            self._ready.set_exception(start_failure(self._executable, status, self._said(), self._log))
            self._ready.exception()  # whoever asks gets it; nobody has to ask
        for asked in self._checks.values():
            if not asked.done():
                asked.set_result(None)
        for answer in self._forks.values():
            if not answer.done():
                answer.set_exception(ZygoteLost(f"The zygote {self.pid} ended with status {status}."))
        self._on_lost(self)

    def _said(self) -> str:
        """What it has written to its log."""
        try:
            with self._log.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, file.tell() - _TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError as error:
            return f"(its log cannot be read: {error.strerror})"
