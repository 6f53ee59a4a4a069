"""A coordinator's core in a world without time, processes and sockets, but with real records.

The world goes on in steps: one message read, one transaction made, one process started. A test stops it at a named
point, does something, and lets it go on.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_worker import FakeWorker

from caesura.clock import ManualClock
from caesura.coordinator import commands as do
from caesura.coordinator.core import Core
from caesura.coordinator.limits import Limits
from caesura.coordinator.recovery import read_everything
from caesura.coordinator.state import Session
from caesura.policy import parse
from caesura.store.records import Records
from caesura.wire import messages as wire

STUB = 1
CLIENT = 90
SERVER = 77
"""The pid of the Jupyter Server, for notebooks that are opened with ``JPY_PARENT_PID``."""
CONNECTION = {
    "ip": "127.0.0.1",
    "transport": "tcp",
    "key": "k",
    **{f"{name}_port": 5000 + n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"))},
}


def environment(**variables: str) -> dict[str, Any]:
    return {"executable": "/usr/bin/python3", "prefix": "/usr", "cwd": "/", "env": dict(variables), "argv": []}


class World:
    """Everything around one core. ``trace`` is what the programs of all workers noted."""

    def __init__(
        self, directory: Path, *, policy: str = "always", workers: int = 1, idle_exit_s: float = 600, **limits: Any
    ) -> None:
        self.clock = ManualClock()
        self.records = Records.open(directory / "records.sqlite")
        self.limits = Limits(workers=workers, policy=parse(policy), idle_exit_s=idle_exit_s, **limits)
        self.trace: list[str] = []
        self.workers: dict[str, FakeWorker] = {}
        self.front: list[do.Command] = []
        self.sent_marks: dict[str, int] = {}
        self.processes = {SERVER: "since noon"}
        self.bound: set[str] = set()
        self.begun: set[tuple[str, str]] = set()  # (session, cell) of caesura.store.begun
        self.told: list[tuple[int, wire.Message]] = []
        self.memory = 0.9
        self.frames = ""
        self.point = ""
        self._pids = itertools.count(1000)
        self._ids = itertools.count(1)
        self._messages = itertools.count(1)
        self.load_error = ""
        self.fork_error = ""
        self.obstacles: list[dict[str, Any]] = []
        self.save_obstacles: list[dict[str, Any]] = []
        self.start_core()

    def start_core(self) -> None:
        self.core = Core(
            self.limits,
            self.clock,
            environment_key=lambda env: f"{env.get('executable')}:{env.get('prefix')}",
            memory_fraction=lambda: self.memory,
            new_id=lambda: f"id{next(self._ids)}",
            about={"pid": 1, "version": "0", "home": "/h", "started": 0.0},
        )
        self.core.is_untouched = lambda session_id, *block: any(
            worker.session_id == session_id and worker.untouched == block for worker in self.workers.values()
        )
        self.core.started = lambda pid: self.processes.get(pid, "")
        self.timers: dict[do.TimerName, float] = {}
        self.jobs: deque[do.Persist] = deque()
        self.thens: deque[tuple[do.Persist, Any]] = deque()
        self.starting: deque[do.StartWorker] = deque()
        self.learning: deque[do.NeedEnvironment] = deque()
        self.binding: deque[str] = deque()
        self.killing: deque[str] = deque()
        self.gone: set[str] = set()
        self.quit = ""

    # --- steps ------------------------------------------------------------------------------------------------------

    def act(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Let an event into the core."""
        result = function(*arguments)
        for command in self.core.take():
            self._carry_out(command)
        return result

    def _carry_out(self, command: do.Command) -> None:
        match command:
            case do.SendWorker(worker_id, message):
                worker = self.workers.get(worker_id)
                if worker is not None and worker.is_linked and worker.is_alive:
                    worker.received.append(message)
                if isinstance(message, wire.Freeze | wire.Verdict | wire.Attach | wire.Go | wire.Deliver):
                    self.point = f"sent {type(message).__name__}"
            case do.SendLink(link, message):
                self.told.append((link, message))
            case do.Persist():
                self.jobs.append(command)
            case do.SetTimer(name, at):
                self.timers[name] = at
            case do.CancelTimer(name):
                self.timers.pop(name, None)
            case do.StartWorker():
                self.starting.append(command)
            case do.KillWorker(worker_id):
                self.killing.append(worker_id)
            case do.NeedEnvironment():
                self.learning.append(command)
            case do.BindFront(session_id, _):
                self.binding.append(session_id)
            case do.FrontSend(session_id, place=place) if place:
                if place > self.sent_marks.get(session_id, 0):  # they outlive a coordinator
                    self.sent_marks[session_id] = place
                    self.front.append(command)
            case do.FrontSend() | do.FrontPublish() | do.FrontReply():
                self.front.append(command)
            case do.Quit(reason):
                self.quit = reason
            case do.CloseFront(session_id) | do.UnbindFront(session_id):
                self.bound.discard(session_id)
            case do.MeasureUsage(pid, then):
                self.act(then, {"status": "ok", "pid": pid})
            case do.CloseLink() | do.HoldIopub():
                pass

    def step(self) -> bool:
        """One thing happens; False if nothing is left to do without time passing."""
        if self.jobs:
            job = self.jobs.popleft()
            with self.records.transaction(durable=False):
                result = job.function(self.records)
            self.thens.append((job, result))
            self.point = "recorded"
        elif self.thens:
            job, result = self.thens.popleft()
            self.point = "told"
            if job.then is not None:
                self.act(job.then, result)
        elif self.learning:
            command = self.learning.popleft()
            ready = wire.ZygoteReady(pid=1, kernel_info={"implementation": "caesura"}, frames=self.frames)
            self.act(self.core.environment_ready, command.key, ready)
        elif self.binding:
            self.bound.add(self.binding[0])
            self.act(self.core.session.front_bound, self.binding.popleft())
        elif self.starting:
            self._start(self.starting.popleft())
        elif self.killing:
            worker_id = self.killing.popleft()
            if worker_id in self.workers:
                self.workers[worker_id].is_alive = False
        else:
            return self._step_of_a_worker()
        return True

    def _start(self, command: do.StartWorker) -> None:
        if self.fork_error:
            self.act(self.core.worker.start_failed, command.worker_id, self.fork_error)
            return
        worker = FakeWorker(
            command.worker_id,
            next(self._pids),
            self.trace,
            load_error=self.load_error,
            obstacles=self.obstacles,
            save_obstacles=self.save_obstacles,
            now=self.clock.wall,
        )
        self.workers[command.worker_id] = worker
        self.point = "forked"
        self.act(self.core.worker.forked, command.worker_id, worker.pid, f"started-{worker.pid}")

    def _step_of_a_worker(self) -> bool:
        for worker in list(self.workers.values()):
            if worker.worker_id in self.gone:
                continue
            if worker.is_alive and not worker.is_linked:
                worker.is_linked = True
                if worker.session_id:
                    worker.comes_back()
                self.point = "hello"
                refusal = self.act(self.core.worker.hello, worker.worker_id, worker.hello())
                if refusal:
                    worker.is_linked = worker.is_alive = False
                return True
            if worker.sent:
                message = worker.sent.popleft()
                self.point = type(message).__name__
                self.act(self.core.inbox.take, worker.worker_id, [message])
                return True
            if not worker.is_alive:
                self.gone.add(worker.worker_id)
                self.point = "exited"
                self.act(self.core.worker.exited, worker.worker_id, -9)
                return True
            if worker.received:
                message = worker.received.popleft()
                worker.received.appendleft(message)
                self.point = f"took {type(message).__name__}"
                worker.take()
                return True
            if worker.phase == "saving":
                worker.save()
                self.point = "saved"
                return True
        return False

    def run_until(self, condition: Callable[[], bool], what: str, limit: int = 3000) -> None:
        """Until ``condition`` holds."""
        for _ in range(limit):
            if condition():
                return
            assert self.step(), f"{what} was not reached"
        raise AssertionError(f"{what} was not reached")

    def settle(self, limit: int = 3000) -> None:
        """Until nothing happens any more without time."""
        for _ in range(limit):
            if not self.step():
                return
        raise AssertionError("the world does not come to rest")

    def run_to(self, point: str, limit: int = 3000) -> None:
        """Until ``point`` has just happened."""
        for _ in range(limit):
            self.point = ""
            assert self.step(), f"{point} was not reached"
            if self.point == point:
                return
        raise AssertionError(f"{point} was not reached")

    def pass_time(self, seconds: float) -> None:
        """Time passes, timer by timer."""
        until = self.clock.wall() + seconds
        self.settle()
        while due := [(at, name) for name, at in self.timers.items() if at <= until]:
            at, name = min(due)
            del self.timers[name]
            self.clock.advance(max(0.0, at - self.clock.wall()))
            self.act(self.core.timer, name)
            self._look_at_clocks()
            self.settle()
        self.clock.advance(max(0.0, until - self.clock.wall()))
        self._look_at_clocks()
        self.settle()

    def _look_at_clocks(self) -> None:
        for worker in self.alive():
            worker.look_at_clock()

    # --- what a test does -------------------------------------------------------------------------------------------

    def open(self, link: int = STUB, port: int = 0, name: str = "", **variables: str) -> str:
        """A stub opens a kernel, of the notebook at the path ``name``; the session's id."""
        connection = {**CONNECTION, "shell_port": 6000 + (port or link)}
        message = wire.OpenKernel(connection=connection, environment=environment(**variables), name=name)
        self.act(self.core.session.opened, link, message)
        opened = [message for to, message in self.told if to == link and isinstance(message, wire.KernelOpened)]
        self.settle()
        return opened[-1].session_id

    def come_back(self, session_id: str, link: int = STUB) -> None:
        """The stub registers its kernel again."""
        session = self.core.sessions[session_id]
        message = wire.OpenKernel(connection=session.connection, environment=environment(), session_id=session_id)
        self.act(self.core.session.opened, link, message)

    def ask(
        self, session_id: str, msg_type: str, channel: str = "shell", *, client: bytes = b"client", **content: Any
    ) -> str:
        """A client's request; its id."""
        msg_id = f"m{next(self._messages)}"
        header = {"msg_id": msg_id, "msg_type": msg_type}
        metadata = {"cellId": f"cell-{msg_id}"}
        frames = [json.dumps(part).encode() for part in (header, {}, metadata, content)]
        self.act(self.core.desk.message, session_id, channel, [client], header, frames)
        return msg_id

    def run(self, session_id: str, code: str, **content: Any) -> str:
        return self.ask(session_id, "execute_request", code=code, **content)

    def interrupt(self, session_id: str) -> None:
        self.ask(session_id, "interrupt_request", "control")

    def restart(self, session_id: str) -> None:
        self.ask(session_id, "shutdown_request", "control", restart=True)

    def send(self, value: object = 7) -> None:
        self.act(lambda: self.core.operation.send_event("go", value=value))

    def kill(self, session_id: str) -> None:
        """kill -9 of the session's worker, and its socket is read to the end."""
        worker = self.session(session_id).worker
        assert worker is not None
        self.workers[worker.worker_id].is_alive = False

    def kill_core(self) -> None:
        """kill -9 of the coordinator, and its next start: what was not recorded is gone, the links are cut."""
        self.bound.clear()
        for worker in self.workers.values():
            worker.is_linked = False
            worker.received.clear()
        self.start_core()
        with self.records.transaction(durable=False):
            everything = read_everything(self.records, lambda *named: named in self.begun)
        alive = {w.worker_id for w in self.workers.values() if w.is_alive}
        self.gone = {w.worker_id for w in self.workers.values() if not w.is_alive}
        self.act(self.core.recovery.take_up, everything, alive)

    def request(self, method: str, **params: Any) -> None:
        """A client's request; :meth:`answer` gives what came."""
        self.told.clear()
        self.act(self.core.rpc.request, CLIENT, wire.Request(number=1, method=method, params=params))

    def answer(self) -> Any:
        """The result of the last request, or its error as a text; None while there is neither."""
        replies = [message for to, message in self.told if to == CLIENT and isinstance(message, wire.Reply)]
        return (replies[-1].error or replies[-1].result) if replies else None

    # --- what a test asks -------------------------------------------------------------------------------------------

    def session(self, session_id: str) -> Session:
        return self.core.sessions[session_id]

    def state(self, session_id: str, cell_id: str) -> str:
        return str(self.session(session_id).cells[cell_id].state)

    def replies(self, msg_id: str) -> list[dict[str, Any]]:
        """The contents of the shell replies to a request, in order."""
        found = []
        for command in self.front:
            if isinstance(command, do.FrontReply) and command.parent.get("msg_id") == msg_id:
                found.append(dict(command.content))
            is_passed_on = isinstance(command, do.FrontSend) and command.channel == "shell"
            if is_passed_on and json.loads(command.frames[1]).get("msg_id") == msg_id:
                found.append(json.loads(command.frames[3]))
        return found

    def states(self, msg_id: str) -> list[str]:
        """Busy and idle under a request, in order."""
        found = []
        for command in self.front:
            if isinstance(command, do.FrontPublish) and command.parent.get("msg_id") == msg_id:
                if command.msg_type == "status":
                    found.append(command.content["execution_state"])
            elif isinstance(command, do.FrontSend) and command.channel == "iopub":
                content = json.loads(command.frames[3])
                if json.loads(command.frames[1]).get("msg_id") == msg_id and "execution_state" in content:
                    found.append(content["execution_state"])
        return found

    def printed(self, msg_id: str) -> list[str]:
        """What was printed under a request, in order."""
        return [
            json.loads(command.frames[3])["text"]
            for command in self.front
            if isinstance(command, do.FrontSend)
            and "text" in json.loads(command.frames[3])
            and json.loads(command.frames[1]).get("msg_id") == msg_id
        ]

    def kill_function(self) -> None:
        """kill -9 of the worker of the only function that runs."""
        (worker,) = (worker for worker in self.alive() if worker.kind == "function")
        worker.is_alive = False

    def look(self, read: Callable[[Records], Any]) -> Any:
        """What the records hold."""
        with self.records.transaction(durable=False):
            return read(self.records)

    def alive(self) -> list[FakeWorker]:
        return [worker for worker in self.workers.values() if worker.is_alive]

    def close(self) -> None:
        self.records.close()
