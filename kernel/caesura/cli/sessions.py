"""``caesura sessions``: the notebooks that are open or kept; attach one, drop one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from caesura.cli.context import Context
from caesura.cli.text import age, size, table

Json = dict[str, Any]

_SHOWN_VARIABLES = 4


def sessions(context: Context) -> int:
    found = context.tell("sessions") if context.home.is_dir() else []
    context.give(found)
    context.say(_table(context, found) if found else "No notebook is open or kept.")
    return 0


def _table(context: Context, found: list[Json]) -> list[str]:
    rows = [
        (
            session["session_id"],
            session["state"],
            session["activity"],
            age(context.now - session["since"]),
            size(session["size_bytes"] or 0),
            _variables(session["variables"]),
            len(session["cells"]) or "-",
            session["outputs"]["count"] or "-",
            session["path"] or "-",
        )
        for session in found
    ]
    return table(("SESSION", "STATE", "ACTIVITY", "FOR", "SIZE", "VARIABLES", "CELLS", "OUTPUTS", "NOTEBOOK"), rows)


def _variables(names: list[str] | None) -> str:
    if names is None:
        return "?"
    more = f" and {len(names) - _SHOWN_VARIABLES} more" if len(names) > _SHOWN_VARIABLES else ""
    return ", ".join(names[:_SHOWN_VARIABLES]) + more or "-"


def attach(context: Context) -> int:
    options = context.options
    path = str(Path(options.notebook).absolute()) if options.notebook else ""
    found = context.tell("attach", of=context.notebook(options.session), path=path)
    context.give(found)
    context.say(f"The next kernel of {found['path']} goes on with this session.")
    return 0


def drop(context: Context) -> int:
    found = context.tell("drop", of=context.notebook(context.options.session))
    context.give(found)
    context.say(f"The session {found['session_id']} is dropped, with its variables and outputs.")
    return 0
