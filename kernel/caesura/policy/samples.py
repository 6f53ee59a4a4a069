"""Recent durations of one call, and the distribution that they make.

What lives here: weights, waits that were cut off, and the look for a change. What must not: keys, thresholds, clocks.

Estimator: the i-th most recent call weighs ``2 ** (-i / 40)``. A wait that was cut off (interrupt, crash) lasted *at
least* its duration: its weight goes to the longer ones (Kaplan and Meier, JASA 1958, in Efron's "redistribute to the
right" form). Without such waits the mean is the plain weighted mean of what was measured.

A call that changes: when the last 12 calls come from another distribution than the ones before (two-sample
Kolmogorov-Smirnov distance above 0.7, which equal distributions reach about once in 100,000 looks), the ones before
are forgotten, so that a decision turns after about 12 calls instead of three half-lives. Where among the last 12 it
changed is where the two sides differ most, by that distance in units of its deviation.
"""

from __future__ import annotations

import bisect
import itertools
import math
import operator
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

KEPT: Final = 240
"""Durations kept per call; with a half-life of 40 calls the oldest weighs 1/64."""

HALF_LIFE_CALLS: Final = 40

CHANGE_CALLS: Final = 12
"""So many calls are enough to see that a call has become another one."""

_CHANGE_DISTANCE: Final = 0.7
_STEP: Final = 1.08
_DECAY: Final = tuple(2.0 ** (-age / HALF_LIFE_CALLS) for age in range(KEPT))


@dataclass(frozen=True, slots=True)
class Distribution:
    """Ascending ``durations_s``, the probability of each and all before it (``reached``), the mean, and the ``weight``
    of it all in calls, where the latest counts 1.

    ``steps_s`` and ``step_shares`` are the same more coarsely: durations that differ by less than 8 % are one, at the
    longest of them.
    """

    durations_s: Sequence[float]
    reached: Sequence[float]
    mean_s: float
    weight: float
    steps_s: Sequence[float]
    step_shares: Sequence[float]


class Samples:
    """Recent (duration, cut off) of one call or one kind, with the distribution worked out on demand."""

    __slots__ = ("_known", "recent")

    def __init__(self) -> None:
        self.recent: deque[tuple[float, bool]] = deque(maxlen=KEPT)
        self._known: Distribution | None = None

    def __len__(self) -> int:
        return len(self.recent)

    def add(self, duration_s: float, censored: bool) -> None:
        self.recent.append((duration_s, censored))
        self._known = None

    def look_for_change(self, calls: int = CHANGE_CALLS) -> None:
        """Forget what came before the last ``calls``, if that was another distribution."""
        if len(self.recent) < 2 * calls:
            return
        durations = [duration_s for duration_s, _ in self.recent]
        if _split(durations, calls) > _CHANGE_DISTANCE:
            total = len(durations)
            newer = range(calls // 2, calls + 1)
            best = max(newer, key=lambda last: _split(durations, last) * math.sqrt(last * (total - last)))
            self.recent = deque(list(self.recent)[-best:], KEPT)
            self._known = None

    def distribution(self) -> Distribution:
        if self._known is None:
            self._known = _distribution(list(self.recent))
        return self._known


def _split(durations: Sequence[float], last: int) -> float:
    return _distance(sorted(durations[-last:]), sorted(durations[:-last]))


def _distance(newer: Sequence[float], older: Sequence[float]) -> float:
    """The Kolmogorov-Smirnov distance of two ascending samples."""
    farthest = 0.0
    for index, value in enumerate(newer):
        below = bisect.bisect_left(older, value) / len(older)
        upto = bisect.bisect_right(older, value) / len(older)
        farthest = max(farthest, below - index / len(newer))
        if index + 1 == len(newer) or newer[index + 1] > value:
            farthest = max(farthest, (index + 1) / len(newer) - upto)
    return farthest


def _distribution(recent: list[tuple[float, bool]]) -> Distribution:
    decay = _DECAY[len(recent) - 1 :: -1]
    weight = sum(decay)
    if any(censored for _, censored in recent):
        durations, shares = _with_censored(recent, decay)
    else:
        ordered = sorted(zip((duration_s for duration_s, _ in recent), decay, strict=True))
        durations = [duration_s for duration_s, _ in ordered]
        shares = [one / weight for _, one in ordered]
    mean_s = sum(map(operator.mul, durations, shares))
    reached = list(itertools.accumulate(shares))
    steps_s: list[float] = []
    step_shares: list[float] = []
    first, before = 0, 0.0
    while first < len(durations):
        behind = bisect.bisect_right(durations, durations[first] * _STEP, first)
        steps_s.append(durations[behind - 1])
        step_shares.append(reached[behind - 1] - before)
        first, before = behind, reached[behind - 1]
    return Distribution(durations, reached, mean_s, weight, steps_s, step_shares)


def _with_censored(recent: list[tuple[float, bool]], decay: Sequence[float]) -> tuple[list[float], list[float]]:
    # At equal durations the finished ones come first: one that was cut off then lasted longer.
    ordered = sorted((duration_s, censored, one) for (duration_s, censored), one in zip(recent, decay, strict=True))
    left = sum(decay)
    durations: list[float] = []
    shares: list[float] = []
    survival = 1.0
    for duration_s, censored, one in ordered:
        if not censored and left > 0:
            share = survival * min(1.0, one / left)
            durations.append(duration_s)
            shares.append(share)
            survival -= share
        left -= one
    if ordered[-1][1]:  # nothing longer has finished: it lasted at least this long
        durations.append(ordered[-1][0])
        shares.append(max(0.0, survival))
    total = sum(shares)
    return durations, [share / total for share in shares]
