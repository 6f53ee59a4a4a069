"""The reason of a decision as a sentence.

What lives here: words. What must not: the rule itself; every branch here repeats what was found.
"""

from __future__ import annotations

from caesura.model import Wait
from caesura.policy.automatic import Verdict
from caesura.policy.cost import Cost
from caesura.policy.hazard import Demand
from caesura.policy.history import Prediction
from caesura.policy.setting import Policy


def reason_of(
    policy: Policy,
    threshold_s: float | None,
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
    if policy.name in ("fixed", "break-even"):
        limit = f"the {policy.name} threshold of {seconds(threshold_s)}"
        if suspends:
            return f"the wait has lasted {seconds(elapsed_s)}, at least {limit}"
        return f"the wait has lasted {seconds(elapsed_s)}, less than {limit}"
    limit = f"the threshold of {seconds(threshold_s)}"
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


def reason_of_auto(
    verdict: Verdict, cost: Cost, demand: Demand, prediction: Prediction, now: float, suspends: bool
) -> str:
    """Why ``auto`` holds a cell, and for how long, or lets it go."""
    moving = f"moving costs {seconds(cost.total_s)} and pays from {seconds(verdict.beta_s)} on, {_others(demand)}"
    if suspends:
        verb = "not worth holding on to its worker"
    elif verdict.is_held_back:
        verb = f"has come back lately, so it stays for {seconds(verdict.hold_s)} more"
    else:
        verb = f"worth holding on for {seconds(verdict.hold_s)} more"
    return f"{_evidence(verdict.wait, prediction, now)}: {verb}; {moving}"


def _others(demand: Demand) -> str:
    if demand.queued == 0:
        return "while nobody else wants the worker"
    workers = "1 worker" if demand.workers == 1 else f"{demand.workers} workers"
    return f"with {demand.queued} waiting for {workers}"


def _evidence(wait: Wait | None, prediction: Prediction, now: float) -> str:
    if wait is None:
        return "nothing is known about the wait"
    name = wait.label or wait.key
    if wait.due is not None:
        rest_s = wait.due - now
        if rest_s >= 0:
            return f"{name} ends in {seconds(rest_s)}"
        return f"{name} should have ended {seconds(-rest_s)} ago"
    lasted = f"has lasted {seconds(max(0.0, now - wait.since))}"
    if prediction.p10 is None or prediction.p90 is None:
        return f"{name} has no history yet and {lasted}"
    if prediction.basis != "key":
        return f"{name} has no history yet, {lasted}, and is judged by other calls"
    calls = "1 call" if prediction.count == 1 else f"{prediction.count} calls"
    band = f"{seconds(prediction.p10)} to {seconds(prediction.p90)}"
    return f"{name} {lasted} and is expected to take {band} in all (10-90 % of {calls})"


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
