"""Annotations over a move: those that nobody has asked for are not evaluated, those that were changed stay changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snapshot_notebook import run

LAZY = pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated at once up to 3.13")


def same_after_a_move(source: str, folder: Path) -> object:
    straight, _ = run(source, folder, moving=False)
    moved, moves = run(source, folder, moving=True)
    assert moves > 0
    assert moved == straight
    return moved


def test_annotations_of_functions_classes_and_the_notebook_move(tmp_path: Path) -> None:
    source = """
import dataclasses
count: int = 1
def f(a: int, b: 'str' = '') -> list[int]: ...
class C:
    x: int
    def g(self, other: 'C') -> None: ...
@dataclasses.dataclass
class D:
    first: int
    second: str = 'two'
await turn()
late: str = await turn()
found = [f.__annotations__, C.__annotations__, C.g.__annotations__, D.__annotations__, D.__init__.__annotations__]
result = [{name: repr(value) for name, value in each.items()} for each in found], repr(D(1)), D.__match_args__
"""
    same_after_a_move(source, tmp_path)


@LAZY
def test_a_name_that_is_defined_only_later_may_stand_in_annotations(tmp_path: Path) -> None:
    source = """
def f(a: Later) -> int: ...
class C:
    x: Later
    def g(self) -> Later: ...
await turn()
class Later: ...
await turn()
annotations = [f.__annotations__['a'], C.__annotations__['x'], C.g.__annotations__['return']]
result = [each is Later for each in annotations]
"""
    assert same_after_a_move(source, tmp_path) == [True, True, True]


@LAZY
def test_annotations_can_be_asked_for_as_text_after_a_move(tmp_path: Path) -> None:
    source = """
import annotationlib
def f(a: int | Missing) -> list[int]: ...
def g(a: int) -> int: ...
g.__annotations__
await turn()
text = annotationlib.Format.STRING
result = [annotationlib.get_annotations(each, format=text) for each in (f, g)], g.__annotate__ is None
"""
    texts = [{"a": "int | Missing", "return": "list[int]"}, {"a": "int", "return": "int"}]
    assert same_after_a_move(source, tmp_path) == (texts, False)


def test_annotations_that_were_changed_stay_changed(tmp_path: Path) -> None:
    source = """
def f(a: int) -> int: ...
f.__annotations__['b'] = str
await turn()
result = f.__annotations__ == {'a': int, 'b': str, 'return': int}
"""
    assert same_after_a_move(source, tmp_path) is True


@LAZY
def test_what_is_evaluated_late_inside_a_class_finds_the_names_of_the_class(tmp_path: Path) -> None:
    source = """
import abc
class Base(abc.ABC):
    def plain(self): ...
class C(Base):
    __slots__ = ('x',)
    Local = int
    def h(self, value: Local) -> Local: ...
late = C.h
await turn()
C.Local = str
result = late.__annotations__ == {'value': str, 'return': str}, late is C.h
"""
    assert same_after_a_move(source, tmp_path) == (True, True)


@LAZY
def test_a_method_that_is_met_before_its_class_keeps_it(tmp_path: Path) -> None:
    source = """
def make():
    class Base: ...
    class Hidden(Base):
        Local = int
        def h(self, value: Local) -> Local: ...
    return Hidden.h, Hidden
method, _ = make()
cls = [_]
del _
await turn()
cls[0].Local = bytes
result = method.__annotations__['value'] is bytes, method is cls[0].h
"""
    assert same_after_a_move(source, tmp_path) == (True, True)
