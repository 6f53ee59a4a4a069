"""What the coordinator shows is described in docs/cli-json.md, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebooks import Home

pytestmark = pytest.mark.process

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli-json.md"


def names(value: Any) -> Iterator[str]:
    """All names of fields in a JSON value."""
    if isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from names(part)
    elif isinstance(value, list):
        for part in value:
            yield from names(part)


def test_every_field_of_a_cell_that_moved_and_of_one_that_waits_is_documented(home: Home) -> None:
    notebook = home.notebook(CAESURA_POLICY="always")
    moved = notebook.submit("import asyncio, caesura\nawait asyncio.sleep(0.01)")
    assert notebook.wait(moved).error is None
    waiting = notebook.submit("await caesura.event('go')")
    notebook.wait_for_state(waiting, "released")
    documented = set(re.findall(r"\w+", DOCUMENT.read_text()))
    shown = {
        "status": home.status(),
        "events": home.request("events"),
        "sessions": home.request("sessions"),
        "moves": home.request("moves", cell_id=moved),
        "decisions": home.request("decisions", cell_id=moved),
    }
    assert shown["events"]
    assert shown["moves"]
    for what, value in shown.items():
        assert not set(names(value)) - documented, what
