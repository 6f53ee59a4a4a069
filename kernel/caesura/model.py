"""Values that every part of Caesura shares.

What lives here: frozen dataclasses and enums without behaviour beyond reading themselves. What must not: I/O, time,
anything that knows a process.

Times are seconds since the epoch (wall clock) unless a name says otherwise; durations end in ``_s``, sizes in
``_bytes``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PROTOCOL = 4
"""Version of the protocol between coordinator, workers, stubs and clients. A refusal names both."""

ARCHIVE_FORMAT = 1
"""Version of the manifest and stream of a snapshot."""


class SessionKind(enum.StrEnum):
    NOTEBOOK = "notebook"
    FUNCTION = "function"


class CallKind(enum.StrEnum):
    """What a cell can wait for."""

    FUNCTION = "function"
    EVENT = "event"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that a blocked cell waits for.

    ``op_id`` is the operation's id, or the empty string for a timer of the loop. ``key`` names the history that
    predicts it (``function:module.name``, ``event:name``, ``timer``). ``due`` is when it is known to end, if it is.
    """

    op_id: str
    kind: CallKind
    key: str
    label: str
    since: float
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a blocked cell cannot be moved now.

    ``path`` is how the user reaches the thing (``loader → ._conn``), ``kind`` what it is (``socket.socket``),
    ``remedy`` what can be done about it.
    """

    kind: str
    path: str = ""
    detail: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path} → {self.kind}" if self.path else self.kind
        return f"{text} ({self.detail})" if self.detail else text


# --- when a suspended cell has to come back -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnOp:
    """The answer of one operation."""

    op_id: str


@dataclass(frozen=True, slots=True)
class AtTime:
    """A timer of the loop, at a wall time."""

    due: float


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The first of several."""

    parts: tuple[Wake, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of several; with ``fail_fast`` also the first error among the operations directly in it."""

    parts: tuple[Wake, ...]
    fail_fast: bool = False


Wake = OnOp | AtTime | AnyOf | AllOf
"""The condition under which a user's task can step again. ``AnyOf(())`` never comes true."""


def is_satisfied(wake: Wake, answers: Mapping[str, bool], now: float) -> bool:
    """Whether ``wake`` holds, given the answers that have come (operation id → it succeeded) and the time."""
    match wake:
        case OnOp(op_id):
            return op_id in answers
        case AtTime(due):
            return due <= now
        case AnyOf(parts):
            return any(is_satisfied(part, answers, now) for part in parts)
        case AllOf(parts, fail_fast):
            if fail_fast and any(isinstance(part, OnOp) and answers.get(part.op_id) is False for part in parts):
                return True
            return all(is_satisfied(part, answers, now) for part in parts)


def next_due(wake: Wake, answers: Mapping[str, bool]) -> float | None:
    """The earliest wall time at which ``wake`` comes true without any further answer, or None if it cannot."""
    match wake:
        case OnOp(op_id):
            return 0.0 if op_id in answers else None
        case AtTime(due):
            return due
        case AnyOf(parts):
            times = [time for part in parts if (time := next_due(part, answers)) is not None]
            return min(times, default=None)
        case AllOf(parts, fail_fast):
            if fail_fast and any(isinstance(part, OnOp) and answers.get(part.op_id) is False for part in parts):
                return 0.0
            latest = 0.0
            for part in parts:
                time = next_due(part, answers)
                if time is None:
                    return None
                latest = max(latest, time)
            return latest


def operations_of(wake: Wake) -> Iterator[str]:
    """The ids of all operations that ``wake`` names."""
    match wake:
        case OnOp(op_id):
            yield op_id
        case AnyOf(parts) | AllOf(parts):
            for part in parts:
                yield from operations_of(part)
        case AtTime():
            return


def wake_to_json(wake: Wake) -> dict[str, object]:
    match wake:
        case OnOp(op_id):
            return {"op": op_id}
        case AtTime(due):
            return {"at": due}
        case AnyOf(parts):
            return {"any": [wake_to_json(part) for part in parts]}
        case AllOf(parts, fail_fast):
            return {"all": [wake_to_json(part) for part in parts], "fail_fast": fail_fast}


def wake_from_json(value: object) -> Wake:
    """The inverse of :func:`wake_to_json`; ValueError if ``value`` is not such a condition."""
    if isinstance(value, dict):
        match value:
            case {"op": str(op_id)}:
                return OnOp(op_id)
            case {"at": float(due) | int(due)}:
                return AtTime(float(due))
            case {"any": list(parts)}:
                return AnyOf(tuple(wake_from_json(part) for part in parts))
            case {"all": list(parts), **rest}:
                return AllOf(tuple(wake_from_json(part) for part in parts), bool(rest.get("fail_fast", False)))
    raise ValueError(f"not a wake condition: {value!r}")
