"""A notebook in small: a namespace, a loop with a clock that stands, and a cell that can be moved where it waits."""

from __future__ import annotations

import ast
import asyncio
import builtins
import gc
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from caesura import frames
from caesura.loop.replay import put_in_order
from caesura.snapshot import Anchors, Saved, load, save
from caesura.store.blobs import Blobs

KEY = b"k" * 32

PRELUDE = """
import asyncio
turns = asyncio.Queue()

async def turn():
    return await turns.get()
"""


class StandingLoop(asyncio.SelectorEventLoop):
    """Its time moves only when it is told to."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def settle(self) -> None:
        """Run until nothing is ready."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            if not self._ready:
                return

    def settle_until(self, condition: Callable[[], bool]) -> None:
        """Run until a thread has brought it about."""
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            self.settle()


class _Going:
    """Awaits a coroutine that may have been begun already, which ``await`` itself refuses."""

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Any:
        return self.coroutine.__await__()


async def _drive(cell: dict[str, Any]) -> None:
    await _Going(cell["coroutine"])


def _process(loop: object, namespace: object) -> dict[str, object]:
    """What stays in a process; its streams are named as the worker names them."""
    return {"loop": loop, "namespace": namespace, "stdout": sys.stdout, "stderr": sys.stderr}


class Notebook:
    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder, KEY)
        self.loop = StandingLoop()
        self.namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.cell: dict[str, Any] = {}
        self.task: Any = None

    def execute(self, source: str) -> None:
        """Start a cell and run it to its first wait. A cell without an await is over then."""
        code = compile(source, "<cell 1>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        running = eval(code, self.namespace)
        if isinstance(running, types.CoroutineType):
            self.cell = {"coroutine": running}
            self.task = self.loop.create_task(_drive(self.cell), name="cell")
            self.loop.settle()

    def root(self) -> dict[str, Any]:
        tasks = [task for task in asyncio.all_tasks(self.loop) if task is not self.task]
        return {
            "namespace": self.namespace,
            "cell": {**self.cell, "task": self.task},
            "tasks": tasks,
            "timers": [handle for handle in self.loop._scheduled if not handle.cancelled()],
            "operations": {},
        }

    def anchors(self) -> Anchors:
        driver = None if self.task is None or self.task.done() else self.task.get_coro()
        return Anchors({**_process(self.loop, self.namespace), **({"driver": driver} if driver else {})})

    def save(self, aborted: Any = lambda: False) -> Saved:
        return save(self.root(), anchors=self.anchors(), loop=self.loop, blobs=self.blobs, aborted=aborted)

    @classmethod
    def load(cls, manifest: dict[str, Any], folder: Path) -> Notebook:
        other = cls(folder)
        other.loop.now = 1000.0
        driver = _drive(other.cell)
        anchors = Anchors({**_process(other.loop, other.namespace), "driver": driver})
        try:
            session = load(manifest, anchors=anchors, loop=other.loop, blobs=other.blobs)
        except BaseException:
            driver.close()
            other.loop.close()
            raise
        session.begin()
        other.task = session.root["cell"]["task"]
        if other.task is None or other.task.done():
            driver.close()
        else:
            other.cell["coroutine"] = session.root["cell"]["coroutine"]
        other.loop.settle()
        put_in_order(session.orders)
        return other

    def move(self) -> Notebook:
        """The same notebook, elsewhere. This one ends without running anything."""
        manifest = json.loads(json.dumps(self.save().manifest))
        other = Notebook.load(manifest, self.blobs._directory)
        other.loop.now = self.loop.now
        self.forget()
        return other

    def step(self) -> None:
        """Let the world go on: a turn for whoever waits for one, else time."""
        if any(not getter.done() for getter in self.namespace["turns"]._getters):
            self.namespace["turns"].put_nowait(len(self.namespace.setdefault("given", [])))
            self.namespace["given"].append(1)
        else:
            live = [timer.when() for timer in self.loop._scheduled if not timer.cancelled()]
            self.loop.now = max(self.loop.now, min(live))
        self.loop.settle()

    def forget(self) -> None:
        """End as a process does that leaves by ``os._exit``: nothing that is suspended runs any more."""
        tasks = asyncio.all_tasks(self.loop)
        for obj in _reachable([self.namespace, *tasks, *self.loop._scheduled]):
            is_generator = type(obj) in (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
            if is_generator or frames.read_awaitable(obj) is not None:
                frames.drop(obj)
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.loop._ready.clear()
        self.loop.close()


_APART = (types.ModuleType, type, types.CodeType, asyncio.AbstractEventLoop)


def _reachable(roots: list[object]) -> list[object]:
    """What belongs to a notebook: everything that is reached without passing through modules and classes."""
    found: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        obj = waiting.pop()
        # By the type: a weak proxy whose object is gone cannot be asked.
        if id(obj) in found or issubclass(type(obj), _APART):
            continue
        found[id(obj)] = obj
        if type(obj) is types.FunctionType:
            waiting += [obj.__closure__, obj.__defaults__]
        elif not (type(obj) is dict and "__loader__" in obj):
            waiting += gc.get_referents(obj)
    return list(found.values())


def run(source: str, folder: Path, *, moving: bool) -> tuple[object, int]:
    """``result`` of a cell, and at how many waits it was moved."""
    notebook = Notebook(folder)
    notebook.execute(PRELUDE)
    notebook.execute(source)
    moves = 0
    for _ in range(60):
        if notebook.task.done():
            break
        if moving:
            notebook = notebook.move()
            moves += 1
        notebook.step()
    assert notebook.task.done(), "the cell still waits"
    notebook.task.result()
    result = notebook.namespace["result"]
    notebook.forget()
    return result, moves


def moves_that_change_nothing(source: str, folder: Path) -> int:
    """At how many waits a cell was moved; its result has to look as that of one that stays."""
    stayed, _ = run(source, folder, moving=False)
    moved, moves = run(source, folder, moving=True)
    assert repr(moved) == repr(stayed), f"{moved!r} is not {stayed!r}"
    return moves
