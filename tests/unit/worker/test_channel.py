"""The channel's thread: without it a worker is deaf."""

from __future__ import annotations

import threading
from typing import Any, NoReturn, cast

import pytest

from caesura.errors import EnvironmentFault
from caesura.worker.channel import Channel


def nowhere() -> NoReturn:
    raise EnvironmentFault("no coordinator is known")


@pytest.fixture
def channel() -> Channel:
    return Channel(nowhere, cast("Any", None))


def test_it_goes_on_when_something_that_it_calls_fails(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    select, failures, is_called = channel._selector.select, iter(range(3)), threading.Event()

    def failing(timeout: float | None) -> Any:
        if next(failures, None) is not None:
            raise RecursionError("as with a mock of builtins.len")
        return select(timeout)

    monkeypatch.setattr(channel._selector, "select", failing)
    channel.start()
    channel.call_later(0, is_called.set)
    assert is_called.wait(10)
    assert channel.thread.is_alive()
