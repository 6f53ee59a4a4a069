"""Reading IPython's database of inputs for a notebook that is parked.

What lives here: two of the three kinds of ``history_request``, as ``IPython.core.history.HistoryManager`` answers them
(https://github.com/ipython/ipython/blob/main/IPython/core/history.py). What must not: writing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Final

from caesura.wire.messages import Json

_BUSY_S: Final = 5.0
_LAST: Final = 10
"""So many inputs a request gets that does not say how many."""


def can_answer(content: Json) -> bool:
    """Whether a request can be answered from the file: a range may be of the session itself, whose inputs are numbered
    in its memory, and outputs are not always in the file."""
    return content.get("hist_access_type") in ("tail", "search") and not content.get("output")


def read_history(path: str, session: int, content: Json) -> list[list[Any]] | None:
    """``[session, line, source]`` of each input that is asked for; None if the file cannot be read."""
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as database:
            if content["hist_access_type"] == "tail":
                return _tail(database, session, content)
            return _search(database, content)
    except sqlite3.Error:
        return None


def _source(content: Json) -> str:
    return "source_raw" if content.get("raw", True) else "source"


def _tail(database: sqlite3.Connection, session: int, content: Json) -> list[list[Any]]:
    """The last inputs: those of the session itself count as the latest."""
    most = content.get("n")
    most = _LAST if most is None else int(most)
    query = f"SELECT session, line, {_source(content)} FROM history WHERE session "  # noqa: S608  one of two columns
    own = database.execute(query + "= ? ORDER BY line DESC LIMIT ?", (session, most)).fetchall()
    others = database.execute(query + "<> ? ORDER BY session DESC, line DESC LIMIT ?", (session, most)).fetchall()
    return [list(row) for row in (own + others)[:most]][::-1]


def _search(database: sqlite3.Connection, content: Json) -> list[list[Any]]:
    """The inputs that match a pattern with ``*`` and ``?``; with ``unique`` the latest of those that are equal."""
    pattern, most = str(content.get("pattern") or "*"), content.get("n")
    columns = f"session, line, {_source(content)}"
    if content.get("unique"):
        columns += ", MAX(session * 128 * 1024 + line)"
    query = f"SELECT {columns} FROM history WHERE source_raw GLOB ?"  # noqa: S608  columns of ours
    values: tuple[Any, ...] = (pattern,)
    if content.get("unique"):
        query += " GROUP BY source_raw"
    if most is not None:
        query += " ORDER BY session DESC, line DESC LIMIT ?"
        values = (pattern, int(most))
    elif content.get("unique"):
        query += " ORDER BY session, line"
    rows = [list(row[:3]) for row in database.execute(query, values)]
    return rows[::-1] if most is not None else rows
