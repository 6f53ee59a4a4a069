"""Recorded waits to judge a policy on: a table of call key, start, duration and size of the session.

What lives here: reading the text of such a table. What must not: opening files.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caesura.errors import UsageError
from caesura.policy.cost import CostModel
from caesura.policy.crowd import Arrival

COLUMNS = ("key", "start", "duration_s", "state_bytes")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One wait: it began ``start`` (any clock, in seconds) and took ``duration_s``; its session had ``state_bytes``."""

    key: str
    start: float
    duration_s: float
    state_bytes: int


def read_trace(lines: Iterable[str], name: str) -> list[Recorded]:
    """The waits of a CSV text with a header, in the order of their starts; UsageError, naming file and line, if it is
    none."""
    reader = csv.DictReader(lines)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(f"{name} has no column {missing[0]!r}: its first line has to be {','.join(COLUMNS)}.")
    found = []
    for row in reader:
        try:
            recorded = Recorded(row["key"], float(row["start"]), float(row["duration_s"]), int(row["state_bytes"] or 0))
        except (TypeError, ValueError):
            raise UsageError(
                f"{name}, line {reader.line_num}: not a wait: {','.join(map(str, row.values()))}"
            ) from None
        if not (math.isfinite(recorded.start) and 0 <= recorded.duration_s < math.inf and recorded.state_bytes >= 0):
            raise UsageError(f"{name}, line {reader.line_num}: times are finite, durations and sizes not negative.")
        found.append(recorded)
    if not found:
        raise UsageError(f"{name} holds no waits.")
    return sorted(found, key=lambda recorded: recorded.start)


def arrivals_of(trace: Sequence[Recorded], *, speed: float = 1.0, compute_s: float = 0.0) -> list[Arrival]:
    """Cells that wait as recorded, ``speed`` times as dense; what moving them costs is that of their size."""
    model, begin = CostModel(), trace[0].start
    return [
        Arrival((one.start - begin) / speed, one.key, one.duration_s, compute_s, model.cost(one.state_bytes))
        for one in trace
    ]
