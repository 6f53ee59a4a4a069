"""What was found by looking through ``sys.modules``, kept until something in it changes: a thousand modules are seldom
others than at the last look."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Generic, TypeVar

from caesura.snapshot.fingerprints import Fingerprint, fingerprint

T = TypeVar("T")


class OfLoadedModules(Generic[T]):
    """``find()`` depends on nothing but what stands in ``sys.modules``, or its owner calls :meth:`forget`."""

    def __init__(self, find: Callable[[], T]) -> None:
        self._find = find
        self._seen: Fingerprint | None = None
        self._modules: list[object] = []  # kept, so that no other has the address of one of them
        self._value: T | None = None

    def value(self) -> T:
        """What ``find()`` gives now; to be left as it is."""
        now = fingerprint(sys.modules)
        if now is None or now != self._seen:
            self._modules = [*sys.modules, *sys.modules.values()]
            self._value = self._find()
            self._seen = now if now == fingerprint(sys.modules) else None
        return self._value  # type: ignore[return-value]

    def forget(self) -> None:
        self._seen = None
