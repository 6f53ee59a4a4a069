"""What is not in the history's database yet would be lost with its process: it holds the cell."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShellABC

from caesura import snapshot
from caesura.errors import CannotMove
from caesura.worker.history import SessionHistory


class Shell:
    """Nothing of it is used."""


InteractiveShellABC.register(Shell)


@pytest.fixture
def history(tmp_path: Path) -> Any:
    found = SessionHistory(shell=Shell(), hist_file=str(tmp_path / "history.sqlite"), enabled=False)
    found.enabled = True
    return found


def test_a_history_that_cannot_be_written_holds_the_cell(history: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object, _connection: object = None) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SessionHistory, "writeout_cache", fail)
    with pytest.raises(CannotMove, match=r"history\.sqlite") as caught:
        history.write_out()
    anchors = snapshot.Anchors({"namespace": {}})
    obstacle = snapshot.explain(caught.value, {"namespace": {}}, anchors)
    assert "the input history, which cannot be written to" in obstacle.kind
    assert "database or disk is full" in obstacle.remedy
    assert "tried again at the next await" in obstacle.remedy


def test_without_a_history_nothing_is_written(history: Any) -> None:
    history.enabled = False
    history.write_out()
    history.wait_for_thread()


def test_a_history_in_memory_has_no_journal(history: Any) -> None:
    assert history.journal.endswith("history.sqlite-journal")
    history.hist_file = ":memory:"
    assert history.journal == ""
