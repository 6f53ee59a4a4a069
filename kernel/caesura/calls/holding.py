"""Staying where one is: ``with caesura.hold("why"):``."""

from __future__ import annotations

from types import TracebackType

from caesura.calls.backend import installed

_UNNAMED = "no reason was given"


class Hold:
    """Inside its ``with`` or ``async with`` block the session is never moved. It may be entered again and again."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._tokens: list[object] = []

    def __enter__(self) -> Hold:
        backend = installed()
        holds = None if backend is None else backend.holds
        if holds is not None:
            self._tokens.append(holds.add(self.reason))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        backend = installed()
        if backend is not None and backend.holds is not None and self._tokens:
            backend.holds.drop(self._tokens.pop())

    async def __aenter__(self) -> Hold:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def hold(reason: str | None = None) -> Hold:
    """Never move the session inside this block, however long it waits; ``caesura status`` shows ``reason``."""
    return Hold(_UNNAMED if reason is None else str(reason))
