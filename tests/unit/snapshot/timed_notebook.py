"""A cell on the real loop of cells, with a clock that a test turns: what happens to it comes from a list of events.

The same list can happen to a cell that stays, and to one that is away when it happens and is told afterwards.
"""

from __future__ import annotations

import asyncio
import builtins
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapshot_notebook import KEY, _reachable

from caesura import frames
from caesura.clock import ManualClock
from caesura.frames import FrameState
from caesura.loop import CellLoop, Delivery
from caesura.snapshot import Anchors, load, save
from caesura.store.blobs import Blobs

PRELUDE = """
import asyncio, contextvars
from caesura.model import CallKind, Wait
log = []
loop = asyncio.get_event_loop()
began = loop.time()

def note(*what):
    log.append((*what, round(loop.time() - began, 6)))

def call(op_id):
    future = loop.create_future()
    loop.operations[op_id] = future, Wait(op_id, CallKind.FUNCTION, op_id, op_id, loop.wall())
    return future
"""


@dataclass(frozen=True)
class Answer:
    """The operation is answered so many seconds after the cell began, with a value or with an error."""

    at: float
    op_id: str
    value: object = None
    error: str = ""


class TimedNotebook:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.blobs = Blobs(folder, KEY)
        self.folder = folder
        self.loop = CellLoop(self.clock)
        self.loop.on_blocked = lambda _block: self.loop.stop()
        for thread in threading.enumerate():
            self.loop.own_threads.add(thread)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.began = self.clock.wall()

    def execute(self, source: str) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            exec(compile(PRELUDE + source, "<cell 1>", "exec", dont_inherit=True), self.namespace)
        finally:
            asyncio.set_event_loop(None)
        self.namespace["tasks"] = [self.loop.create_task(self.namespace["cell"](), name="cell")]
        self.run()

    def run(self) -> None:
        """Until nothing can run."""
        self.loop.run_forever()

    @property
    def elapsed_s(self) -> float:
        return self.clock.wall() - self.began

    def deliver(self, answer: Answer) -> None:
        found = self.loop.operations.pop(answer.op_id, None)
        if found is None or found[0].done():
            return
        if answer.error:
            found[0].set_exception(ValueError(answer.error))
        else:
            found[0].set_result(answer.value)

    def stay(self, answers: list[Answer], until_s: float) -> None:
        """Let it all happen, each at its time."""
        left = sorted(answers, key=lambda answer: answer.at)
        while True:
            timers = [timer.when() for timer in self.loop._scheduled if not timer.cancelled()]
            timer_s = min(timers) - self.loop.time() + self.elapsed_s if timers else until_s + 1
            next_s = min(left[0].at if left else until_s + 1, timer_s)
            if next_s > until_s:
                break
            self.clock.advance(max(0.0, next_s - self.elapsed_s))
            if left and left[0].at <= next_s:
                answer = left.pop(0)
                self.loop.post(lambda answer=answer: self.deliver(answer))
            self.run()
        self.clock.advance(until_s - self.elapsed_s)
        self.run()

    def leave(self, answers: list[Answer], until_s: float) -> TimedNotebook:
        """Be saved, be away while it all happens, and be taken up by another process at ``until_s``."""
        root = {
            "namespace": self.namespace,
            "tasks": list(asyncio.all_tasks(self.loop)),
            "timers": [handle for handle in self.loop._scheduled if not handle.cancelled()],
            "operations": dict(self.loop.operations),
            "loop": self.loop.state(),
        }
        anchors = Anchors({"loop": self.loop, "namespace": self.namespace})
        saved = save(root, anchors=anchors, loop=self.loop, blobs=self.blobs, aborted=lambda: False)
        self.forget()
        other = TimedNotebook(self.folder)
        other.clock.advance(until_s)
        loaded = load(
            saved.manifest,
            anchors=Anchors({"loop": other.loop, "namespace": other.namespace}),
            loop=other.loop,
            blobs=other.blobs,
        )
        other.loop.operations.update(loaded.operations)
        deliveries = [
            Delivery(other.began + answer.at, lambda answer=answer: other.deliver(answer)) for answer in answers
        ]
        # Up to the last event of the past each timer has its own time; what is set after it has that of the resume.
        deliveries.append(Delivery(other.began + until_s, lambda: None))
        other.loop.resume_from(loaded.root["loop"], deliveries, loaded.orders)
        other.run()
        return other

    def forget(self) -> None:
        """End as a process does that leaves by ``os._exit``."""
        tasks = asyncio.all_tasks(self.loop)
        for obj in _reachable([self.namespace, *tasks, *self.loop._scheduled]):
            if type(obj).__name__ in ("coroutine", "generator", "async_generator"):
                assert frames.read(obj).status in FrameState
                frames.drop(obj)
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.loop.on_blocked = None
        self.loop._ready.clear()
        self.loop.close()


def histories(source: str, answers: list[Answer], until_s: float, absences: list[float], folder: Path) -> list[Any]:
    """The log of a cell that stays, and of one that leaves at the start and comes back at each of ``absences``."""
    staying = TimedNotebook(folder)
    staying.execute(source)
    staying.stay(answers, until_s)
    moving = TimedNotebook(folder)
    moving.execute(source)
    before = 0.0
    for moment in [*absences, until_s]:
        moving = moving.leave([answer for answer in answers if before < answer.at <= moment], moment)
        before = moment
    logs = [repr(staying.namespace["log"]), repr(moving.namespace["log"])]
    states = [[task.done() for task in notebook.namespace["tasks"]] for notebook in (staying, moving)]
    assert states[0] == states[1]
    staying.forget()
    moving.forget()
    return logs
