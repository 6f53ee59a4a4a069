"""The setting ``CAESURA_POLICY``: what it may say and what it means.

What lives here: the value and its text. What must not: the rule that applies it (``decision.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from caesura.errors import UsageError

PolicyName = Literal["always", "never", "fixed", "mean", "break-even", "auto"]

ALLOWED: Final = "always, never, auto, break-even, fixed:SECONDS or mean:SECONDS"


@dataclass(frozen=True, slots=True)
class Policy:
    """When a waiting cell leaves its worker. ``seconds`` is the threshold of ``fixed`` and ``mean``, else None.

    ``str(policy)`` is the text that :func:`parse` reads back.
    """

    name: PolicyName
    seconds: float | None = None

    def __str__(self) -> str:
        return self.name if self.seconds is None else f"{self.name}:{self.seconds:g}"


def parse(text: str) -> Policy:
    """The policy that ``text`` names; UsageError, which says what is allowed, if it names none.

    Upper case and blanks around the words do not matter.
    """
    word, colon, number = text.strip().lower().partition(":")
    word = word.strip()
    match word, bool(colon):
        case ("always" | "never" | "auto" | "break-even") as name, False:
            return Policy(name)
        case ("fixed" | "mean") as name, True:
            return Policy(name, _seconds(text, number))
    raise UsageError(f"CAESURA_POLICY is {text!r}; it can be {ALLOWED} (for example mean:1).")


def _seconds(text: str, number: str) -> float:
    try:
        seconds = float(number)
    except ValueError:
        raise UsageError(
            f"CAESURA_POLICY is {text!r}, but {number.strip()!r} is not a number of seconds; "
            f"it can be {ALLOWED} (for example mean:1)."
        ) from None
    if not math.isfinite(seconds) or seconds < 0:
        raise UsageError(
            f"CAESURA_POLICY is {text!r}, but its seconds must be a finite number that is not negative; "
            f"it can be {ALLOWED} (for example mean:1)."
        )
    return seconds + 0.0  # -0.0 reads as 0
