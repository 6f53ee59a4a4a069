"""A session that will surely be saved is serialised while the coordinator decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import pytest

from caesura.loop import Block
from caesura.model import AnyOf, Obstacle
from caesura.snapshot import Saved, Serialised
from caesura.wire.messages import Freeze, NotSaved, Prepared, Verdict
from caesura.worker import suspend
from caesura.worker.suspend import Suspension


class World:
    """The loop, the channel and the session of a suspension; ``during`` is called while the session is serialised."""

    def __init__(self) -> None:
        self.current_block: Block | None = Block(7, (), (), AnyOf(()), 0.0)
        self.operations: dict[str, Any] = {}
        self.posted: deque[Callable[[], None]] = deque()
        self.sent: list[Any] = []
        self.calls: list[str] = []
        self.during: Callable[[], None] = lambda: None
        self.is_interrupted = False
        self.times_passed = 0
        me = cast("Any", self)
        self.suspension = Suspension(me, me, me, lambda: self.is_interrupted)

    # the loop
    def post(self, function: Callable[[], None]) -> None:
        self.posted.append(function)

    def block(self) -> Block:
        assert self.current_block is not None
        return self.current_block

    def let_time_pass(self) -> None:
        self.times_passed += 1

    def run(self) -> None:
        while self.posted:
            self.posted.popleft()()

    # the channel
    def send(self, item: Any) -> None:
        message = item(0) if callable(item) else item
        self.sent.append(message)
        if isinstance(message, Prepared):
            self.suspension.take_verdict(Verdict(epoch=1, serial=7, released=False))

    def sync_files(self) -> None:
        self.calls.append("sync")

    # the session
    def originals(self) -> AbstractContextManager[None]:
        return nullcontext()

    def flush(self) -> None:
        self.calls.append("flush")

    def serialise(self, aborted: Callable[[], bool]) -> Serialised:
        self.calls.append("serialise")
        self.during()
        return Serialised(b"stream", [], [])

    def store(self, serialised: Serialised, block: Block, aborted: Callable[[], bool], room_bytes: int | None) -> Saved:
        self.calls.append("store")
        assert serialised.stream == b"stream"
        return Saved({"tag": "x"}, 6, (), 6, b"stream")

    def explain(self, error: BaseException) -> Obstacle:
        return Obstacle("a thing", detail=str(error))


FREEZE = Freeze(epoch=1, serial=7, abortable=False)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(suspend, "_WORD_S", 0.0)  # whatever comes has come by then
    return World()


def test_the_request_that_comes_meanwhile_is_met_with_what_was_serialised(world: World) -> None:
    world.during = lambda: world.suspension.asked(FREEZE)
    world.suspension.expect(7)
    world.run()
    assert world.calls == ["flush", "serialise", "store", "sync"]
    assert [type(message).__name__ for message in world.sent] == ["Frozen", "Prepared"]
    assert world.sent[1].buffers == (b"stream",)
    assert world.times_passed == 1


def test_without_a_word_nothing_is_stored_and_a_later_request_is_met_anew(world: World) -> None:
    world.suspension.expect(7)
    world.run()
    assert (world.calls, world.sent, world.times_passed) == (["flush", "serialise"], [], 0)
    world.suspension.asked(FREEZE)
    world.run()
    assert world.calls[2:] == ["flush", "serialise", "store", "sync"]


@pytest.mark.parametrize("arrives", ["note_arrival", "note_interrupt"])
def test_what_comes_first_ends_it(world: World, arrives: str) -> None:
    ran: list[bool] = []
    world.during = getattr(world.suspension, arrives)
    world.suspension.expect(7)
    world.post(lambda: ran.append(world.suspension.is_frozen))
    world.run()
    assert (ran, world.sent) == ([False], [])


@pytest.mark.parametrize("serial", [6, 8])
def test_another_block_is_not_serialised(world: World, serial: int) -> None:
    world.suspension.expect(serial)
    world.run()
    assert world.calls == []


def test_an_interrupt_that_is_on_its_way_comes_first(world: World) -> None:
    world.is_interrupted = True
    world.suspension.expect(7)
    world.run()
    assert world.calls == []


def test_what_cannot_be_saved_is_said_when_it_is_asked_for(world: World) -> None:
    def fail() -> None:
        if len(world.calls) == 2:
            world.suspension.asked(FREEZE)
        raise ValueError("no")

    world.during = fail
    world.suspension.expect(7)
    world.run()
    assert world.calls == ["flush", "serialise", "serialise"]
    [_, refused] = world.sent
    assert isinstance(refused, NotSaved)
    assert refused.obstacles[0]["kind"] == "a thing"


def test_a_request_for_another_block_is_refused(world: World) -> None:
    other = Freeze(epoch=1, serial=6, abortable=False)
    world.during = lambda: world.suspension.asked(other)
    world.suspension.expect(7)
    world.run()
    [refused] = world.sent
    assert isinstance(refused, NotSaved)
    assert refused.aborted
