"""Which kinds of objects are tried before a session leaves its worker."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import sys
import types
from collections.abc import Iterable

import pytest

import caesura
from caesura.snapshot.kinds import Kind, holding, kinds_of
from caesura.snapshot.pickler import ObjectPickler, Stream
from caesura.snapshot.seeds import Anchors, collect


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    return main


def _kinds(values: Iterable[object], notebook: types.ModuleType) -> tuple[Kind, ...]:
    seeds = collect(Anchors({"namespace": vars(notebook)}), vars(notebook))
    pickler = ObjectPickler(Stream(lambda: False), loop=None, seeds=seeds)
    pickler.dump_all(list(values))
    return kinds_of(pickler.reducers, ["newly"], {"newly": "2.0"})


def _names(values: Iterable[object], notebook: types.ModuleType) -> list[str]:
    return [kind.name for kind in _kinds(values, notebook) if kind.cls is not None]


def _run(code: str, notebook: types.ModuleType) -> None:
    exec(compile(code, "<cell>", "exec"), vars(notebook))


def test_usual_values_and_classes_need_no_trial(notebook: types.ModuleType) -> None:
    _run("class Plain:\n    def f(self):\n        return 1\nplain = Plain()\ndef function(): return plain", notebook)
    moment, counted = datetime.datetime(2024, 1, 1), collections.Counter("abca")
    assert _names([[1, "a"], {1.0}, moment, counted, notebook.plain, notebook.function], notebook) == []


@pytest.mark.parametrize(
    "body",
    [
        "def __reduce__(self): return (Own, ())",
        "def __setstate__(self, state): pass",
        "def __hash__(self): return 1",
        "def __getattr__(self, name): raise AttributeError(name)",
    ],
)
def test_a_class_of_the_notebook_that_takes_part_in_its_load_is_tried(body: str, notebook: types.ModuleType) -> None:
    _run(f"class Own:\n    {body}\nclass Derived(Own): pass\nown = Derived()", notebook)
    assert "Derived" in _names([notebook.own], notebook)


def test_another_method_under_the_same_name_makes_another_kind(notebook: types.ModuleType) -> None:
    _run("class Own:\n    def __setstate__(self, state): pass\nown = Own()", notebook)
    (before,) = [kind.key for kind in _kinds([notebook.own], notebook) if kind.cls is not None]
    assert [kind.key for kind in _kinds([notebook.own], notebook) if kind.cls is not None] == [before]
    _run("def other(self, state): raise LookupError\nOwn.__setstate__ = other", notebook)
    assert [kind.key for kind in _kinds([notebook.own], notebook) if kind.cls is not None] != [before]


def test_a_mutable_dataclass_needs_no_trial_and_one_with_a_hash_does(notebook: types.ModuleType) -> None:
    notebook.dataclass = dataclasses.dataclass
    _run("@dataclass\nclass A:\n    x: int\n@dataclass(frozen=True)\nclass B:\n    x: int\na, b = A(1), B(1)", notebook)
    assert _names([notebook.a], notebook) == []
    assert _names([notebook.b], notebook) == ["B"]


def test_types_of_packages_and_imports_have_their_version_and_last(notebook: types.ModuleType) -> None:
    traitlets = pytest.importorskip("traitlets")
    kinds = {kind.key: kind for kind in _kinds([traitlets.Undefined], notebook)}
    assert kinds["module newly 2.0"].is_lasting
    assert all(kind.is_lasting for kind in kinds.values())


def test_what_has_a_registered_reducer_is_tried(notebook: types.ModuleType) -> None:
    _run("class Own: pass\nown = Own()", notebook)
    caesura.register_reducer(notebook.Own, lambda own: (notebook.Own, ()))
    try:
        assert _names([notebook.own], notebook) == ["Own"]
    finally:
        caesura.register_reducer(notebook.Own, None)


def test_the_kind_that_failed_is_found_by_the_function_in_which_it_did(notebook: types.ModuleType) -> None:
    _run("class Own:\n    def __setstate__(self, state): pass\nown = Own()", notebook)
    kinds = _kinds([notebook.own], notebook)
    found = holding(kinds, ["helper", "Own.__setstate__", "load"])
    assert found is not None
    assert found.cls is notebook.Own
    assert holding(kinds, ["helper"]) is None
