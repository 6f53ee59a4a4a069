"""How long a blocked cell still has to wait: the distribution of the rest, for one wait and for several together.

What lives here: survival curves and their combination. What must not: costs, thresholds.

All of several end when the last does, so their distribution functions are multiplied; any of several end when the first
does, so their survival functions are. Waits are taken as independent.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from caesura.policy.samples import Distribution

GHOSTS: Final = ((0.3, 0.7), (1.5, 0.4), (6.0, 0.4))
"""Observations that nobody made: what is believed before much was seen. Of each the duration, in break-even waits, and
the weight, in calls. Equal weights cost up to a tenth more on the first calls of short waits."""

_Combine = Callable[[Iterable[tuple[float, int]]], float]

_POINTS: Final = 64
"""Points of a combined curve; a cell may wait for thousands of calls."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A step function: the wait outlasts ``seconds[i]`` from now with probability ``survival[i]``.

    ``seconds`` ascend from 0 on; before the first it is 1. What is left after the last never ends.
    """

    seconds: Sequence[float]
    survival: Sequence[float]

    def outlasts(self, seconds: float) -> float:
        """The probability that the wait goes on after ``seconds`` from now."""
        index = bisect.bisect_right(self.seconds, seconds)
        return 1.0 if index == 0 else self.survival[index - 1]

    def mean_s(self, until_s: float = math.inf) -> float:
        """The expected rest, where none counts for more than ``until_s``."""
        area, before, alive = 0.0, 0.0, 1.0
        for moment, after in zip(self.seconds, self.survival, strict=True):
            if moment >= until_s:
                break
            area += alive * (moment - before)
            before, alive = moment, after
        return area + (alive * (until_s - before) if alive > 1e-12 else 0.0)


def ends_in(seconds: float) -> Rest:
    """A wait whose end is known."""
    return Rest((max(0.0, seconds),), (0.0,))


def from_history(weighed: Sequence[tuple[Distribution, float]], lasted_s: float, beta_s: float) -> Rest:
    """The rest of a wait that has lasted ``lasted_s``, from its history and the ghosts of break-even ``beta_s``."""
    points = [(ghost * beta_s, weight) for ghost, weight in GHOSTS if ghost * beta_s > lasted_s]
    for found, weight in weighed:
        first = bisect.bisect_right(found.steps_s, lasted_s)
        points += zip(found.steps_s[first:], [share * weight for share in found.step_shares[first:]], strict=True)
    if not points:
        return Rest((), ())
    points.sort()
    total = left = sum(weight for _, weight in points)
    seconds, survival = [], []
    for duration_s, weight in points:
        left -= weight
        seconds.append(duration_s - lasted_s)
        survival.append(left / total if left > 1e-12 * total else 0.0)
    return Rest(seconds, survival)


def all_of(parts: Sequence[Rest]) -> Rest:
    """The rest until all have ended."""
    return _combined(parts, lambda values: 1.0 - math.prod((1.0 - value) ** count for value, count in values))


def any_of(parts: Sequence[Rest]) -> Rest:
    """The rest until the first has ended."""
    return _combined(parts, lambda values: math.prod(value**count for value, count in values))


def _combined(parts: Sequence[Rest], combine: _Combine) -> Rest:
    if len(parts) == 1:
        return parts[0]
    counted: dict[int, int] = {}
    for part in parts:
        counted[id(part)] = counted.get(id(part), 0) + 1
    distinct = {id(part): part for part in parts}
    moments = sorted({moment for part in distinct.values() for moment in part.seconds})
    if len(moments) > _POINTS:
        moments = [moments[index * (len(moments) - 1) // (_POINTS - 1)] for index in range(_POINTS)]
    survival = [
        combine([(part.outlasts(moment), counted[name]) for name, part in distinct.items()]) for moment in moments
    ]
    return Rest(moments, survival)
