"""``sys.stdin``, ``sys.stdout`` and ``sys.stderr``: which are the worker's own, and what a notebook has put in their
place (``contextlib.redirect_stdout`` around an await does that)."""

from __future__ import annotations

import sys
from typing import Any

from caesura.snapshot.files import STREAMS, own_streams, standard_streams


def note_own() -> None:
    """Those that are in place now stay in their process."""
    own_streams.update(_present())


def capture(_shell: Any) -> dict[str, object]:
    """What stands in the place of the worker's own."""
    mine = standard_streams()
    return {name: value for name, value in _present().items() if value is not mine[name]}


def restore(_shell: Any, state: dict[str, object]) -> None:
    for name, value in state.items():
        setattr(sys, name, value)


def _present() -> dict[str, object]:
    return {name: getattr(sys, name, None) for name in STREAMS}
