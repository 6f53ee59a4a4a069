"""Modules that were looked through before a fork are referred to as those that were not."""

from __future__ import annotations

import contextvars
import json
import sys
import types
from typing import Any

import pytest

from caesura.snapshot import contexts, seeds, warm_modules
from caesura.snapshot.seeds import Anchors


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_modules, "_warm", warm_modules.known())
    monkeypatch.setattr(contexts, "_found", {})
    monkeypatch.setattr(contexts, "_homeless", {})
    warm_modules.remember()


def places(namespace: dict[str, Any]) -> tuple[seeds.Seeds, dict[int, str]]:
    found = seeds.collect(Anchors({}), namespace)
    return found, {place: found.names[place] for place, _obj in found.memo.values()}


def new_module(name: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = json.__spec__
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_each_module_has_a_place_under_its_name_whether_warm_or_new(monkeypatch: pytest.MonkeyPatch) -> None:
    new = new_module("new_one", monkeypatch)
    found, names = places({})
    for module in (json, new):
        place, obj = found.memo[id(vars(module))]
        assert obj is vars(module)
        assert names[place] == f"module:{module.__name__}"


def test_the_pickler_and_the_unpickler_count_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    # A module of the notebook has a place among the first, besides the one it had before.
    found, names = places({"json": json})
    assert len(found.memo) == len(found.names)
    place, _ = found.memo[id(vars(json))]
    assert place < seeds.ALWAYS
    assert names[place] == "module:json"


def test_a_warm_module_that_was_replaced_is_not_referred_to(monkeypatch: pytest.MonkeyPatch) -> None:
    old = vars(json)
    new = new_module("json", monkeypatch)
    found, names = places({})
    assert id(old) not in found.memo
    assert names[found.memo[id(vars(new))][0]] == "module:json"
    assert len(found.memo) == len(found.names)


def test_a_warm_module_that_was_taken_away_is_not_referred_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "json")
    found, _ = places({})
    assert id(vars(json)) not in found.memo
    assert len(found.memo) == len(found.names)


def place_of(variable: contextvars.ContextVar[Any]) -> tuple[str, str] | None:
    return contexts.place_of(variable)


def test_a_context_variable_is_found_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("kept")
    monkeypatch.setattr(json, "kept_variable", variable, raising=False)
    warm_modules.remember()
    assert place_of(variable) == ("json", "kept_variable")


def test_a_context_variable_is_found_in_a_new_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = new_module("json.new_one", monkeypatch)
    module.made = contextvars.ContextVar("made")
    assert place_of(module.made) == ("json.new_one", "made")


def test_a_context_variable_is_found_that_a_warm_module_made_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "made_on_first_use", None, raising=False)
    warm_modules.remember()
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("first use")
    monkeypatch.setattr(json, "made_on_first_use", variable)
    assert place_of(variable) == ("json", "made_on_first_use")
    another: contextvars.ContextVar[int] = contextvars.ContextVar("added")
    monkeypatch.setattr(json, "added_later", another, raising=False)
    assert place_of(another) == ("json", "added_later")


def test_a_context_variable_of_the_notebook_is_in_no_module() -> None:
    assert place_of(contextvars.ContextVar("of the notebook")) is None
