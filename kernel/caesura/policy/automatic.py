"""The rule of ``auto``: what the waits of a cell say together, and for how long to hold it.

What lives here: from waits and their wake condition to the rest of the wait, and from that to a moment. What must not:
the other policies (``decision.py``), words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from caesura.model import AllOf, AnyOf, AtTime, CallKind, OnOp, Wait, Wake
from caesura.policy.cost import Cost
from caesura.policy.hazard import BUSY, LEAST, Demand, best_hold_s, break_even_s
from caesura.policy.history import History
from caesura.policy.rest import Rest, all_of, any_of, ends_in, from_history
from caesura.policy.samples import Distribution

_Combination = Callable[[Sequence[Rest]], Rest]
_Weighed = Sequence[tuple[Distribution, float]]

_HORIZON_S: Final = 86_400.0
"""What may never end counts as this long."""

_ALIKE_S: Final = 0.05
"""Waits of one call that began this close together have the same rest."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold for ``hold_s`` more (0: let go). ``wait`` decided; ``rest_s`` is the expected rest, at most a day."""

    hold_s: float
    beta_s: float
    rest_s: float
    wait: Wait | None
    is_held_back: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    rest: Rest
    mean_s: float
    wait: Wait | None
    is_cold: bool = False
    lasted_s: float = 0.0


def judge(
    waits: Sequence[Wait],
    wake: Wake | None,
    now: float,
    history: History,
    cost: Cost,
    demand: Demand,
    held_s: float,
    resumed_s: float | None,
) -> Verdict:
    """For how long to hold a cell that has been held for ``held_s``, and was resumed ``resumed_s`` ago."""
    beta_s = break_even_s(cost, demand)
    part = _Waits(waits, now, history, beta_s, held_s).of(wake)
    hold_s = _hold_s(part, beta_s, held_s)
    if part.wait is not None and part.wait.due is None and history.misleads(part.wait.key):
        hold_s = max(hold_s, LEAST * beta_s - held_s)
    pause_s = 0.0
    if resumed_s is not None:
        pause_s = max(break_even_s(cost, BUSY), 2 * (cost.save_s + cost.load_s)) - resumed_s
    return Verdict(max(hold_s, pause_s), beta_s, part.mean_s, part.wait, hold_s < pause_s)


def _hold_s(part: _Part, beta_s: float, held_s: float) -> float:
    if part.is_cold:  # nothing is known: the best that can be promised is twice the optimum
        return max(0.0, beta_s - part.lasted_s)
    return best_hold_s(part.rest, beta_s, held_s)


class _Waits:
    """The waits of one blocked cell, to be found from the leaves of its wake condition."""

    def __init__(self, waits: Sequence[Wait], now: float, history: History, beta_s: float, held_s: float) -> None:
        self._waits = waits
        self._now = now
        self._history = history
        self._beta_s = beta_s
        self._held_s = held_s
        self._by_op = {wait.op_id: wait for wait in waits if wait.op_id}
        self._by_due = {wait.due: wait for wait in waits if not wait.op_id and wait.due is not None}
        self._known: dict[tuple[str, int], _Part] = {}

    def of(self, wake: Wake | None) -> _Part:
        """Under ``wake``, or under "any of them" without one."""
        match wake:
            case None:
                return self._soonest([self._leaf(wait) for wait in self._waits])
            case OnOp(op_id):
                return self._leaf(self._by_op.get(op_id))
            case AtTime(due):
                known = self._by_due.get(due)
                return self._leaf(known or Wait("", CallKind.TIMER, "timer", "timer", self._now, due))
            case AnyOf(parts):
                return self._soonest([self.of(part) for part in parts])
            case AllOf(parts):
                found = [self.of(part) for part in parts]
                if len(found) < 2:
                    return found[0] if found else self._leaf(None)
                return self._together(all_of, found, max(found, key=lambda part: part.mean_s))

    def _soonest(self, found: list[_Part]) -> _Part:
        if len(found) < 2:
            return found[0] if found else self._leaf(None)
        return self._together(any_of, found, min(found, key=lambda part: part.mean_s))

    def _together(self, combine: _Combination, found: list[_Part], decider: _Part) -> _Part:
        rest = combine([part.rest for part in found])
        return _Part(rest, rest.mean_s(_HORIZON_S), decider.wait)

    def _leaf(self, wait: Wait | None) -> _Part:
        if wait is None:
            return self._measured(None, [], self._held_s)
        if wait.due is not None:
            if wait.due >= self._now:
                return _Part(ends_in(wait.due - self._now), wait.due - self._now, wait)
            return self._measured(wait, [], self._now - wait.due)
        lasted_s = max(0.0, self._now - wait.since)
        alike = (wait.key, math.floor(lasted_s / _ALIKE_S))
        found = self._known.get(alike)
        if found is None:
            weighed = self._history.weighed(wait.key, str(wait.kind))
            found = self._known[alike] = self._measured(wait, weighed, lasted_s)
        return found

    def _measured(self, wait: Wait | None, weighed: _Weighed, lasted_s: float) -> _Part:
        rest = from_history(weighed, lasted_s, self._beta_s)
        return _Part(rest, rest.mean_s(_HORIZON_S), wait, not weighed, lasted_s)
