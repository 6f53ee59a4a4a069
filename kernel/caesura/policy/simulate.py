"""What a policy would have cost on a row of waits: the decisions of ``decision.py``, with time as a number.

What lives here: one cell that waits again and again, with a worker for the asking, and the costs beside those of a
clairvoyant. What must not: several cells and a queue (``crowd.py``), tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from caesura.model import CallKind, Wait
from caesura.policy.cost import Cost
from caesura.policy.decision import Decision, decide
from caesura.policy.hazard import BUSY, Demand, break_even_s
from caesura.policy.history import History
from caesura.policy.setting import Policy

START: Final = 1_700_000_000.0
_LEAST_STEP_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Outcome:
    """One wait under a policy: held for ``held_s``, and moved or not; in seconds of a worker, beside the optimum."""

    duration_s: float
    held_s: float
    is_moved: bool
    cost_s: float
    optimum_s: float
    first: Decision


@dataclass(frozen=True, slots=True)
class Result:
    """All waits of one run."""

    outcomes: Sequence[Outcome]

    @property
    def ratio(self) -> float:
        """The cost of all, relative to that of a clairvoyant; 1 is the best that can be."""
        optimum_s = sum(outcome.optimum_s for outcome in self.outcomes)
        return sum(outcome.cost_s for outcome in self.outcomes) / optimum_s if optimum_s else 1.0

    @property
    def moved(self) -> int:
        """How many waits were worth a move, as the policy saw it."""
        return sum(outcome.is_moved for outcome in self.outcomes)

    @property
    def inside_band(self) -> float:
        """The share of the waits that ended within the 10-90 % band that was predicted; NaN if none was."""
        known = [
            prediction.p10 <= outcome.duration_s <= prediction.p90
            for outcome in self.outcomes
            if (prediction := outcome.first.prediction).basis == "key"
            and prediction.p10 is not None
            and prediction.p90 is not None
        ]
        return sum(known) / len(known) if known else math.nan


def costing(beta_s: float) -> Cost:
    """A cost of moving whose break-even wait is ``beta_s`` when others want the worker."""
    return Cost(0.4 * beta_s, 0.3 * beta_s)


def hold_for(decide_at: Callable[[float], Decision], duration_s: float) -> tuple[float, bool, Decision]:
    """Follow decisions through a wait of ``duration_s``: how long it was held, whether it was let go then, and the
    first decision. ``decide_at`` decides about a cell that has waited so long."""
    elapsed_s, first = 0.0, None
    while True:
        decision = decide_at(elapsed_s)
        first = first or decision
        if decision.action == "suspend":
            return elapsed_s, True, first
        again_s = math.inf if decision.at is None else decision.at - START
        if again_s >= duration_s:
            return duration_s, False, first
        elapsed_s = max(again_s, elapsed_s + _LEAST_STEP_S)


def replay(
    policy: Policy,
    durations: Sequence[float],
    *,
    cost: Cost,
    history: History | None = None,
    key: str = "function:f",
    demand: Demand = BUSY,
) -> Result:
    """Waits of one call, one after the other, each learned from when it has ended."""
    known = History() if history is None else history
    answers = iter(durations)
    return interact(policy, lambda _: next(answers), len(durations), cost=cost, history=known, key=key, demand=demand)


def interact(
    policy: Policy,
    duration_of: Callable[[float], float],
    count: int,
    *,
    cost: Cost,
    history: History,
    key: str = "function:f",
    demand: Demand = BUSY,
) -> Result:
    """As :func:`replay`, with waits that may depend on how long the policy would hold an endless one."""
    beta_s = break_even_s(cost, demand)
    outcomes = []
    wait = Wait("o", CallKind.FUNCTION, key, key.partition(":")[2], START)

    def decide_at(elapsed_s: float) -> Decision:
        return decide(policy, (wait,), START + elapsed_s, history, cost, elapsed_s, demand=demand)

    for _ in range(count):
        # Holding does not depend on what has not come yet, so an endless wait shows where the policy lets go.
        limit_s, would_move, first = hold_for(decide_at, 1e9)
        duration_s = duration_of(limit_s)
        is_moved = would_move and limit_s < duration_s
        held_s = limit_s if is_moved else duration_s
        cost_s = held_s + beta_s * is_moved
        outcomes.append(Outcome(duration_s, held_s, is_moved, cost_s, min(duration_s, beta_s), first))
        history.add(key, "function", duration_s)
        history.settle(key, cost_s / beta_s, min(duration_s, beta_s) / beta_s)
    return Result(outcomes)
