"""What ``caesura sessions`` shows, as stable JSON (documented in ``docs/cli-json.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caesura.coordinator.recorded import notebook_cell
from caesura.coordinator.state import Session
from caesura.store.rows import SessionRow
from caesura.wire.life import FINAL
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


def describe_open(core: Core, session: Session, totals: tuple[int, int, int]) -> Json:
    """A notebook that is open, or kept; ``totals`` as :meth:`Records.kept_totals` gives them."""
    saved = session.saved or session.last_saved
    return {
        "session_id": session.session_id,
        "path": session.name,
        "state": "kept" if session.is_kept else "open",
        "activity": session.state,
        "created": session.created,
        "since": session.kept_since if session.kept_since is not None else session.last_used,
        "kept_until": core.keeping.until(session) if session.is_kept else None,
        "environment": session.environment.get("executable", ""),
        "size_bytes": None if saved is None else saved.size_bytes,
        "variables": None if saved is None else saved.manifest.get("variables"),
        "cells": [
            {
                "cell_id": cell.cell_id,
                "notebook_cell": None if cell.request is None else notebook_cell(cell.request.frames[2]),
                "state": str(cell.state),
                "code": cell.code,
            }
            for cell in session.cells.values()
            if cell.state not in FINAL
        ],
        "outputs": _outputs(totals),
    }


def describe_ended(row: SessionRow, totals: tuple[int, int, int]) -> Json:
    """A notebook whose kernel has ended, and whose outputs nobody has fetched."""
    return {
        "session_id": row.id,
        "path": row.name,
        "state": "ended",
        "activity": "ended",
        "created": row.created,
        "since": row.updated,
        "kept_until": None,
        "environment": "",
        "size_bytes": None,
        "variables": None,
        "cells": [],
        "outputs": _outputs(totals),
    }


def _outputs(totals: tuple[int, int, int]) -> Json:
    count, size_bytes, last = totals
    return {"count": count, "bytes": size_bytes, "last": last}
