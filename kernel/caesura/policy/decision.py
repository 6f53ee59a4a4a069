"""Whether a waiting cell keeps its worker.

What lives here: the policies, as a function of values. What must not: I/O, clocks, who carries the decision out.

``auto`` is in ``automatic.py``. ``break-even`` holds every wait until it has cost as much as a move.

``mean`` with threshold S judges every single wait and says when it justifies a move:

- its end is known: at once if the rest is at least S, else once it is overdue by 4 S;
- its call has a history: at once if the mean is at least S, else when it has lasted 4 S (a wait may be endless, so
  "never" is no answer);
- it is the first of its call: when it has lasted S.

A condition with several waits: *all of* them lasts as long as its longest, so the earliest of the moments counts;
*any of* them ends with its shortest, so the latest counts. The wait that decided is named in the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from caesura.model import AllOf, AnyOf, AtTime, CallKind, OnOp, Wait, Wake
from caesura.policy.automatic import Verdict, judge
from caesura.policy.cost import Cost
from caesura.policy.hazard import BUSY, Demand, break_even_s
from caesura.policy.history import UNKNOWN, History, Prediction, known_end
from caesura.policy.setting import Policy
from caesura.policy.wording import reason_of, reason_of_auto

Action = Literal["hold", "suspend"]

PATIENCE: Final = 4.0
"""A wait that was expected to be short is let go when it has lasted this many thresholds."""

_SLACK_S: Final = 1e-3  # a timer that was set for a moment may fire a rounding error before it


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a blocked cell.

    ``at`` is the wall time to look again at if the action is hold, or None if time alone changes nothing.
    ``threshold_s`` is None under ``always`` and ``never``, and the break-even wait under ``auto``. ``prediction`` is
    about ``wait``, the wait that decided (None if there is none). ``reason`` is a sentence for the user. ``rest_s`` is
    how much longer the cell is expected to wait, where it was asked (``auto``).
    """

    action: Action
    at: float | None
    threshold_s: float | None
    prediction: Prediction
    reason: str
    wait: Wait | None = None
    rest_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """One wait, or a condition through the wait that decides it: when to suspend, when it will probably end."""

    suspend_at: float
    ends_at: float
    wait: Wait | None


def threshold_of(policy: Policy, cost: Cost, demand: Demand = BUSY) -> float | None:
    """The threshold in seconds that ``policy`` applies; None for ``always`` and ``never``."""
    if policy.name in ("auto", "break-even"):
        return break_even_s(cost, demand)
    return policy.seconds


def decide(
    policy: Policy,
    waits: Sequence[Wait],
    now: float,
    history: History,
    cost: Cost,
    elapsed_s: float,
    wake: Wake | None = None,
    *,
    demand: Demand = BUSY,
    resumed_s: float | None = None,
) -> Decision:
    """Hold a cell that has been blocked for ``elapsed_s``, or suspend it.

    ``waits`` describe what it waits for, ``wake`` how they combine (any of them, if it is None). ``now`` is wall
    time. ``demand`` says who else wants a worker, ``resumed_s`` how long ago the cell came back from its last move;
    only ``auto`` looks at them.
    """
    if policy.name == "auto":
        verdict = judge(waits, wake, now, history, cost, demand, elapsed_s, resumed_s)
        return _automatic(verdict, now, history, cost, demand)
    threshold_s = threshold_of(policy, cost)
    start = now - elapsed_s
    block = _Block(waits, start)
    if threshold_s is None or policy.name != "mean":
        judged = block.judge(wake, lambda wait: _Judged(0.0, _expected_end(wait, history), wait))
        suspend_at = _without_prediction(policy, threshold_s, start)
    else:
        judged = block.judge(wake, lambda wait: _by_mean(wait, threshold_s, now, start, history))
        suspend_at = _when_still_wanted(
            judged.suspend_at,
            now,
            lambda at: block.judge(wake, lambda wait: _by_mean(wait, threshold_s, at, start, history)).suspend_at,
        )
    wait = judged.wait
    prediction = UNKNOWN if wait is None else _prediction(wait, history, now)
    suspends = suspend_at <= now + _SLACK_S
    return Decision(
        action="suspend" if suspends else "hold",
        at=None if suspends or math.isinf(suspend_at) else suspend_at,
        threshold_s=threshold_s,
        prediction=prediction,
        reason=reason_of(policy, threshold_s, wait, prediction, now, elapsed_s, suspends),
        wait=wait,
    )


