"""When a cell that is held is saved all the same, in case its process dies.

What lives here: the rule, as a function of values. What must not: how a snapshot is taken, who may resume from it.

The worker is kept, so a save costs only its own time, in which the cell would wait anyway; what it buys is that the
wait so far, and all that ran before it, is not lost with the process. So a wait is saved once, when it has lasted
:data:`SHARE` times what the save is expected to take, and :data:`LEAST_S` at least: saves take less than a twentieth of
the time that a session is held, and short waits are left alone. It is not done when the wait is expected to be over
before the save is.
"""

from __future__ import annotations

from typing import Final

from caesura.policy.cost import Cost

SHARE: Final = 20.0
LEAST_S: Final = 5.0


def save_after_s(cost: Cost, rest_s: float | None = None) -> float | None:
    """After how many seconds of a wait to save a held cell; None if that is not worth it. ``rest_s`` is how much
    longer it is expected to wait, if that is known."""
    if rest_s is not None and rest_s < cost.save_s:
        return None
    return max(LEAST_S, SHARE * cost.save_s)


def reason_of_save(held_s: float, cost: Cost) -> str:
    """Why, as a sentence for the user."""
    return (
        f"saved in case its process dies, and kept: it has waited {held_s:.3g} s, "
        f"and a save takes about {cost.save_s:.2g} s"
    )
