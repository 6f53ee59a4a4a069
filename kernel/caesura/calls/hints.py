"""What a user knows about a wait: ``with caesura.expect(seconds):``, and ``caesura.progress(done, total)``."""

from __future__ import annotations

import contextvars
import math
from time import monotonic
from types import TracebackType
from typing import Final

from caesura.calls.backend import installed
from caesura.errors import UsageError

_expected: contextvars.ContextVar[float | None] = contextvars.ContextVar("caesura_expected", default=None)

_TOLD_EVERY_S: Final = 0.1
_told_at: float | None = None


class Expect:
    """Calls that are started inside its ``with`` or ``async with`` block are expected to take so long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._before: list[float | None] = []

    def __enter__(self) -> Expect:
        self._before.append(_expected.get())
        _expected.set(self.seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _expected.set(self._before.pop())

    async def __aenter__(self) -> Expect:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def expect(seconds: float) -> Expect:
    """Say how long the calls that are started inside this block will take: ``with caesura.expect(600): await f()``.

    That is believed instead of what such calls have taken before. For one call: ``await f().expect(600)``.
    """
    return Expect(checked_seconds(seconds))


def expected() -> float | None:
    """What a call that is started here and now is expected to take; None if nobody has said."""
    return _expected.get()


def checked_seconds(seconds: float) -> float:
    """``seconds``; UsageError if it is no duration."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise UsageError(f"A call is expected to take {seconds!r}; that has to be a number of seconds.")
    return float(seconds)


def progress(done: float, total: float) -> None:
    """Say from a remote function how far it is: ``caesura.progress(3, 10)``.

    The cell that waits for it shows a bar, and is let go or kept by when the function will be done at this rate.
    Elsewhere it does nothing. It may be said as often as one likes.
    """
    global _told_at
    for name, value in (("done", done), ("total", total)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{name} is {value!r}; progress(done, total) takes numbers.")
    if not 0 <= done <= total or total == 0:
        raise UsageError(f"progress({done!r}, {total!r}): done has to be between 0 and total.")
    backend, now = installed(), monotonic()
    if backend is None or (done < total and _told_at is not None and _told_at <= now < _told_at + _TOLD_EVERY_S):
        return
    _told_at = now
    backend.progress(float(done), float(total))