def _automatic(verdict: Verdict, now: float, history: History, cost: Cost, demand: Demand) -> Decision:
    wait = verdict.wait
    prediction = UNKNOWN if wait is None else _prediction(wait, history, now)
    suspends = verdict.hold_s <= _SLACK_S
    return Decision(
        action="suspend" if suspends else "hold",
        at=None if suspends else now + verdict.hold_s,
        threshold_s=verdict.beta_s,
        prediction=prediction,
        reason=reason_of_auto(verdict, cost, demand, prediction, now, suspends),
        wait=wait,
        rest_s=verdict.rest_s,
    )


class _Block:
    """The waits of one blocked cell, to be found from the leaves of its wake condition."""

    def __init__(self, waits: Sequence[Wait], start: float) -> None:
        self._waits = waits
        self._start = start
        self._by_op = {wait.op_id: wait for wait in waits if wait.op_id}
        self._by_due = {wait.due: wait for wait in waits if not wait.op_id and wait.due is not None}

    def judge(self, wake: Wake | None, judge: Callable[[Wait | None], _Judged]) -> _Judged:
        """The wait that decides under ``wake``, or under "any of them" without one."""
        if wake is None:
            return _soonest([judge(wait) for wait in self._waits], judge)
        return self._judge(wake, judge)

    def _judge(self, wake: Wake, judge: Callable[[Wait | None], _Judged]) -> _Judged:
        match wake:
            case OnOp(op_id):
                return judge(self._by_op.get(op_id))
            case AtTime(due):
                known = self._by_due.get(due)
                return judge(known or Wait("", CallKind.TIMER, "timer", "timer", self._start, due))
            case AnyOf(parts):
                return _soonest([self._judge(part, judge) for part in parts], judge)
            case AllOf(parts):
                judged = [self._judge(part, judge) for part in parts]
                return min(judged, key=_order) if judged else judge(None)


def _soonest(judged: list[_Judged], judge: Callable[[Wait | None], _Judged]) -> _Judged:
    return max(judged, key=_order) if judged else judge(None)


def _order(judged: _Judged) -> tuple[float, float]:
    # Among equal moments the one that ends last comes first: it decides "all of", the other end "any of".
    return judged.suspend_at, -judged.ends_at


def _without_prediction(policy: Policy, threshold_s: float | None, start: float) -> float:
    if threshold_s is not None:
        return start + threshold_s
    return -math.inf if policy.name == "always" else math.inf


def _when_still_wanted(suspend_at: float, now: float, judged_at: Callable[[float], float]) -> float:
    """The first moment from ``suspend_at`` at which the rule still says so: a wait that is long now is a short one just
    before its known end, and overdue after it."""
    while suspend_at > now and (again := judged_at(suspend_at)) > suspend_at + _SLACK_S:
        suspend_at = again
    return suspend_at


def _by_mean(wait: Wait | None, threshold_s: float, now: float, start: float, history: History) -> _Judged:
    if wait is None:
        return _Judged(start + threshold_s, start + threshold_s, None)
    if wait.due is not None:
        is_long = wait.due - now >= threshold_s
        return _Judged(now if is_long else wait.due + PATIENCE * threshold_s, wait.due, wait)
    known = history.mean(wait.key)
    if known is None:
        return _Judged(wait.since + threshold_s, wait.since + threshold_s, wait)
    mean_s, _ = known
    is_long = mean_s >= threshold_s
    return _Judged(now if is_long else wait.since + PATIENCE * threshold_s, wait.since + mean_s, wait)


def _expected_end(wait: Wait | None, history: History) -> float:
    if wait is None:
        return math.inf
    if wait.due is not None:
        return wait.due
    known = history.mean(wait.key)
    return math.inf if known is None else wait.since + known[0]


def _prediction(wait: Wait, history: History, now: float) -> Prediction:
    if wait.due is not None:
        return known_end(max(0.0, wait.due - wait.since))
    return history.predict(wait.key, str(wait.kind), max(0.0, now - wait.since))
