"""Kinds that have been loaded are known to all sessions of an environment."""

from __future__ import annotations

from pathlib import Path

from caesura.store.loaded_kinds import LoadedKinds


def test_what_one_session_has_loaded_the_next_one_knows(tmp_path: Path) -> None:
    LoadedKinds(tmp_path / "loaded").add(["type a.B 1", "module a 1"])
    LoadedKinds(tmp_path / "loaded").add(["module c"])
    known = LoadedKinds(tmp_path / "loaded").among(["module a 1", "module c", "type a.B 2"])
    assert known == {"module a 1", "module c"}


def test_a_file_that_is_not_there_or_cannot_be_written_knows_nothing(tmp_path: Path) -> None:
    assert LoadedKinds(tmp_path / "loaded").among(["module a"]) == set()
    (tmp_path / "loaded").write_text("in the way")
    LoadedKinds(tmp_path / "loaded").add(["module a"])
    assert LoadedKinds(tmp_path / "loaded").among(["module a"]) == set()


def test_a_file_that_has_grown_for_years_is_begun_anew(tmp_path: Path) -> None:
    loaded = LoadedKinds(tmp_path)
    loaded.add([f"module {'m' * 1000} {number}" for number in range(5000)])
    loaded.add(["module a"])
    loaded.add(["module b"])
    assert loaded.among(["module a", "module b", f"module {'m' * 1000} 7"]) == {"module a", "module b"}
