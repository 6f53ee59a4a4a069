"""What a wait cost, and what other policies would have paid for it.

What lives here: the arithmetic, in seconds of a worker; a second of the user's delay counts the same. What must not:
which waits there were, days, keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from caesura.policy.hazard import CAP

FIXED_S: Final = 60.0
"""The threshold of the fixed policy that waits are compared with."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Seconds that one wait would have cost under each policy; ``clairvoyant`` is the least there is."""

    never: float
    always: float
    fixed: float
    break_even: float
    mean: float
    clairvoyant: float


def would_have_cost(wait_s: float, move_s: float, mean_s: float | None) -> Paid:
    """For a wait of ``wait_s`` in a session that costs ``move_s`` to move (save, load, and the delay that this adds).

    ``mean_s`` is what such calls had taken on average before it, None if it was the first.
    """

    def held_for(limit_s: float) -> float:
        return wait_s if wait_s <= limit_s else limit_s + move_s

    is_long = mean_s is not None and mean_s >= move_s
    mean = move_s if is_long else held_for(move_s if mean_s is None else CAP * move_s)
    return Paid(wait_s, move_s, held_for(FIXED_S), held_for(move_s), mean, min(wait_s, move_s))
