"""A moment in time that a cell waits for. Timers of a cell's own loop are not calls; this is for those that are."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from typing import Any

from caesura.errors import UsageError
from caesura.runner.answer import Answer


def due_of(options: Mapping[str, Any], now: float) -> float:
    """The wall time at which the timer ends: ``{"at": wall time}`` or ``{"seconds": from now}``.

    UsageError if it is neither, or not a finite number.
    """
    value = options.get("at", options.get("seconds"))
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise UsageError(f"A timer needs a finite number of seconds, or a time; it got {value!r}.")
    return float(value) if "at" in options else now + max(0.0, float(value))


def answer() -> Answer:
    """The end of a timer: None."""
    return Answer(True, pickle.dumps(None, protocol=5))
