"""Where in a notebook an object of a certain type is, as the user would reach it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from time import monotonic
from typing import Final

from caesura.snapshot.obstacles import children, joined
from caesura.snapshot.reducing import is_a

SEARCH_S: Final = 0.5
"""How long may be spent on it."""


def way_to(types: Collection[type], namespace: Mapping[str, object]) -> str:
    """The shortest way from a variable to an object of one of ``types`` (``model → .layers → [0]``), or to one of these
    themselves; empty if none is found."""
    end = monotonic() + SEARCH_S
    waiting: deque[tuple[str, object]] = deque(namespace.items())
    fallback = ""
    seen: set[int] = set()
    while waiting and monotonic() < end:
        way, value = waiting.popleft()
        if type(value) in types:
            return way
        if is_a(value, type):
            fallback = fallback or (way if value in types else "")
            continue
        if id(value) not in seen:
            seen.add(id(value))
            waiting.extend((joined(way, suffix), child) for suffix, child in _children(value))
    return fallback


def _children(value: object) -> list[tuple[str, object]]:
    try:
        return list(children(value))
    except Exception:  # noqa: BLE001  an object of the user's may fail when it is looked at
        return []
