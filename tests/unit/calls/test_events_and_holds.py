"""Waiting for somebody outside, staying where one is, and knowing where one is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from fake_backend import FakeBackend

import caesura
from caesura.calls import Current
from caesura.calls.backend import install
from caesura.errors import CallFailed, UsageError
from caesura.loop import CellLoop
from caesura.model import AnyOf, AtTime, CallKind, OnOp
from caesura.wire.messages import Answered


def test_an_event_gives_the_value_that_was_sent(backend: FakeBackend) -> None:
    schema = {"type": "object"}

    async def cell() -> Any:
        waiting = caesura.event("approval", schema)
        (started,) = backend.started
        assert (started.kind, started.key) == (CallKind.EVENT, "event:approval")
        assert started.options == {"schema": schema, "timeout": None}
        backend.answer(waiting.op_id, {"ok": True})
        return await waiting

    assert asyncio.run(cell()) == {"ok": True}


def test_an_event_that_is_answered_with_an_error_raises(backend: FakeBackend) -> None:
    async def cell() -> None:
        waiting = caesura.event("approval")
        backend.say(Answered(op_id=waiting.op_id, ok=False, at=0.0, text="rejected by finance"))
        await waiting

    with pytest.raises(CallFailed, match="rejected by finance"):
        asyncio.run(cell())


def test_an_event_that_does_not_come_in_time_raises_and_is_given_up(backend: FakeBackend) -> None:
    async def cell() -> None:
        await caesura.event("approval", timeout=0.001)

    with pytest.raises(asyncio.TimeoutError, match="had no answer within"):
        asyncio.run(cell())
    assert backend.cancelled == [backend.started[0].op_id]
    assert not backend.operations


def test_the_deadline_of_an_event_is_a_timer_of_the_loop(backend: FakeBackend) -> None:
    loop = CellLoop()
    backend.loop, backend.operations = loop, loop.operations
    seen: list[Any] = []

    async def cell() -> str:
        return str(await caesura.event("approval", timeout=1000))

    def blocked(block: Any) -> None:
        seen.append(block)
        backend.answer(backend.started[0].op_id, "yes")

    loop.on_blocked = blocked
    assert loop.run_until_complete(cell()) == "yes"
    wake = seen[0].wake
    assert isinstance(wake, AnyOf)
    assert {type(part) for part in wake.parts} == {OnOp, AtTime}
    # The answered event leaves no timer behind that would wake the session later.
    assert all(timer.cancelled() for timer in loop._scheduled)
    loop.close()


@pytest.mark.parametrize(
    "arguments", [{"name": ""}, {"name": 3}, {"name": "x", "timeout": "1"}, {"name": "x", "schema": {"a": object()}}]
)
def test_an_event_that_makes_no_sense_is_refused(backend: FakeBackend, arguments: dict[str, Any]) -> None:
    async def cell() -> None:
        caesura.event(**arguments)

    with pytest.raises(UsageError):
        asyncio.run(cell())
    assert not backend.started


def test_a_hold_is_noted_while_its_block_runs(backend: FakeBackend) -> None:
    assert backend.holds is not None
    with caesura.hold("a licence"), caesura.hold():
        assert backend.holds.reasons() == ("a licence", "no reason was given")
    assert not backend.holds


def test_a_hold_can_be_asynchronous_and_entered_twice(backend: FakeBackend) -> None:
    holds = backend.holds
    assert holds is not None

    async def cell() -> None:
        hold = caesura.hold("twice")
        async with hold, hold:
            assert holds.reasons() == ("twice", "twice")
        assert not holds

    asyncio.run(cell())


def test_a_hold_ends_when_its_block_fails(backend: FakeBackend) -> None:
    with pytest.raises(ValueError, match="x"), caesura.hold():
        raise ValueError("x")
    assert not backend.holds


def test_current_says_where_the_code_runs(backend: FakeBackend) -> None:
    assert caesura.current() == Current("cell", "session", 2, "worker", 77, 1)


def test_under_plain_python_there_is_no_cell_and_nothing_is_held() -> None:
    install(None)
    assert caesura.current() == Current()
    with caesura.hold("nothing to hold"):
        pass


def test_the_package_loads_nothing_before_it_is_asked() -> None:
    code = (
        "import sys, caesura\n"
        "assert 'remote' in dir(caesura) and caesura.__version__\n"
        "assert not {'asyncio', 'pickle', 'caesura.calls', 'caesura.loop'} & set(sys.modules)\n"
        "from caesura import remote\n"
        "assert remote is caesura.remote and 'caesura.calls' in sys.modules\n"
        "assert 'caesura.snapshot' not in sys.modules and 'caesura.client' not in sys.modules\n"
        "try:\n"
        "    caesura.nonsense\n"
        "except AttributeError as error:\n"
        "    assert 'nonsense' in str(error)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
