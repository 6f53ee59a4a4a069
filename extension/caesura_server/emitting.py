"""What happens to cells, as events of Jupyter Server (``jupyter_events``), for whoever listens there.

What lives here: the schemas' names, and what of a cell goes into an event. A cell's code and values are in none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jupyter_events import EventLogger

from caesura_server.happenings import Happening, What
from caesura_server.paths import path_of

_SCHEMAS: Final = Path(__file__).with_name("event_schemas")


def schema_id(what: What) -> str:
    """The ``$id`` of the schema of such events."""
    return f"urn:caesura:events:cell-{what}:v1"


class Emitter:
    """``root`` gives the directory that the server shows, when an event needs it."""

    def __init__(self, logger: EventLogger, root: Callable[[], str]) -> None:
        self._logger = logger
        self._root = root
        for what in What:
            logger.register_event_schema(_SCHEMAS / f"cell-{what}.yaml")

    def tell(self, happening: Happening) -> None:
        """Emit it; if nobody listens, it is neither checked nor copied."""
        self._logger.emit(schema_id=schema_id(happening.what), data=self._data(happening))

    def _data(self, happening: Happening) -> dict[str, Any]:
        cell, session = happening.cell, happening.session
        data: dict[str, Any] = {
            "cell_id": cell["cell_id"],
            "session_id": cell["session_id"],
            "kind": cell["kind"],
            "path": path_of(session, self._root()) if session else None,
            "notebook_cell": cell["notebook_cell"],
            "moves": cell["moves"],
        }
        match happening.what:
            case What.SUSPENDED:
                return {
                    **data,
                    "waits": _waits(cell),
                    "snapshot_bytes": cell["snapshot_bytes"],
                    "save_seconds": cell["save_s"],
                }
            case What.RESUMED:
                return {**data, "load_seconds": cell["load_s"]}
            case What.HELD:
                return {**data, "waits": _waits(cell), "reason": cell["reason"]}
            case What.DONE:
                started = cell["started"]
                seconds = None if started is None else max(0.0, cell["since"] - started)
                return {**data, "state": cell["state"], "reason": cell["reason"], "seconds": seconds}


def _waits(cell: Any) -> list[dict[str, str]]:
    return [{name: wait[name] for name in ("kind", "key", "label")} for wait in cell["waits"]]
