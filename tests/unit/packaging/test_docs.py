"""The documents name what the code has, so that neither runs away from the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caesura.wire import messages
from caesura.wire.life import CellState, transitions

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs"


def test_every_message_is_in_the_protocol() -> None:
    named = set(re.findall(r"`([a-z_]+)`", (DOCS / "protocol.md").read_text()))
    assert set(messages._CLASSES) <= named


def test_every_state_of_a_cell_is_in_the_architecture() -> None:
    text = (DOCS / "architecture.md").read_text()
    assert not [state for state in CellState if str(state) not in text]


def test_every_arrow_of_the_state_diagram_is_in_the_table_of_a_cells_life() -> None:
    text = (DOCS / "architecture.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", text, re.MULTILINE))
    known = {(str(before), str(after)) for (before, _), after in transitions().items()}
    assert drawn
    assert drawn <= known


def test_the_version_of_the_protocol_is_the_documented_one() -> None:
    from caesura.model import PROTOCOL

    assert f"Version {PROTOCOL}." in (DOCS / "protocol.md").read_text()


@pytest.mark.parametrize(
    "path",
    [*sorted(DOCS.glob("*.md")), *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))],
    ids=lambda path: path.name,
)
def test_what_a_document_links_to_exists(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert not [target for target in targets if not (path.parent / target).exists()]
