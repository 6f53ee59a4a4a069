"""What happened to cells, told from how they were and how they are.

What lives here: the picture of all cells and sessions that the stream of changes makes, and the comparison. What must
not: who is interested (``emitting.py``, ``metrics.py``). The coordinator joins changes of a tenth of a second, but
counts moves and returns, so none of those is missed; a cell that was held for a shorter time is not told.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]

AWAY: Final = frozenset({"released", "due", "loading"})
ENDED: Final = frozenset({"done", "failed", "cancelled"})


class What(enum.StrEnum):
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    HELD = "held"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Happening:
    """``at`` is when the coordinator said so; ``session`` is the cell's, empty if that is gone."""

    what: What
    cell: Json
    session: Json
    at: float


class Picture:
    """Everything that the coordinator has told. ``tell`` gets what happens to cells that were sent after ``since``, or
    that were seen before it happened."""

    def __init__(self, since: float, tell: Callable[[Happening], None]) -> None:
        self._since = since
        self._tell = tell
        self.is_connected = False
        self.coordinator: Json = {}
        self.store_bytes = 0
        self.sessions: dict[str, Json] = {}
        self.cells: dict[str, Json] = {}
        self.workers: dict[str, Json] = {}
        self._away_since: dict[str, float] = {}
        self._saved_s = 0.0

    def take(self, message: Json) -> None:
        """The next message of the stream."""
        now = float(message["now"])
        self.is_connected = True
        self.store_bytes = int(message["store_bytes"])
        self.coordinator = message.get("coordinator", self.coordinator)
        gone = {(kind, name) for kind, name in message["gone"]}
        if message.get("whole"):
            gone |= self._missing(message)
        for session in message["sessions"]:
            self.sessions[session["session_id"]] = session
            self._note_away(session["session_id"], session["is_away"], now)
        for worker in message["workers"]:
            self.workers[worker["worker_id"]] = worker
        for cell in message["cells"]:
            key = _key(cell)
            for what in happened(self._before(key, cell), cell):
                self._say(what, cell, now)
            self.cells[key] = cell
        for kind, name in sorted(gone):
            self._forget(kind, name, now)

    def lost(self) -> None:
        """The coordinator does not run any more. What it told stays known: the next one goes on with it."""
        self.is_connected = False

    def worker_seconds_saved(self, now: float) -> float:
        """For how long sessions have had no process so far, over all of them, since this was made."""
        return self._saved_s + sum(max(0.0, now - since) for since in self._away_since.values())

    # --- what it is made of -----------------------------------------------------------------------------------------

    def _before(self, key: str, cell: Json) -> Json:
        if (known := self.cells.get(key)) is not None:
            return known
        is_new = cell["created"] >= self._since
        return {**cell, "moves": 0, "resumes": 0, "state": "queued"} if is_new else cell

    def _missing(self, message: Json) -> set[tuple[str, str]]:
        """What was known and is not in a message that holds all."""
        there = {("sessions", each["session_id"]) for each in message["sessions"]}
        there |= {("workers", each["worker_id"]) for each in message["workers"]}
        there |= {("cells", _key(each)) for each in message["cells"]}
        known = {("sessions", name) for name in self.sessions}
        known |= {("workers", name) for name in self.workers}
        known |= {("cells", name) for name in self.cells}
        return known - there

    def _forget(self, kind: str, name: str, now: float) -> None:
        if kind == "workers":
            self.workers.pop(name, None)
        elif kind == "sessions":
            self.sessions.pop(name, None)
            self._note_away(name, False, now)
        elif kind == "cells":
            cell = self.cells.pop(name, None)
            if cell is not None and cell["state"] not in ENDED:
                ended = {**cell, "state": "cancelled", "reason": "its kernel was shut down"}
                self._say(What.DONE, ended, now)

    def _note_away(self, session_id: str, is_away: bool, now: float) -> None:
        if is_away:
            self._away_since.setdefault(session_id, now)
        elif (since := self._away_since.pop(session_id, None)) is not None:
            self._saved_s += max(0.0, now - since)

    def _say(self, what: What, cell: Json, now: float) -> None:
        self._tell(Happening(what, cell, self.sessions.get(cell["session_id"], {}), now))


def happened(before: Json, now: Json) -> Iterator[What]:
    """What happened to a cell from one message to the next, in order."""
    moves, resumes = now["moves"] - before["moves"], now["resumes"] - before["resumes"]
    if before["state"] in AWAY and resumes > 0:
        yield What.RESUMED
        resumes -= 1
    for _ in range(moves):
        yield What.SUSPENDED
        if resumes > 0:
            yield What.RESUMED
            resumes -= 1
    for _ in range(resumes):  # from the snapshot of a cell that had failed
        yield What.RESUMED
    if now["state"] == "held" and (before["state"] != "held" or before["since"] != now["since"]):
        yield What.HELD
    if now["state"] in ENDED and before["state"] not in ENDED:
        yield What.DONE


def _key(cell: Json) -> str:
    return f"{cell['session_id']}/{cell['cell_id']}"
