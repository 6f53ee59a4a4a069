"""How long calls have taken, and what that says about the next one.

What lives here: recent durations per call, coarser groups of calls to borrow from, and predictions. What must not:
thresholds, I/O, clocks. The estimator is that of ``samples.py``.

A call's key is ``kind:name``; calls that carry much data have ``#SIZE`` behind it (:func:`sized_key`). What is not
known about a key is borrowed from the key without its size, then from its kind, then from all calls.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from caesura.policy.samples import HALF_LIFE_CALLS, KEPT, Distribution, Samples

KEPT_KEYS: Final = 4096
"""Calls remembered; the one that was not made for longest is forgotten first."""

Basis = Literal["key", "kind", "due", "none"]

_BUCKET_FROM: Final = 64 << 10
_BORROWS_BELOW: Final = 4  # own calls
_PAID_DECAY: Final = 2.0 ** (-1 / HALF_LIFE_CALLS)
_FORGIVEN: Final = 2.0  # break-even waits


@dataclass(frozen=True, slots=True)
class Prediction:
    """How long a wait takes in all, in seconds from its start; None where nothing is known.

    ``mean`` is over all remembered calls. The quantiles are given that the wait has lasted ``elapsed_s``: they are
    over the calls that took longer, and equal ``elapsed_s`` if it has outlasted them all. ``count`` calls are behind
    it. ``basis``: this call's own history (``key``), that of its kind, a known end (``due``), or ``none``.
    """

    p10: float | None
    p50: float | None
    p90: float | None
    mean: float | None
    count: int
    basis: Basis


UNKNOWN: Final = Prediction(None, None, None, None, 0, "none")


def known_end(duration_s: float) -> Prediction:
    """The prediction for a wait whose length is certain."""
    return Prediction(duration_s, duration_s, duration_s, duration_s, 1, "due")


def sized_key(key: str, size_bytes: int) -> str:
    """The key of a call that carries ``size_bytes``: from 64 KiB on each factor of eight has a history of its own."""
    if size_bytes < _BUCKET_FROM:
        return key
    bucket = _BUCKET_FROM
    while bucket * 8 <= size_bytes:
        bucket *= 8
    return f"{key}#{bucket >> 10}k" if bucket < 1 << 20 else f"{key}#{bucket >> 20}M"


class History:
    """Recent durations of every call, by key and by coarser groups. Not thread-safe."""

    def __init__(self) -> None:
        self._by_key: dict[str, Samples] = {}
        self._by_group: dict[str, Samples] = {}
        self._paid: dict[str, tuple[float, float]] = {}

    def add(self, key: str, kind: str, duration_s: float, censored: bool = False) -> None:
        """Remember that a call took ``duration_s`` (at least that long if ``censored``).

        ValueError if it is negative or not finite.
        """
        self._add(key, kind, duration_s, censored)
        self._by_key[key].look_for_change()

    def _add(self, key: str, kind: str, duration_s: float, censored: bool) -> None:
        if not math.isfinite(duration_s) or duration_s < 0:
            raise ValueError(f"not a duration: {duration_s} s")
        samples = self._by_key.pop(key, None) or Samples()
        samples.add(duration_s, censored)
        self._by_key[key] = samples  # at the end: the dict is in the order of the last call
        if len(self._by_key) > KEPT_KEYS:
            del self._by_key[next(iter(self._by_key))]
        for group in _groups(key, kind):
            self._by_group.setdefault(group, Samples()).add(duration_s, censored)
        if len(self._by_group) > KEPT_KEYS:
            del self._by_group[next(iter(self._by_group))]

    def load(self, samples: Iterable[tuple[str, str, float, bool]]) -> None:
        """Remember many (key, kind, duration_s, censored), oldest first, as they stand in the records."""
        for key, kind, duration_s, censored in samples:
            self._add(key, kind, duration_s, censored)
        for known in self._by_key.values():
            for calls in (KEPT * 3 // 4, 96, 48, 24, 12):  # the change may be long past
                known.look_for_change(calls)

    def settle(self, key: str, cost: float, optimum: float) -> None:
        """What a wait for ``key`` cost, and what it would have cost at best, in break-even waits."""
        paid, best = self._paid.pop(key, (0.0, 0.0))
        self._paid[key] = (paid * _PAID_DECAY + cost, best * _PAID_DECAY + optimum)
        if len(self._paid) > KEPT_KEYS:
            del self._paid[next(iter(self._paid))]

    def misleads(self, key: str) -> bool:
        """Whether decisions by this history have lately cost over twice the optimum: the past says nothing about what
        comes, or somebody plays against it."""
        paid, best = self._paid.get(key, (0.0, 0.0))
        return paid > 2 * best + _FORGIVEN

    def forget(self, key: str | None = None) -> None:
        """Forget one call, and what coarser groups learned from all; without ``key`` forget everything."""
        if key is None:
            self._by_key.clear()
            self._by_group.clear()
            self._paid.clear()
        else:
            self._paid.pop(key, None)
            self._by_key.pop(key, None)
            self._by_group.pop(key, None)

    def keys(self) -> Iterator[str]:
        """The calls that are remembered, the latest first."""
        return reversed(self._by_key)

    def recent(self, key: str) -> Sequence[tuple[float, bool]]:
        """The remembered (duration_s, censored) of one call, oldest first."""
        samples = self._by_key.get(key)
        return () if samples is None else tuple(samples.recent)

    def mean(self, key: str) -> tuple[float, int] | None:
        """The weighted mean in seconds of the calls of ``key`` and how many there are; None before the first."""
        samples = self._by_key.get(key)
        return None if samples is None else (samples.distribution().mean_s, len(samples))

    def predict(self, key: str, kind: str, elapsed_s: float = 0.0) -> Prediction:
        """What is known about a call of ``key`` that has lasted ``elapsed_s``."""
        basis: Basis = "key"
        samples = self._by_key.get(key)
        if samples is None:
            basis, samples = "kind", self._by_group.get(f"kind {kind}")
        if samples is None:
            return UNKNOWN
        found = samples.distribution()
        p10, p50, p90 = _quantiles(found, elapsed_s)
        return Prediction(p10, p50, p90, found.mean_s, len(samples), basis)

    def weighed(self, key: str, kind: str) -> list[tuple[Distribution, float]]:
        """Distributions to predict a call of ``key`` from, with their weights in calls; empty if nothing is known.

        The first calls borrow from the nearest coarser group: as much as one call before the first, half of that after
        it, and so on.
        """
        own = self._by_key.get(key)
        count = 0 if own is None else len(own)
        found = []
        if own is not None:
            distribution = own.distribution()
            found.append((distribution, distribution.weight))
        if count < _BORROWS_BELOW:
            for group in _groups(key, kind):
                samples = self._by_group.get(group)
                if samples is not None and len(samples) > count:
                    found.append((samples.distribution(), 0.5**count))
                    break
        return found


def _groups(key: str, kind: str) -> Iterator[str]:
    base, is_sized, _ = key.partition("#")
    if is_sized:
        yield base
    yield f"kind {kind}"
    yield "all"


def _quantiles(found: Distribution, elapsed_s: float) -> tuple[float, float, float]:
    first = bisect.bisect_right(found.durations_s, elapsed_s)
    if first == len(found.durations_s):
        return elapsed_s, elapsed_s, elapsed_s
    before = found.reached[first - 1] if first else 0.0
    left = found.reached[-1] - before
    last = len(found.durations_s) - 1
    p10, p50, p90 = (
        found.durations_s[min(last, bisect.bisect_left(found.reached, before + share * left * (1 - 1e-12), first))]
        for share in (0.1, 0.5, 0.9)
    )
    return p10, p50, p90
