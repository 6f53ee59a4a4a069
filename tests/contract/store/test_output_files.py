"""Large parts of outputs in files: written by one process, mapped by another, removed when nobody needs them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from caesura.errors import HomeUnusable
from caesura.store.output_files import OutputFiles, sync


@pytest.fixture
def files(tmp_path: Path) -> OutputFiles:
    return OutputFiles(tmp_path / "outputs")


def test_parts_come_back_as_they_were_written_also_when_the_file_is_gone(files: OutputFiles) -> None:
    path = files.write("s", 7, [b"first", b"second one"])
    parts = files.map("s", 7, [5, 10])
    path.unlink()
    assert [bytes(part) for part in parts] == [b"first", b"second one"]


def test_only_its_user_reads_it(files: OutputFiles) -> None:
    path = files.write("s", 1, [b"x"])
    assert [stat.S_IMODE(os.stat(each).st_mode) for each in (path, path.parent)] == [0o600, 0o700]


def test_one_that_is_not_whole_is_refused_with_its_path(files: OutputFiles) -> None:
    path = files.write("s", 1, [b"abc"])
    for sizes, number in (([4], 1), ([3], 2)):
        with pytest.raises(HomeUnusable, match=str(path.parent)):
            files.map("s", number, sizes)


def test_a_sweep_leaves_what_is_needed_and_what_is_about_to_be_recorded(files: OutputFiles) -> None:
    for number in (1, 2, 3, 10):
        files.write("s", number, [b"x"])
    files.sweep("s", [2], before=10)
    assert sorted(os.listdir(files.path("s", 1).parent)) == ["10", "2"]
    files.sweep("s", [], before=None)
    assert not files.has_any("s")


def test_a_folder_that_a_sweep_left_empty_is_removed_and_made_again(files: OutputFiles) -> None:
    files.write("s", 1, [b"x"])
    files.sweep("s", [], before=2)
    assert not files.has_any("s")
    assert files.write("s", 3, [b"y"]).read_bytes() == b"y"


def test_a_folder_that_vanishes_while_a_file_is_made_is_made_again(
    files: OutputFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_open = os.open

    def swept_before(path: Path, *arguments: int) -> int:
        monkeypatch.undo()
        path.parent.rmdir()
        return really_open(path, *arguments)

    monkeypatch.setattr(os, "open", swept_before)
    assert files.write("s", 1, [b"x"]).read_bytes() == b"x"


def test_sweeping_and_syncing_what_is_gone_does_nothing(files: OutputFiles) -> None:
    sync(files.path("s", 1))
    files.sweep("s", [], before=5)
    assert files.sessions() == []
