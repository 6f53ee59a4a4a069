"""What a user says about a wait, and what is made of it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from fake_backend import FakeBackend

import caesura
from caesura.calls import hints
from caesura.errors import UsageError
from caesura.wire.marks import mark_of, without_mark


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was told a moment ago."""
    monkeypatch.setattr(hints, "_told_at", None)


def ends_in(backend: FakeBackend, call: caesura.Call[Any]) -> float | None:
    wait = backend.operations[call.op_id][1]
    return None if wait.due is None else wait.due - wait.since


def test_calls_inside_the_block_are_expected_to_take_so_long_and_no_others(backend: FakeBackend) -> None:
    async def cell() -> None:
        with caesura.expect(600):
            inside = caesura.event("a")
            async with caesura.expect(5):
                deeper = caesura.event("b")
            again = caesura.event("c")
        outside = caesura.event("d")
        found = [ends_in(backend, call) for call in (inside, deeper, again, outside)]
        assert found[:3] == [pytest.approx(600), pytest.approx(5), pytest.approx(600)]
        assert found[3] is None

    asyncio.run(cell())


def test_tasks_that_run_beside_the_block_are_not_meant(backend: FakeBackend) -> None:
    async def other() -> float | None:
        return ends_in(backend, caesura.event("b"))

    async def cell() -> list[float | None]:
        beside = asyncio.create_task(other())
        with caesura.expect(600):
            within = asyncio.create_task(other())
            return list(await asyncio.gather(beside, within))

    beside, within = asyncio.run(cell())
    assert (beside, within) == (None, pytest.approx(600))


def test_one_call_is_expected_to_take_so_long_from_now_on(backend: FakeBackend) -> None:
    async def cell() -> None:
        call = caesura.event("a")
        assert call.expect(30) is call
        assert ends_in(backend, call) == pytest.approx(30, abs=1)
        backend.answer(call.op_id, 1)
        assert await call.expect(50) == 1

    asyncio.run(cell())


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "long", True, None])
def test_what_is_no_duration_is_refused(seconds: Any) -> None:
    with pytest.raises(UsageError, match="has to be a number of seconds"):
        caesura.expect(seconds)


def test_progress_is_told_but_not_too_often(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(hints, "monotonic", lambda: now)
    caesura.progress(1, 10)
    caesura.progress(2, 10)
    now += 0.2
    caesura.progress(3, 10)
    caesura.progress(10, 10)
    assert backend.reported == [(1, 10), (3, 10), (10, 10)]


@pytest.mark.parametrize(("done", "total"), [(1, 0), (-1, 3), (4, 3), (math.nan, 3), ("1", 3), (1, True)])
def test_progress_that_cannot_be_is_refused(done: Any, total: Any) -> None:
    with pytest.raises(UsageError, match="progress"):
        caesura.progress(done, total)


@pytest.mark.parametrize(
    ("code", "mark", "left"),
    [
        ("%%hold\nawait f()", "hold", "# %%hold\nawait f()"),
        ("\n  %%release  for good\nawait f()", "release", "# %%release  for good\nawait f()"),
        ("%%hold", "hold", "# %%hold"),
        ("%%holder\n1", "", "%%holder\n1"),
        ("x = 1\n%%hold", "", "x = 1\n%%hold"),
        ("", "", ""),
    ],
)
def test_the_first_line_of_a_cell_may_mark_it(code: str, mark: str, left: str) -> None:
    assert (mark_of(code), without_mark(code)) == (mark, left)
