"""What the loop itself has of a session besides its tasks: settings, timers, asynchronous generators."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from caesura import frames
from caesura.snapshot import anyio_state

_TIMER: Final[Any] = asyncio.TimerHandle

_SETTINGS: Final[Mapping[str, object]] = {
    "_exception_handler": None,
    "_task_factory": None,
    "_default_executor": None,
    "slow_callback_duration": 0.1,
}
"""Attributes of a loop that the user sets, and what they are in a new one."""


def capture(loop: Any) -> dict[str, Any]:
    """What :func:`restore` takes."""
    settings = {name: value for name, usual in _SETTINGS.items() if (value := getattr(loop, name)) != usual}
    timers = [timer.when() if timer.cancelled() else timer for timer in loop._scheduled]
    return {"timers": timers, "settings": settings, "debug": loop.get_debug(), "anyio": anyio_state.capture(loop)}


def pieces(loop: Any) -> Iterator[tuple[str, object]]:
    """The parts of :func:`capture` that are the user's, each with what it is called in messages."""
    state = capture(loop)
    for name, value in state["settings"].items():
        yield f"{name.strip('_').replace('_', ' ')} of the loop", value
    for variable, value in (state["anyio"] or {}).get("variables", ()):
        yield f"run variable {getattr(variable, '_name', variable)} of anyio", value


def restore(loop: Any, state: dict[str, Any]) -> None:
    """Give ``loop`` what :func:`capture` gave."""
    for name, value in state["settings"].items():
        setattr(loop, name, value)
    if state["debug"] != loop.get_debug():
        loop.set_debug(state["debug"])
    _schedule(loop, state["timers"])
    if state["anyio"] is not None:
        anyio_state.restore(loop, state["anyio"])


def _schedule(loop: Any, timers: list[Any]) -> None:
    """Put the timers into their old places in the loop's heap, so that those of the same time keep their order.

    A cancelled one, of which only the time is known, is made anew.
    """
    scheduled: list[asyncio.TimerHandle] = loop._scheduled
    own = scheduled[:]
    scheduled.clear()
    for timer in timers:
        handle = timer
        if isinstance(timer, float | int):
            handle = _TIMER(timer, _nothing, (), loop)
            handle._cancelled = True
            loop._timer_cancelled_count += 1
        handle._scheduled = True
        scheduled.append(handle)
    for handle in own:
        heapq.heappush(scheduled, handle)


def _nothing() -> None:
    return


def adopt_generator(loop: Any, generator: Any) -> None:
    """Have ``loop`` close an asynchronous generator that is dropped half way, as the loop that first iterated it would
    have. No code of it runs."""
    with _hooks_of(loop):
        frames.drop(generator.__anext__())  # making it is what tells the hooks


@contextlib.contextmanager
def _hooks_of(loop: Any) -> Iterator[None]:
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(loop._asyncgen_firstiter_hook, loop._asyncgen_finalizer_hook)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*before)
