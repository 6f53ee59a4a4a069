"""Snapshots that were made earlier, by this and by other Pythons: each is loaded and goes on, or is refused clearly."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "unit" / "snapshot"))

from snapshot_notebook import Notebook, run  # noqa: E402

from caesura.errors import SnapshotRefused  # noqa: E402
from caesura.model import ARCHIVE_FORMAT  # noqa: E402

GOLDEN = sorted((HERE / "snapshots").glob("format-*/3.*"))
MINOR = list(sys.version_info[:2])


def parts(folder: Path) -> tuple[dict[str, Any], str]:
    return json.loads((folder / "manifest.json").read_text()), (folder / "cell.txt").read_text()


def named(folder: Path) -> str:
    return f"{folder.parent.name}, Python {folder.name}"


@pytest.mark.parametrize("golden", GOLDEN, ids=named)
def test_a_golden_snapshot_goes_on_or_is_refused_with_both_versions(golden: Path, tmp_path: Path) -> None:
    manifest, cell = parts(golden)
    folder = tmp_path / "blobs"
    shutil.copytree(golden, folder)
    if manifest["format"] != ARCHIVE_FORMAT:
        with pytest.raises(SnapshotRefused, match=rf"format {manifest['format']}, .* reads format {ARCHIVE_FORMAT}"):
            Notebook.load(manifest, folder)
        return
    if manifest["python"][:2] != MINOR:
        made, ours = (r"\.".join(map(str, version)) for version in (manifest["python"], sys.version_info[:3]))
        with pytest.raises(SnapshotRefused, match=rf"made by Python {made} .* Python {ours}"):
            Notebook.load(manifest, folder)
        return
    notebook = Notebook.load(manifest, folder)
    for _ in range(60):
        if notebook.task.done():
            break
        notebook.step()
    notebook.task.result()
    moved = repr(notebook.namespace["result"])
    notebook.forget()
    stayed, _ = run(cell, tmp_path / "straight", moving=False)
    assert moved == repr(stayed)


def test_there_is_one_of_this_python_and_format() -> None:
    manifests = [parts(folder)[0] for folder in GOLDEN]
    assert [ARCHIVE_FORMAT, MINOR] in [[each["format"], each["python"][:2]] for each in manifests], "make golden"
