"""The workers as processes: start them, know when they end, kill them.

What lives here: :class:`WorkerProcesses`, which forks workers from one zygote per environment, or spawns them. What
must not: what a worker does, how many there should be.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caesura.coordinator import exits, interpreters, zygote_process
from caesura.coordinator.exits import ExitWatch
from caesura.coordinator.zygote import Zygote, ZygoteLost
from caesura.coordinator.zygote_process import ZygoteProcess, open_log
from caesura.errors import EnvironmentFault
from caesura.wire.messages import Message, ZygoteReady

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
OnExit = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class _Worker:
    worker_id: str
    pid: int
    watch: ExitWatch | None  # None: it has ended, and its zygote is about to say so
    zygote: Zygote | None = None
    process: subprocess.Popen[bytes] | None = None


class WorkerProcesses:
    """All workers of one coordinator. Everything runs on the loop that is running when it is made.

    ``on_exit(worker_id, pid, status)`` is called once for each worker that has ended; ``status`` is as from
    ``os.waitstatus_to_exitcode``, or None for a worker that another process had to reap.
    """

    def __init__(
        self, *, home: Path, socket: Path, hash_seed: int, start_method: str = "fork", on_exit: OnExit
    ) -> None:
        self._home = home
        self._socket = socket
        self._hash_seed = hash_seed
        self._spawns = start_method == "spawn" or not hasattr(os, "fork")
        self._on_exit = on_exit
        self._zygotes: dict[str, Zygote] = {}  # by environment key
        self._all_zygotes: set[Zygote] = set()  # with those that were retired
        self._known: dict[str, ZygoteReady] = {}
        self._workers: dict[str, _Worker] = {}
        self._forking: dict[str, tuple[int, int | None] | None] = {}  # with the pid and status of one that has ended
        self._closing = False

    @staticmethod
    def environment_key(environment: Json) -> str:
        """Environments with the same key share a zygote."""
        return interpreters.environment_key(environment)

    @staticmethod
    def started(pid: int) -> str:
        """The identity of a live process beside its pid, to be recorded with it; "" if there is no such process."""
        return exits.started(pid)

    def take(self, started: ZygoteProcess) -> None:
        """The zygote of an environment that will soon be asked for was started early."""
        self._add(self.environment_key(started.environment), started)

    def tell_zygote(self, key: str, message: Message) -> None:
        """To the zygote of the environment ``key``; nothing if there is none."""
        zygote = self._zygotes.get(key)
        if zygote is not None and not zygote.ended:
            zygote.tell(message)

    async def check_complete(self, key: str, code: str) -> Json | None:
        """The content of an is_complete_reply for ``code``; None if the environment has no zygote to say it."""
        zygote = self._zygotes.get(key)
        return None if zygote is None or zygote.ended else await zygote.check_complete(code)

    def describe_zygotes(self) -> list[dict[str, Any]]:
        """For the status: each zygote, what it takes, and which modules it has imported for sessions to come."""
        return [zygote.describe() for zygote in self._zygotes.values() if not zygote.ended]

    async def ready(self, environment: Json) -> ZygoteReady:
        """What this environment is (kernel_info, frames); starts its zygote if there is none.

        EnvironmentFault if it cannot run workers; its text is for the user's cell.
        """
        key = self.environment_key(environment)
        if self._spawns and key in self._known:
            return self._known[key]
        zygote = self._zygote(key, environment)
        found = await zygote.ready()
        if self._spawns:
            self._known[key] = found
            zygote.retire()
        return found

    async def fork(self, worker_id: str, environment: Json) -> int:
        """The pid of a new worker for ``environment``; EnvironmentFault, with a text for the user, if none starts."""
        variables = self._variables(environment)
        cwd = str(environment.get("cwd") or "")
        if self._spawns:
            return self._spawn(worker_id, environment, cwd, variables)
        self._forking[worker_id] = None
        try:
            zygote, pid = await self._fork(worker_id, environment, cwd, variables)
        finally:
            ended = self._forking.pop(worker_id)
        worker = self._workers[worker_id] = _Worker(worker_id, pid, None, zygote)
        worker.watch = self._watch(worker)
        if ended is not None:  # before we knew that it was there; who awaits this learns the pid first
            asyncio.get_running_loop().call_soon(self._ended, worker_id, *ended)
        elif zygote.ended:
            self._adopt_from(zygote)
        return pid

    async def _fork(
        self, worker_id: str, environment: Json, cwd: str, variables: Mapping[str, str]
    ) -> tuple[Zygote, int]:
        zygote = self._zygote(self.environment_key(environment), environment)
        try:
            return zygote, await zygote.fork(worker_id, cwd, variables)
        except ZygoteLost as error:
            log.warning("%s Another one is started.", error)
        zygote = self._zygote(self.environment_key(environment), environment)
        return zygote, await zygote.fork(worker_id, cwd, variables)

    def adopt(self, worker_id: str, pid: int, started: str) -> bool:
        """Watch a worker that an earlier coordinator started; False if it has ended (its pid may be another's now)."""
        worker = _Worker(worker_id, pid, None)
        try:
            worker.watch = ExitWatch(pid, lambda: self._ended(worker_id, pid, None), started)
        except (ProcessLookupError, PermissionError):
            return False
        self._workers[worker_id] = worker
        worker.watch.arm()
        return True

    def kill(self, pid: int, started: str = "") -> bool:
        """SIGKILL to a worker and its process group; whether there was something to kill.

        Never hits another process that got the same pid. A process that is not a worker of ours is only killed if
        ``started`` says which one is meant.
        """
        for worker in self._workers.values():
            if worker.pid == pid and (not started or (worker.watch is not None and worker.watch.started == started)):
                if worker.watch is None:
                    return False
                worker.watch.kill()
                return True
        if not started:
            return False
        try:
            watch = ExitWatch(pid, lambda: None, started)
        except (ProcessLookupError, PermissionError):
            return False
        watch.kill()
        watch.close()
        return True

    async def close(self, *, kill_workers: bool = True) -> None:
        """End the zygotes, and the workers unless they are to go on for the next coordinator. Nobody is called."""
        self._closing = True
        for worker in self._workers.values():
            if worker.watch is not None:
                if kill_workers:
                    worker.watch.kill()
                worker.watch.close()
            if worker.process is not None:
                if kill_workers:
                    worker.process.wait()
                else:
                    worker.process.returncode = 0  # it goes on: not ours to reap
        self._workers.clear()
        await asyncio.gather(*(zygote.close() for zygote in self._all_zygotes))

    # --- zygotes ----------------------------------------------------------------------------------------------------

    def _zygote(self, key: str, environment: Json) -> Zygote:
        zygote = self._zygotes.get(key)
        if zygote is not None and not zygote.ended:
            return zygote
        variables = interpreters.zygote_variables(self._variables(environment), str(environment.get("cwd") or ""))
        return self._add(key, zygote_process.start(environment, variables, self._home, key))

    def _add(self, key: str, started: ZygoteProcess) -> Zygote:
        group = interpreters.environment_group(started.environment)
        zygote = Zygote(key, group, started, on_worker_exit=self._ended, on_lost=self._zygote_lost)
        log.info("zygote %d started for %s", zygote.pid, started.executable)
        for other in self._zygotes.values():
            if other.group == zygote.group:  # packages were installed since: it has old ones imported
                other.retire()
        self._zygotes[key] = zygote
        self._all_zygotes.add(zygote)
        return zygote

    def _zygote_lost(self, zygote: Zygote) -> None:
        self._all_zygotes.discard(zygote)
        if self._zygotes.get(zygote.key) is zygote:
            del self._zygotes[zygote.key]
        if not self._closing:
            self._adopt_from(zygote)

    def _adopt_from(self, zygote: Zygote) -> None:
        """Nobody tells us of the ends of a dead zygote's workers any more: watch them ourselves."""
        for worker in list(self._workers.values()):
            if worker.zygote is zygote:
                worker.zygote = None
                if worker.watch is None:  # it had ended, and its zygote cannot say how any more
                    asyncio.get_running_loop().call_soon(self._ended, worker.worker_id, worker.pid, None)
                else:
                    worker.watch.arm()

    def _variables(self, environment: Json) -> dict[str, str]:
        return interpreters.process_variables(
            environment, home=self._home, socket=self._socket, hash_seed=self._hash_seed
        )

    # --- single workers ---------------------------------------------------------------------------------------------

    def _spawn(self, worker_id: str, environment: Json, cwd: str, variables: Mapping[str, str]) -> int:
        executable = interpreters.interpreter(environment)
        descriptor = open_log(self._home / "logs" / "workers.log")
        try:
            process = subprocess.Popen(
                [executable, "-m", "caesura.worker", "--worker-id", worker_id],
                env=dict(variables),
                cwd=cwd if os.path.isdir(cwd) else os.path.expanduser("~"),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFault(f"{executable} cannot be started: {error.strerror}") from error
        finally:
            os.close(descriptor)
        worker = self._workers[worker_id] = _Worker(worker_id, process.pid, None, process=process)
        worker.watch = self._watch(worker)
        if worker.watch is None:
            asyncio.get_running_loop().call_soon(self._spawned_ended, worker)
        else:
            worker.watch.arm()
        return process.pid

    def _watch(self, worker: _Worker) -> ExitWatch | None:
        try:
            return ExitWatch(worker.pid, lambda: self._spawned_ended(worker))
        except ProcessLookupError:
            return None

    def _spawned_ended(self, worker: _Worker) -> None:
        status = worker.process.wait() if worker.process is not None else None
        self._ended(worker.worker_id, worker.pid, status)

    def _ended(self, worker_id: str, pid: int, status: int | None) -> None:
        if worker_id in self._forking:
            self._forking[worker_id] = (pid, status)
            return
        worker = self._workers.get(worker_id)
        if self._closing or worker is None or worker.pid != pid:
            return
        del self._workers[worker_id]
        if worker.watch is not None:
            worker.watch.close()
        self._on_exit(worker_id, pid, status)
