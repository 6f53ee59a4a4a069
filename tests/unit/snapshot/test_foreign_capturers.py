"""Capturers of other packages: found by their entry point, loaded with their module, named when they fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caesura.errors import CannotMove, SnapshotRefused
from caesura.snapshot import foreign

CAPTURER = """
import some_library
early = False
def capture(): return some_library.state
def restore(state): some_library.state = state
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution with a capturer for ``some_library``."""
    info = tmp_path / "caesura_some_library-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: caesura-some-library\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[caesura.capturers]\nsome_library = capturer_of_some_library\n")
    (tmp_path / "some_library.py").write_text("state = 1\n")
    (tmp_path / "capturer_of_some_library.py").write_text(CAPTURER)
    monkeypatch.syspath_prepend(tmp_path)
    foreign.find()
    yield tmp_path
    monkeypatch.undo()
    for name in ("some_library", "capturer_of_some_library"):
        sys.modules.pop(name, None)
    foreign.find()


def import_library() -> Any:
    import some_library  # type: ignore[import-not-found]

    return some_library


def test_it_is_not_loaded_before_its_module_is(package: Path) -> None:
    assert foreign.capture(early=False) == {}
    assert "capturer_of_some_library" not in sys.modules


def test_the_state_comes_back(package: Path) -> None:
    library = import_library()
    library.state = 5
    states = foreign.capture(early=False)
    library.state = 1
    foreign.restore(states)
    assert library.state == 5
    assert foreign.capture(early=True) == {}


@pytest.mark.parametrize(
    "broken", ["raise RuntimeError('no')", "capture = 1", CAPTURER.replace("some_library.state\n", "1 / 0\n")]
)
def test_one_that_fails_holds_the_session_and_names_its_package(package: Path, broken: str) -> None:
    (package / "capturer_of_some_library.py").write_text(broken)
    import_library()
    with pytest.raises(CannotMove, match=r"some_library.*caesura-some-library.*capturer failed"):
        foreign.capture(early=False)


def test_one_that_cannot_restore_names_its_package(package: Path) -> None:
    import_library()
    states = foreign.capture(early=False)
    sys.modules.pop("capturer_of_some_library", None)
    foreign.find()
    (package / "capturer_of_some_library.py").write_text("import missing_module")
    with pytest.raises(SnapshotRefused, match="package caesura-some-library failed: ModuleNotFoundError"):
        foreign.restore(states)
    with pytest.raises(SnapshotRefused, match="package gone keeps; it is not installed"):
        foreign.restore({"capturer:gone:some_library": 1})
