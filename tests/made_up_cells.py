"""A thousand cells in the words of the coordinator's stream, for who wants many without running any.

The benchmark of the server extension uses them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

CELLS: Final = 1000
NOTEBOOKS: Final = 50


def cell(number: int, turn: int) -> dict[str, Any]:
    """After its ``turn``-th change; it moves with every third."""
    phase = number % 3 + turn
    state = ("released", "held", "running")[phase % 3]
    wait = {"kind": "function", "key": "function:score", "label": "score()", "since": 100.0, "due": None}
    way = [{"function": "<module>", "cell": 1, "line": 1}, {"function": "fetch", "cell": 1, "line": 2}]
    expected = {"since": 100.0, "label": "score()", "basis": "key", "p10": 40, "p50": 55, "p90": 70, "count": 12}
    return {
        "cell_id": f"c{number}",
        "session_id": f"s{number % NOTEBOOKS}",
        "kind": "notebook",
        "code": f"total_{number} = await score({number})",
        "state": state,
        "status": "",
        "created": 100.0 + number,
        "since": 100.0,
        "started": 100.0,
        "moves": phase // 3 + 1,
        "resumes": (phase + 2) // 3,
        "save_s": 0.02,
        "load_s": 0.02,
        "waits": [] if state == "running" else [wait],
        "reason": "",
        "error": "",
        "worker_pid": None,
        "policy": "auto",
        "snapshot_bytes": 20000,
        "notebook_cell": None,
        "execution_count": 0,
        "by_hand": "",
        "chain": way if state == "released" else [],
        "obstacles": [],
        "expected": expected,
    }


def session(number: int) -> dict[str, Any]:
    name = f"/notes/notebook-{number:02}.ipynb"
    about = {"kind": "notebook", "name": name, "path": None, "state": "suspended", "parent_call": "", "environment": ""}
    return {"session_id": f"s{number}", "is_away": True, "is_kept": False, "kept_until": None, **about}


def news(n: int, cells: Sequence[dict[str, Any]], now: float, *, is_whole: bool) -> dict[str, Any]:
    """The ``n``-th message of a stream: what has changed, or all that there is."""
    return {
        "whole": is_whole,
        "stream": "made-up",
        "n": n,
        "now": now,
        "freed_s": 0.0,
        "store_bytes": 0,
        "coordinator": {"pid": 1, "version": "0", "home": "/h", "started": 0.0, "policy": "auto", "workers": 2},
        "sessions": [session(number) for number in range(NOTEBOOKS)] if is_whole else [],
        "cells": list(cells),
        "workers": [],
        "calls": [],
        "gone": [],
    }
