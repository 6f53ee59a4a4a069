"""The settings as the parts of the coordinator take them: plain values.

What lives here: those values, and reading a time. What must not: anything that takes time to import: the daemon reads
its settings before it does anything else, and the first notebook waits for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from caesura.errors import UsageError
from caesura.policy import Policy


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that the core needs."""

    workers: int
    policy: Policy
    burst_after_s: float = 1.0
    memory_reserve_fraction: float = 0.1
    idle_exit_s: float = 600.0
    preload_bytes: int = 0
    park_after_s: float | None = None
    """An idle notebook is parked after so long; None: not by itself."""
    activity_s: float = 120.0
    """So often a cell that is not over is said to be busy; 0: only once."""
    keep_s: float = 604_800.0
    """A notebook whose server has gone is kept for so long; 0: it ends with its server."""
    outputs_bytes: int = 64_000_000
    """So much of a notebook's outputs is kept until it is confirmed."""
    hidden_names: str | None = None
    """A pattern: values of variables with such names are not shown. None: none of the variables of frames is."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """None: there is no such limit."""

    quota_bytes: int | None = None
    max_age_s: float | None = None
    outputs_max_age_s: float | None = None


def parse_seconds(name: str, text: str) -> float | None:
    """A number of seconds, or None for ``never``; UsageError, which names the setting, if it is neither."""
    if text.strip().lower() == "never":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise UsageError(f"{name} is {text!r}; it has to be a number of seconds, or never.")
    return seconds
