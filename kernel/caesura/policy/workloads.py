"""Synthetic waits that a policy is judged on.

What lives here: the durations of the waits of each workload, from a seeded source. What must not: policies.
Durations are in seconds, for a break-even wait of :data:`BETA_S`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

BETA_S: Final = 10.0
"""The break-even wait that the workloads are made for."""

Workload = Callable[[Random, int], Sequence[float]]
"""So many durations from a source of randomness."""


def exponential(mean_s: float) -> Workload:
    return lambda random, count: [random.expovariate(1 / mean_s) for _ in range(count)]


def lognormal(median_s: float, sigma: float) -> Workload:
    return lambda random, count: [random.lognormvariate(math.log(median_s), sigma) for _ in range(count)]


def pareto(alpha: float, least_s: float = 1.0) -> Workload:
    return lambda random, count: [least_s * random.paretovariate(alpha) for _ in range(count)]


def two_modes(share: float, first_s: float, second_s: float) -> Workload:
    """About ``first_s`` with probability ``share``, else about ``second_s``."""
    return lambda random, count: [
        _about(random, first_s if random.random() < share else second_s) for _ in range(count)
    ]


def steady(seconds: float) -> Workload:
    return two_modes(1.0, seconds, seconds)


def timed_out(share: float, seconds: float, limit_s: float) -> Workload:
    """About ``seconds`` with probability ``share``, else exactly ``limit_s``."""
    return lambda random, count: [_about(random, seconds) if random.random() < share else limit_s for _ in range(count)]


def switching(first_s: float, second_s: float, every: int) -> Workload:
    """About ``first_s`` for ``every`` calls, then about ``second_s`` for as many, and so on."""
    return lambda random, count: [_about(random, second_s if index // every % 2 else first_s) for index in range(count)]


def drifting(first_s: float, last_s: float) -> Workload:
    """From ``first_s`` to ``last_s``, by the same factor at each call."""
    return lambda random, count: [
        _about(random, first_s * (last_s / first_s) ** (index / max(1, count - 1))) for index in range(count)
    ]


def _about(random: Random, seconds: float) -> float:
    return seconds * max(0.1, random.gauss(1.0, 0.05))


STATIONARY: Final[Mapping[str, Workload]] = {
    "exponential, mean 3": exponential(3),
    "exponential, mean 30": exponential(30),
    "lognormal 5, sigma 0.5": lognormal(5, 0.5),
    "lognormal 5, sigma 1": lognormal(5, 1),
    "lognormal 5, sigma 2": lognormal(5, 2),
    "Pareto 1.1": pareto(1.1),
    "Pareto 1.5": pareto(1.5),
    "Pareto 2.5": pareto(2.5),
    "90 % 1 s, 10 % 600 s": two_modes(0.9, 1, 600),
    "50 % 2 s, 50 % 120 s": two_modes(0.5, 2, 120),
    "50 % 12 s, 50 % 600 s": two_modes(0.5, 12, 600),
    "steady 12 s": steady(12),
    "steady 30 s": steady(30),
    "80 % 1 s, 20 % time-out at 30 s": timed_out(0.8, 1, 30),
    "always just over break-even": lambda _, count: [BETA_S * 1.001] * count,
}
"""Waits whose distribution stays the same."""

CHANGING: Final[Mapping[str, Workload]] = {
    "2 s and 60 s in turn, every 500": switching(2, 60, 500),
    "1 s to 100 s": drifting(1, 100),
}
"""Waits whose distribution changes."""

COLD: Final[Mapping[str, Workload]] = {
    "exponential, mean 3": exponential(3),
    "exponential, mean 30": exponential(30),
    "90 % 1 s, 10 % 600 s": two_modes(0.9, 1, 600),
    "steady 30 s": steady(30),
}
"""Families of which only the first calls are made."""
