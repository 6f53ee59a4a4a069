"""Between cells: which variables would hold a notebook, within a budget, without running its code."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from caesura.snapshot import Anchors, NamespaceCheck


class Clock:
    """Each look at it takes ``step`` seconds."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Checked:
    def __init__(self, loop: asyncio.AbstractEventLoop, step: float = 0.0) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.loop = loop
        self.clock = Clock(step)
        self.check = NamespaceCheck(self.namespace, self.clock)

    def run(self, source: str = "") -> bool:
        exec(source, self.namespace)
        return self.check.run(Anchors({"loop": self.loop, "namespace": self.namespace}), self.loop, 1.0)

    def ways(self) -> list[str]:
        return [str(obstacle) for obstacle in self.check.found.values()]


@pytest.fixture
def checked() -> Iterator[Checked]:
    loop = asyncio.new_event_loop()
    made = Checked(loop)
    yield made
    for value in made.namespace.values():
        for each in (value, getattr(value, "_conn", None), *(value if isinstance(value, list) else ())):
            if isinstance(each, sqlite3.Connection | socket.socket):
                with contextlib.suppress(Exception):
                    each.close()
    loop.close()


def test_it_names_the_way_from_the_variable_to_the_thing(checked: Checked) -> None:
    assert checked.run(
        "import sqlite3\nclass Loader: pass\ndf_loader = Loader(); df_loader._conn = sqlite3.connect(':memory:')\n"
        "fine = {'a': [1, Loader]}"
    )
    assert checked.ways() == ["df_loader → ._conn → sqlite3.Connection"]
    assert "caesura.reopen" in checked.check.found["df_loader"].remedy
    assert checked.check.waiting == 0


def test_it_says_only_what_is_new_and_forgets_what_is_gone(checked: Checked) -> None:
    assert checked.run("import socket\nsock = socket.socket()")
    assert not checked.run("x = [1]")
    assert checked.run("sock.close(); del sock")
    assert checked.ways() == []


def test_what_was_put_into_a_known_list_is_found_when_its_turn_comes(checked: Checked) -> None:
    assert not checked.run("import socket\nthings = []")
    assert checked.run("things.append(socket.socket())")
    assert checked.ways() == ["things → [0] → socket.socket"]


def test_nothing_that_the_notebook_wrote_is_called(checked: Checked) -> None:
    checked.run(
        "calls = []\n"
        "class Odd:\n"
        "    def __reduce__(self): calls.append('reduce'); return Odd, ()\n"
        "class State:\n"
        "    def __getstate__(self): calls.append('getstate'); return {}\n"
        "odd, state = [Odd()], State()"
    )
    assert checked.namespace["calls"] == []
    assert checked.ways() == []


def test_it_stops_when_its_budget_is_used_up_and_goes_on_at_the_next_cell() -> None:
    loop = asyncio.new_event_loop()
    checked = Checked(loop, step=0.1)
    checked.run("import threading\n" + "\n".join(f"v{i} = [{i}]" for i in range(30)) + "\nlock = threading.Lock()")
    checked.namespace["lock"].acquire()
    waiting = checked.check.waiting
    assert waiting > 0
    for _ in range(60):
        began = checked.clock.now
        checked.run()
        assert checked.clock.now - began < 2.0
        if checked.ways():
            break
    assert checked.ways() == ["lock → held threading.Lock"]
    loop.close()


def test_a_variable_that_is_too_large_for_the_budget_does_not_keep_the_others_waiting() -> None:
    loop = asyncio.new_event_loop()
    checked = Checked(loop, step=0.01)
    checked.run("class Thing: pass\nlarge = [Thing() for _ in range(10_000)]")
    checked.run("import socket\nsock = socket.socket()")
    checked.run()
    assert checked.ways() == ["sock → socket.socket"]
    assert checked.check.waiting == 0
    checked.namespace["sock"].close()
    loop.close()
