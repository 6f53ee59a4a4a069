"""Whether a change of a dict is seen, and of what was found in ``sys.modules``."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from caesura.snapshot import fingerprints
from caesura.snapshot.fingerprints import WatchedDicts
from caesura.snapshot.loaded_modules import OfLoadedModules

CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "replaced": lambda contents: contents.update(first=object()),
    "replaced by an equal one": lambda contents: contents.update(first=[]),
    "added": lambda contents: contents.update(new=1),
    "deleted": lambda contents: contents.pop("first"),
    "deleted and another added": lambda contents: (contents.pop("first"), contents.update(new=1)),
    "cleared": dict.clear,
    "grown": lambda contents: contents.update({str(n): n for n in range(1000)}),
    "given a key that is no text": lambda contents: contents.update({1: 1}),  # type: ignore[dict-item]
}


@pytest.fixture(params=["versions", "tables"])
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> WatchedDicts:
    if request.param == "tables":
        monkeypatch.setattr(fingerprints, "_has_versions", lambda: False)
    return WatchedDicts()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_until_it_is_noted(watched: WatchedDicts, change: str) -> None:
    changing: dict[str, Any] = {"first": [], "second": object()}
    others: list[dict[str, Any]] = [{"x": 1}, {}, {"y": object()}]
    watched.note("before", others[0])
    watched.note("changing", changing)
    watched.note("empty", others[1])
    watched.note("after", others[2])
    assert watched.changed() in ([], ["empty"])  # nothing is known of a dict without a table
    CHANGES[change](changing)
    assert "changing" in watched.changed()
    assert not {"before", "after"} & set(watched.changed())
    watched.note("changing", changing)
    assert not {"before", "changing", "after"} & set(watched.changed()) or change == "cleared"


def test_looking_is_no_change(watched: WatchedDicts) -> None:
    contents = {"first": [], "second": object()}
    watched.note("name", contents)
    _ = list(contents.items()), contents["first"], contents.get("third"), {**contents}, len(contents)
    assert watched.changed() == []


def test_another_dict_can_take_a_name(watched: WatchedDicts) -> None:
    first, second = {"a": 1}, {"a": 1}
    watched.note("name", first)
    watched.note("name", second)
    first["a"] = 2
    assert watched.changed() == []
    second["a"] = 2
    assert watched.changed() == ["name"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="dicts have no version there")
def test_dicts_of_this_python_have_versions() -> None:
    assert fingerprints._has_versions()


def test_what_was_found_in_the_loaded_modules_is_kept_until_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def count() -> int:
        calls.append(1)
        return len(sys.modules)

    found = OfLoadedModules(count)
    number = found.value()
    assert (found.value(), len(calls)) == (number, 1)
    monkeypatch.setitem(sys.modules, "watched_for_this_test", types.ModuleType("watched_for_this_test"))
    assert (found.value(), len(calls)) == (number + 1, 2)
    monkeypatch.setitem(sys.modules, "watched_for_this_test", types.ModuleType("watched_for_this_test"))
    found.value()
    assert len(calls) == 3
    found.forget()
    found.value()
    assert len(calls) == 4
