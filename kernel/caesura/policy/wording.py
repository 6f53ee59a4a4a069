"""The reason of a decision as a sentence.

What lives here: words. What must not: the rule itself; every branch here repeats what ``decision.py`` found.
"""

from __future__ import annotations

from caesura.model import Wait
from caesura.policy.cost import Cost
from caesura.policy.history import Prediction
from caesura.policy.setting import Policy


def reason_of(
    policy: Policy,
    threshold_s: float | None,
    cost: Cost,
    wait: Wait | None,
    prediction: Prediction,
    now: float,
    elapsed_s: float,
    suspends: bool,
) -> str:
    """Why a cell that waits is held or suspended, for the user; no full stop at the end."""
    if threshold_s is None:
        if suspends:
            return "the policy is always: every wait leaves its worker"
        return "the policy is never: a cell keeps its worker while it waits"
    if policy.name == "fixed":
        limit = f"the fixed threshold of {seconds(threshold_s)}"
        if suspends:
            return f"the wait has lasted {seconds(elapsed_s)}, at least {limit}"
        return f"the wait has lasted {seconds(elapsed_s)}, less than {limit}"
    limit = f"the threshold of {seconds(threshold_s)}"
    if policy.name == "auto":
        limit += _origin(threshold_s, cost)
    if wait is None:
        return _compared("nothing is known about the wait, which has lasted", elapsed_s, limit, suspends)
    name = wait.label or wait.key
    lasted_s = max(0.0, now - wait.since)
    if wait.due is not None:
        return _known_end(name, wait.due - now, limit, suspends)
    if prediction.basis != "key" or prediction.mean is None:
        return _compared(f"{name} has no history yet and has lasted", lasted_s, limit, suspends)
    calls = "1 call" if prediction.count == 1 else f"{prediction.count} calls"
    average = f"{name} has taken {seconds(prediction.mean)} on average over {calls}"
    if prediction.mean >= threshold_s:
        return f"{average}, at least {limit}"
    if suspends:
        return f"{average}, but this time it has lasted {seconds(lasted_s)}, far beyond {limit}"
    return f"{average}, less than {limit}"


def _origin(threshold_s: float, cost: Cost) -> str:
    if cost.total_s < threshold_s:
        return f", the least of auto (moving costs {seconds(cost.total_s)})"
    if cost.total_s > threshold_s:
        return f", the most of auto (moving costs {seconds(cost.total_s)})"
    return ", which is what moving costs"


def _known_end(name: str, rest_s: float, limit: str, suspends: bool) -> str:
    if rest_s >= 0:
        return _compared(f"{name} ends in", rest_s, limit, suspends)
    if suspends:
        return f"{name} should have ended {seconds(-rest_s)} ago, far beyond {limit}"
    return f"{name} should have ended {seconds(-rest_s)} ago"


def _compared(text: str, value_s: float, limit: str, suspends: bool) -> str:
    return f"{text} {seconds(value_s)}, {'at least' if suspends else 'less than'} {limit}"


def seconds(value_s: float) -> str:
    """A duration for a sentence: ``3.02 s``, ``0.05 s``, ``95 s``."""
    return f"{value_s:.3g} s" if value_s < 100 else f"{value_s:.0f} s"
