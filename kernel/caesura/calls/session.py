"""Where this code runs: :func:`current`."""

from __future__ import annotations

from caesura.calls.backend import Current, installed


def current() -> Current:
    """The cell, session, epoch and worker of the code that asks, and the cell's moves so far; all None under plain
    Python."""
    backend = installed()
    return Current() if backend is None else backend.current()
