"""When a suspended cell is loaded, so that it goes on in time: at a known end, and ahead of one that can be foreseen.

What lives here: from a wake condition and a history to a moment. What must not: the load itself (``moves.py``).

Only ``auto`` loads ahead: it costs a worker for as long. A known end is a timer of the loop. A call is foreseen if its
own history says within narrow bounds when it will end: the time from its 10 to its 90 % quantile is what the worker
waits for it at most, and that must not be more than what the user saves, twice the time of a resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from caesura.coordinator.state import OpenWait, Saved, Session
from caesura.model import next_due

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_LEAST_CALLS: Final = 8
_MARGIN: Final = 1.25
_MARGIN_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """Load at the wall time ``at`` for an end expected at ``due``; ``is_known`` if that is certain."""

    at: float
    due: float
    is_known: bool


def load_of(core: Core, session: Session, saved: Saved, recorded: Mapping[str, bool]) -> Load | None:
    """When to load the session if nothing comes before; None if there is no such time."""
    due, wait = next_due(saved.wake, recorded), session.wait
    released_at = None if wait is None else wait.released_at
    if session.policy.name != "auto" or wait is None or released_at is None or not saved.cell_id:
        return None if due is None else Load(due, due, True)
    ahead_s = _MARGIN * session.resume_s + _MARGIN_S
    if due is not None:
        return Load(due - min(ahead_s, (due - released_at) / 4), due, True)
    return _foreseen(core, session, saved, wait, ahead_s)


def _foreseen(core: Core, session: Session, saved: Saved, wait: OpenWait, ahead_s: float) -> Load | None:
    operation = session.operations.get(saved.waits[0].op_id) if len(saved.waits) == 1 else None
    if operation is None or wait.released_at is None:
        return None
    prediction = core.history.predict(operation.key, operation.kind, -1.0)
    if prediction.basis != "key" or prediction.count < _LEAST_CALLS or prediction.p10 is None or prediction.p90 is None:
        return None
    at, due = operation.created + prediction.p10 - ahead_s, operation.created + prediction.p90
    is_narrow = prediction.p90 - prediction.p10 <= 2 * session.resume_s
    is_away_for_long = at - wait.released_at >= 3 * ahead_s
    return Load(at, due, False) if is_narrow and is_away_for_long and core.now < due else None
