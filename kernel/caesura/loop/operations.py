"""What is pending in a session: operations that others carry out, and holds. Touched by the main thread only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from caesura.model import Wait


class Operations(dict[str, tuple["asyncio.Future[Any]", Wait]]):
    """Operation id → (the future that its answer resolves, what it is). An answered operation is taken out."""


class Holds:
    """Blocks of code inside which the session stays where it is (``caesura.hold``)."""

    def __init__(self) -> None:
        self._reasons: dict[object, str] = {}

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def reasons(self) -> tuple[str, ...]:
        """The reasons of the holds that are entered, oldest first."""
        return tuple(self._reasons.values())

    def add(self, reason: str) -> object:
        """Hold until the token that this returns is given to :meth:`drop`."""
        token = object()
        self._reasons[token] = reason
        return token

    def drop(self, token: object) -> None:
        """End a hold; a token that is not held is ignored."""
        self._reasons.pop(token, None)

    @contextlib.contextmanager
    def hold(self, reason: str) -> Iterator[None]:
        """Hold inside a ``with`` block."""
        token = self.add(reason)
        try:
            yield
        finally:
            self.drop(token)
