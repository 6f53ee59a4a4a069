"""How long calls have taken, and what that says about the next one.

What lives here: recent durations per call and the estimates from them. What must not: thresholds, I/O, clocks.

Estimator: the i-th most recent call weighs ``2 ** (-i / 40)``. A wait that was cut off (interrupt, crash) lasted *at
least* its duration: its weight goes to the longer ones (Kaplan and Meier, JASA 1958, in Efron's "redistribute to the
right" form). Without such waits the mean is the plain weighted mean of what was measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

KEPT: Final = 240
"""Durations kept per call; with a half-life of 40 calls the oldest weighs 1/64."""

KEPT_KEYS: Final = 4096
"""Calls remembered; the one that was not made for longest is forgotten first."""

HALF_LIFE_CALLS: Final = 40

Basis = Literal["key", "kind", "due", "none"]

_DECAY: Final = tuple(2.0 ** (-age / HALF_LIFE_CALLS) for age in range(KEPT))


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


class _Samples:
    """Recent (duration, censored) of one call or one kind, with the weighted distribution worked out on demand."""

    __slots__ = ("_recent", "_sorted")

    def __init__(self) -> None:
        self._recent: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self._sorted: tuple[Sequence[float], Sequence[float], float] | None = None

    def __len__(self) -> int:
        return len(self._recent)

    def add(self, duration_s: float, censored: bool) -> None:
        self._recent.append((duration_s, censored))
        self._sorted = None

    def distribution(self) -> tuple[Sequence[float], Sequence[float], float]:
        """Ascending durations, their probabilities (sum 1), and the mean."""
        if self._sorted is None:
            self._sorted = _distribution(list(self._recent))
        return self._sorted


class History:
    """Recent durations of every call, by key and by kind. Not thread-safe."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Samples] = {}
        self._by_kind: dict[str, _Samples] = {}

    def add(self, key: str, kind: str, duration_s: float, censored: bool = False) -> None:
        """Remember that a call took ``duration_s`` (at least that long if ``censored``).

        ValueError if it is negative or not finite.
        """
        if not math.isfinite(duration_s) or duration_s < 0:
            raise ValueError(f"not a duration: {duration_s} s")
        samples = self._by_key.pop(key, None) or _Samples()
        samples.add(duration_s, censored)
        self._by_key[key] = samples  # at the end: the dict is in the order of the last call
        if len(self._by_key) > KEPT_KEYS:
            del self._by_key[next(iter(self._by_key))]
        self._by_kind.setdefault(kind, _Samples()).add(duration_s, censored)

    def load(self, samples: Iterable[tuple[str, str, float, bool]]) -> None:
        """Remember many (key, kind, duration_s, censored), oldest first, as they stand in the records."""
        for key, kind, duration_s, censored in samples:
            self.add(key, kind, duration_s, censored)

    def mean(self, key: str) -> tuple[float, int] | None:
        """The weighted mean in seconds of the calls of ``key`` and how many there are; None before the first."""
        samples = self._by_key.get(key)
        return None if samples is None else (samples.distribution()[2], len(samples))

    def predict(self, key: str, kind: str, elapsed_s: float = 0.0) -> Prediction:
        """What is known about a call of ``key`` that has lasted ``elapsed_s``."""
        basis: Basis = "key"
        samples = self._by_key.get(key)
        if samples is None:
            basis, samples = "kind", self._by_kind.get(kind)
        if samples is None:
            return UNKNOWN
        durations, shares, mean = samples.distribution()
        p10, p50, p90 = _quantiles(durations, shares, elapsed_s)
        return Prediction(p10, p50, p90, mean, len(samples), basis)


def _distribution(recent: list[tuple[float, bool]]) -> tuple[Sequence[float], Sequence[float], float]:
    newest = len(recent) - 1
    # At equal durations the finished ones come first: one that was cut off then lasted longer.
    ordered = sorted(
        (duration_s, censored, _DECAY[newest - index]) for index, (duration_s, censored) in enumerate(recent)
    )
    left = sum(weight for _, _, weight in ordered)
    durations: list[float] = []
    shares: list[float] = []
    survival = 1.0
    for duration_s, censored, weight in ordered:
        if not censored and left > 0:
            share = survival * min(1.0, weight / left)
            durations.append(duration_s)
            shares.append(share)
            survival -= share
        left -= weight
    if ordered[-1][1]:  # nothing longer has finished: it lasted at least this long
        durations.append(ordered[-1][0])
        shares.append(max(0.0, survival))
    total = sum(shares)
    shares = [share / total for share in shares]
    return durations, shares, sum(d * share for d, share in zip(durations, shares, strict=True))


def _quantiles(durations: Sequence[float], shares: Sequence[float], elapsed_s: float) -> tuple[float, float, float]:
    longer = [(d, share) for d, share in zip(durations, shares, strict=True) if d > elapsed_s]
    if not longer:
        return elapsed_s, elapsed_s, elapsed_s
    total = sum(share for _, share in longer)
    found: list[float] = []
    reached = 0.0
    for duration_s, share in longer:
        reached += share
        while len(found) < 3 and reached >= (0.1, 0.5, 0.9)[len(found)] * total * (1 - 1e-12):
            found.append(duration_s)
    found += [longer[-1][0]] * (3 - len(found))
    return found[0], found[1], found[2]
