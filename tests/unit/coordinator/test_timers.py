"""Timers by the wall clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from caesura.coordinator import timers
from caesura.coordinator.timers import Timers


class FakeLoop:
    """A loop whose time is an input."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls: list[tuple[float, Callable[..., None], tuple[Any, ...], FakeHandle]] = []
        self.wakes = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay_s: float, function: Callable[..., None], *arguments: Any) -> FakeHandle:
        handle = FakeHandle()
        self.calls.append((self.now + delay_s, function, arguments, handle))
        return handle

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [call for call in self.calls if call[0] <= until and not call[3].is_cancelled]:
            call = min(due, key=lambda each: each[0])
            self.calls.remove(call)
            self.now = max(self.now, call[0])
            self.wakes += 1
            call[1](*call[2])
        self.now = until


class FakeHandle:
    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = FakeLoop()
        self.ahead_s = 500_000.0  # of the wall clock before the loop's
        self.fired: list[tuple[str, ...]] = []
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: self.loop)
        monkeypatch.setattr(timers, "wall", self.wall)
        self.timers = Timers(self.fired.append)

    def wall(self) -> float:
        return self.loop.now + self.ahead_s


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_timer_is_due_once_at_its_time(world: World) -> None:
    world.timers.set(("wake", "a"), world.wall() + 100)
    world.loop.advance(99.9)
    assert world.fired == []
    world.loop.advance(1000)
    assert world.fired == [("wake", "a")]


def test_the_last_time_counts_and_a_cancelled_one_is_never_due(world: World) -> None:
    world.timers.set(("a",), world.wall() + 10)
    world.timers.set(("a",), world.wall() + 20)
    world.timers.set(("b",), world.wall() + 10)
    world.timers.cancel(("b",))
    world.timers.cancel(("c",))
    world.loop.advance(15)
    assert world.fired == []
    world.loop.advance(10)
    assert world.fired == [("a",)]


def test_a_clock_that_is_set_ahead_or_a_sleep_of_the_machine_is_noticed(world: World) -> None:
    world.timers.set(("a",), world.wall() + 3600)
    world.ahead_s += 3600
    world.loop.advance(61)
    assert world.fired == [("a",)]


def test_a_clock_that_is_set_back_makes_nothing_early(world: World) -> None:
    at = world.wall() + 10
    world.timers.set(("a",), at)
    world.ahead_s -= 100
    world.loop.advance(50)
    assert world.fired == []
    world.loop.advance(60)
    assert world.fired == [("a",)]


def test_a_thousand_timers_wake_the_process_once_a_minute(world: World) -> None:
    for number in range(1000):
        world.timers.set(("wake", str(number)), world.wall() + 86_400)
    world.loop.advance(3600)
    assert world.loop.wakes == 60


def test_nothing_wakes_the_process_when_there_is_no_timer(world: World) -> None:
    world.timers.set(("a",), world.wall() + 100)
    world.timers.cancel(("a",))
    world.loop.advance(3600)
    assert world.loop.wakes == 1
