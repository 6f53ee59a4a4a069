"""A function of the notebook, run on a worker of the pool.

What lives here: its options, and what its worker's death means. What must not: the function itself; it is bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caesura.errors import UsageError
from caesura.runner.answer import Answer


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """``retries`` is how often it may be begun again after its worker died."""

    retries: int = 0


def parse_options(options: Mapping[str, Any]) -> FunctionOptions:
    """The options of a call; UsageError if ``retries`` is not a count."""
    retries = options.get("retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise UsageError(f"retries is {retries!r}; it has to be a whole number that is not negative.")
    return FunctionOptions(retries)


def after_death(options: FunctionOptions, label: str, attempts: int, how: str) -> Answer | None:
    """The function's worker died in attempt number ``attempts``: its answer, or None if it is begun again."""
    if attempts <= options.retries:
        return None
    name = label or "The function"
    text = f"{name} may have run in part or in whole: its worker {how}."
    if options.retries:
        text += f" It was begun {attempts} times."
    else:
        text += " It is not repeated unless it is given retries: @caesura.remote(retries=1)."
    return Answer(False, text=text, is_uncertain=True)


def could_not_run(label: str, reason: str) -> Answer:
    """No worker could be had for it, so that nothing of it ran."""
    return Answer(False, text=f"{label or 'The function'} was not run: {reason}")
