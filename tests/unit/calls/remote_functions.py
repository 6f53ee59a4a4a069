"""Functions that tests call, in a module, so that a plain pickler knows them by name."""

from __future__ import annotations

import asyncio
from typing import Any

import caesura


@caesura.remote
def double(value: int) -> int:
    """Twice the value."""
    return 2 * value


@caesura.remote(retries=2)
async def slow_double(value: int, wait: Any = None) -> int:
    await asyncio.sleep(0)
    return 2 * value


@caesura.remote
def fails(text: str) -> None:
    raise ValueError(text)


@caesura.remote
def gives_what_cannot_move() -> Any:
    return lambda: None


@caesura.remote
def leaves() -> None:
    raise SystemExit(3)


class Doubler:
    factor = 2

    @caesura.remote
    def times(self, value: int) -> int:
        return self.factor * value
