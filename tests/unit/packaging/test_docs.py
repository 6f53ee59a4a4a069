"""The documents name what the code has, so that neither runs away from the other."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import caesura
from caesura.coordinator.by_hand import ByHand
from caesura.coordinator.learned import Learned
from caesura.coordinator.replacing import Replacing
from caesura.coordinator.rpc import Rpc
from caesura.coordinator.session_requests import SessionRequests
from caesura.coordinator.settings import VARIABLES, Caesura
from caesura.store.rows import SnapshotState
from caesura.store.schema import metadata
from caesura.wire import messages
from caesura.wire.life import FINAL, CellEvent, CellState, transitions

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs"
sys.path.append(str(DOCS / "_ext"))

import life_diagram  # noqa: E402  made for the site, and no part of a package
import settings_page  # noqa: E402


def test_every_message_is_in_the_protocol() -> None:
    named = set(re.findall(r"`([a-z_]+)`", (DOCS / "protocol.md").read_text()))
    assert set(messages._CLASSES) <= named


def test_every_method_of_a_client_is_in_the_protocol() -> None:
    text = (DOCS / "protocol.md").read_text().partition("## Methods of a client")[2]
    methods = [name.removeprefix("_do_") for name in vars(Rpc) if name.startswith("_do_")]
    parts = (SessionRequests, ByHand, Replacing, Learned)
    methods += [name.removeprefix("do_") for part in parts for name in vars(part) if name.startswith("do_")]
    assert len(methods) > 20
    assert not [name for name in methods if f"`{name}`" not in text]


def test_every_state_of_a_cell_is_drawn_and_explained() -> None:
    assert set(life_diagram.PLACES) == set(CellState)
    assert set(life_diagram.MEANINGS) == set(CellState)
    drawing, table = life_diagram.svg(), life_diagram.table()
    assert not [state for state in CellState if f">{state}</text>" not in drawing or f"`{state}`" not in table]


def test_every_arrow_of_the_drawing_is_in_the_table_of_a_cells_life() -> None:
    assert set(life_diagram.ARROWS) <= set(transitions())


def test_the_drawing_leaves_out_ends_repetitions_and_lost_processes_and_nothing_else() -> None:
    left_out = {pair: after for pair, after in transitions().items() if pair not in life_diagram.ARROWS}
    assert not [
        (before, event)
        for (before, event), after in left_out.items()
        if after not in FINAL
        and after is not before
        and event not in (CellEvent.WORKER_DIED, CellEvent.RESUME_AGAIN)
        and not (before is CellState.HELD and event is CellEvent.BLOCK)
    ]


def test_every_setting_and_its_variable_are_in_the_reference() -> None:
    text = settings_page.markdown()
    assert not [name for name in Caesura.class_own_traits(config=True) if f"`Caesura.{name}`" not in text]
    assert not [variable for variable in VARIABLES if f"`{variable}`" not in text]


def test_every_variable_that_the_code_reads_is_in_the_configuration() -> None:
    read = {
        name
        for path in (PROJECT / "kernel").rglob("*.py")
        for name in re.findall(r"[\"'](CAESURA_[A-Z_]+)[\"']", path.read_text())
    }
    text = (DOCS / "configuration.md").read_text() + settings_page.markdown()
    assert not [name for name in read if f"`{name}`" not in text]


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "api.md").read_text()
    assert not [name for name in caesura.__all__ if name != "__version__" and f"caesura.{name}\n" not in text]


def test_every_table_of_the_records_and_every_key_of_a_manifest_is_in_the_formats() -> None:
    text = (DOCS / "formats.md").read_text()
    sources = [PROJECT / "kernel/caesura" / name for name in ("snapshot/archive.py", "worker/about_session.py")]
    keys = {key for path in sources for key in re.findall(r"^ +\"(\w+)\": ", path.read_text(), re.MULTILINE)}
    assert {"format", "variables"} <= keys
    assert not [name for name in (*metadata.tables, *keys, *SnapshotState) if f"`{name}`" not in text]


def test_the_claim_chart_names_code_and_tests_that_there_are() -> None:
    named = re.findall(r"`((?:kernel|tests)/[^`:]+)(?:::(\w+))?`", (DOCS / "claim-chart.md").read_text())
    assert len(named) > 25
    missing = [path for path, name in named if name and f"def {name}(" not in (PROJECT / path).read_text()]
    assert not missing + [path for path, _ in named if not (PROJECT / path).is_file()]


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
