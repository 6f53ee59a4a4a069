"""The channel's thread: without it a worker is deaf."""

from __future__ import annotations

import threading
from typing import Any, NoReturn, cast

import pytest

from caesura.errors import EnvironmentFault
from caesura.worker.channel import Channel


def nowhere() -> NoReturn:
    raise EnvironmentFault("no coordinator is known")


class Peer:
    is_mended = False

    def mend(self) -> bool:
        self.is_mended = True
        return True


def test_it_goes_on_when_something_that_it_calls_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer()
    channel = Channel(nowhere, cast("Any", peer))
    select, is_called = channel._selector.select, threading.Event()

    def failing(timeout: float | None) -> Any:
        if not peer.is_mended:
            raise RecursionError("as with a mock of builtins.len")
        return select(timeout)

    monkeypatch.setattr(channel._selector, "select", failing)
    channel.start()
    channel.call_later(0, is_called.set)
    assert is_called.wait(10)
    assert channel.thread.is_alive()


def test_a_message_that_failed_because_of_a_mock_is_sent_once_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    peer, added = Peer(), []
    channel = Channel(nowhere, cast("Any", peer))

    def add(item: Any) -> None:
        if not peer.is_mended:
            raise RecursionError("as with a mock of builtins.isinstance")
        added.append(item)

    monkeypatch.setattr(channel._out, "add", add)
    channel._is_welcome = True
    channel.send(cast("Any", "message"))
    channel._turn()
    assert added == ["message"]
