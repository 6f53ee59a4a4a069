"""What the records hold, as values: one frozen dataclass per table, fields named as its columns.

Times are wall seconds. ``Json`` fields hold what was stored, decoded. Bytes are never looked into.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class OperationState(enum.StrEnum):
    PENDING = "pending"
    ANSWERED = "answered"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"


class SnapshotState(enum.StrEnum):
    PREPARED = "prepared"  # on disk; its worker still holds the session
    COMMITTED = "committed"  # the session lives in it
    PASSED = "passed"  # its worker ran on: never resumed by itself
    CONSUMED = "consumed"  # a worker took it up and runs
    FAILED = "failed"  # cannot be loaded; kept


class EventKind(enum.StrEnum):
    INTERRUPT = "interrupt"
    CANCEL = "cancel"
    RESTART = "restart"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One notebook or function. ``next_number`` is the first Numbered message not yet recorded.

    ``state`` is the coordinator's word. ``worker`` is what is known about its process (``{}`` if it has none).
    ``snapshot_id`` is the snapshot that it lives in while it has no worker. ``holder`` says who has the notebook open,
    or since when nobody has.
    """

    id: str
    kind: str
    state: str
    created: float
    updated: float
    epoch: int = 0
    connection: Json = field(default_factory=dict)
    environment: Json = field(default_factory=dict)
    name: str = ""
    detached: bool = False
    policy: str = ""
    next_number: int = 1
    snapshot_id: str | None = None
    parent_op: str | None = None
    worker: Json = field(default_factory=dict)
    holder: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """One cell. ``seq`` orders a session's cells, from 1; ``status`` is that of the reply, or empty."""

    id: str
    session_id: str
    state: str
    request: bytes
    created: float
    seq: int = 0
    code_preview: str = ""
    started: float | None = None
    ended: float | None = None
    status: str = ""
    moves: int = 0
    reason: str = ""
    error: str = ""
    waits: Sequence[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """One thing that a cell waits for. ``consumed`` once its answer is part of what a worker ran on.

    ``result`` is the pickled answer; ``text`` describes an error that nobody could pickle.
    """

    id: str
    session_id: str
    cell_id: str
    kind: str
    key: str
    created: float
    label: str = ""
    request: bytes = b""
    options: Json = field(default_factory=dict)
    parent: Json = field(default_factory=dict)
    state: str = OperationState.PENDING
    due: float | None = None
    ok: bool | None = None
    result: bytes | None = None
    text: str = ""
    answered_at: float | None = None
    consumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRow:
    """One snapshot. ``epoch`` is that of the worker that saved it; ``blobs`` are the names that it needs; ``stream`` is
    the stream of a small one, which is in no blob."""

    id: str
    session_id: str
    cell_id: str
    epoch: int
    manifest: Json
    created: float
    blobs: Sequence[str] = field(default_factory=list)
    state: str = SnapshotState.PREPARED
    size_bytes: int = 0
    last_number: int = 0
    failures: int = 0
    stream: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """One break in a cell (``cell_id`` is empty for a session parked between cells).

    ``epoch`` is that of the worker that left; ``to_pid``, ``resumed_at`` and ``load_s`` are None until it is back.
    """

    session_id: str
    cell_id: str
    epoch: int
    from_pid: int
    suspended_at: float
    id: int = 0
    to_pid: int | None = None
    resumed_at: float | None = None
    waited_for: Sequence[Json] = field(default_factory=list)
    size_bytes: int = 0
    save_s: float = 0.0
    load_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision, with what was predicted (seconds) and later what it really was."""

    at: float
    session_id: str
    cell_id: str
    key: str
    kind: str
    policy: str
    action: str
    reason: str
    id: int = 0
    predicted_p10: float | None = None
    predicted_p50: float | None = None
    predicted_p90: float | None = None
    predicted_mean: float | None = None
    threshold_s: float | None = None
    actual_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRow:
    """One measured wait: a sample of the history. ``censored`` if it was cut off before its end."""

    key: str
    kind: str
    duration_s: float
    at: float
    id: int = 0
    censored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One wait that is over: what it really cost, in seconds of a worker, and what other policies would have paid.

    ``wait_s`` is until what it waited for had come, ``held_s`` how long it kept its worker, ``delay_s`` what its move
    added after that, ``freed_s`` how long it had no worker, ``memory_bytes`` what that worker had taken.
    """

    at: float
    cell_id: str
    key: str
    kind: str
    policy: str
    wait_s: float
    held_s: float
    moved: bool
    cost_s: float
    never_s: float
    always_s: float
    fixed_s: float
    break_even_s: float
    mean_s: float
    clairvoyant_s: float
    id: int = 0
    save_s: float = 0.0
    load_s: float = 0.0
    delay_s: float = 0.0
    freed_s: float = 0.0
    memory_bytes: int = 0
    predicted_p10: float | None = None
    predicted_p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsRow:
    """The waits of one kind of call on one day (``YYYY-MM-DD``, local time), added up. Seconds of workers; memory in
    byte-seconds. ``inside`` of ``predicted`` waits ended within the 10-90 % band that was predicted."""

    day: str
    key: str
    waits: int
    moved: int
    wait_s: float
    held_s: float
    save_s: float
    load_s: float
    freed_s: float
    freed_byte_s: float
    delay_s: float
    predicted: int
    inside: int
    cost_s: float
    never_s: float
    always_s: float
    fixed_s: float
    break_even_s: float
    mean_s: float
    clairvoyant_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """One message for the clients of a session. ``n`` orders them, from 1; ``sent`` once it left the socket; ``kept``
    until it is confirmed. ``cell_id`` is the id of the request that it belongs to. ``file``: the number that names the
    file with the parts that are not in ``frames`` (:mod:`caesura.store.output_files`); 0 if there is none."""

    session_id: str
    n: int
    channel: str
    frames: bytes
    sent: bool = False
    cell_id: str = ""
    size_bytes: int = 0
    at: float = 0.0
    kept: bool = False
    file: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One recorded interrupt, cancel, restart or shutdown; ``consumed`` once it took effect."""

    session_id: str
    kind: str
    at: float
    id: int = 0
    cell_id: str = ""
    consumed: bool = False


def values_of(row: Any) -> Mapping[str, Any]:
    """The fields of a row as columns; sequences become lists, as JSON columns need them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name in row.__dataclass_fields__
        for value in (getattr(row, name),)
    }
