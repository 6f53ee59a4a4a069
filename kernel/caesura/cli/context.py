"""What each subcommand gets: the home, the options, a way to ask and a way to answer.

What lives here: :class:`Context`. What must not: any subcommand.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caesura.cli.text import short_id
from caesura.client import Client, NoCoordinator
from caesura.errors import UsageError
from caesura.starting import ensure_coordinator

Json = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """One call of the command. ``now`` is the wall time that ages are counted to."""

    home: Path
    as_json: bool
    options: argparse.Namespace
    environ: Mapping[str, str]
    now: float = field(default_factory=time.time)

    def say(self, lines: str | Iterable[str]) -> None:
        """Lines for people; nothing with ``--json``."""
        if not self.as_json:
            text = lines if isinstance(lines, str) else "\n".join(lines)
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def give(self, value: object) -> None:
        """The answer as JSON; nothing without ``--json``."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, indent=2) + "\n")
            sys.stdout.flush()

    def ask(self, method: str, **params: Any) -> Any:
        """What the running coordinator answers; NoCoordinator if none runs."""
        with Client(self.home) as client:
            return client.request(method, **params)

    def ask_or(self, default: Any, method: str, **params: Any) -> Any:
        """As :meth:`ask`, but ``default`` if no coordinator runs."""
        try:
            return self.ask(method, **params)
        except NoCoordinator:
            return default

    def tell(self, method: str, **params: Any) -> Any:
        """As :meth:`ask`, for what acts on cells that may wait in the records: a coordinator is started for them.

        NoCoordinator if this home has none, because there was never one.
        """
        if self.home.is_dir():
            ensure_coordinator(self.home, self.environ)
        return self.ask(method, **params)

    def cell_id(self, named: str) -> str:
        """The whole id of the cell that ``named`` means: its id, a beginning of it, or the short form in the tables.

        What no listed cell has is left as it is, for the coordinator to judge; UsageError if it names several.
        """
        ids = [cell["cell_id"] for cell in self.ask_or([], "cells")]
        if named in ids:
            return named
        found = [cell_id for cell_id in ids if cell_id.startswith(named) or short_id(cell_id) == named]
        if len(found) > 1:
            raise UsageError(f"{named} names {len(found)} cells: {', '.join(found)}. Give more of the id.")
        return found[0] if found else named

    def notebook(self, named: str) -> str:
        """A notebook as the coordinator knows it: a path that exists here becomes absolute."""
        path = Path(named)
        return str(path.absolute()) if path.suffix == ".ipynb" and path.exists() else named
