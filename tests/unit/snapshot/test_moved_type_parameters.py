"""Type parameters and aliases over a move: what nobody has asked for is not evaluated, what was evaluated stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snapshot_notebook import run

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of 3.12")
DEFAULTS = pytest.mark.skipif(sys.version_info < (3, 13), reason="defaults of type parameters are of 3.13")


def after_moves(source: str, folder: Path) -> object:
    straight, _ = run(source, folder, moving=False)
    moved, moves = run(source, folder, moving=True)
    assert moves > 1
    assert moved == straight
    return moved


def test_what_is_defined_only_later_may_stand_in_bounds_constraints_and_aliases(tmp_path: Path) -> None:
    source = """
def f[T: Later, U: (Later, int), V](): ...
class C[K: Later]: ...
type X = Later
type Y[Z: Later] = list[tuple[Later, Z]]
await turn()
await turn()
class Later: ...
await turn()
T, U, V = f.__type_params__
Z, = Y.__type_params__
bounds = [T.__bound__, C.__type_params__[0].__bound__, X.__value__, Z.__bound__]
result = (
    [each is Later for each in bounds], U.__constraints__ == (Later, int), U.__bound__, V.__bound__, V.__constraints__,
    Y.__value__ == list[tuple[Later, Z]], [each.__module__ for each in (X, Y)], [repr(each) for each in (T, X, Y[int])],
    C.__orig_bases__[0].__args__[0] is C.__type_params__[0], [each.__infer_variance__ for each in (T, U, V)],
)
"""
    assert after_moves(source, tmp_path)[0] == [True, True, True, True]  # type: ignore[index]


def test_a_bound_that_fails_goes_on_failing_with_its_own_error(tmp_path: Path) -> None:
    source = """
count = []
def noted(): count.append(1); raise KeyError('not yet')
def f[T: noted()](): ...
type X = noted()
await turn()
await turn()
asked = []
for each in (lambda: f.__type_params__[0].__bound__, lambda: X.__value__):
    try:
        each()
    except KeyError as error:
        asked.append(str(error))
result = asked, len(count)
"""
    assert after_moves(source, tmp_path) == (["'not yet'", "'not yet'"], 2)


def test_what_was_evaluated_is_not_evaluated_again(tmp_path: Path) -> None:
    source = """
Local = int
def f[T: Local, U: (Local, str)](): ...
type X = Local
type Y[Z] = list[Local]
T, U = f.__type_params__
T.__bound__, U.__constraints__, X.__value__, Y.__value__
Pair = (int, str)
def g[P: Pair](): ...
g.__type_params__[0].__bound__
await turn()
Local = str
await turn()
result = (T.__bound__, U.__constraints__, X.__value__, Y.__value__, X.__module__, T is f.__type_params__[0],
    g.__type_params__[0].__bound__, g.__type_params__[0].__constraints__)
"""
    assert after_moves(source, tmp_path)[0] is int  # type: ignore[index]


def test_parameters_that_refer_to_themselves_and_to_locals_of_a_function_move(tmp_path: Path) -> None:
    source = """
def make():
    class Node[T: Node]:
        type Links = dict[str, Node | Inner]
        Inner = int
        def each[S: Inner](self, other: S) -> S: return other
    type Tree = list[Tree | Node]
    return Node, Tree
Node, Tree = make()
await turn()
await turn()
Node.Inner = bytes
result = (
    Node.__type_params__[0].__bound__ is Node, Node.Links.__value__ == dict[str, Node | bytes],
    Node.each.__type_params__[0].__bound__, Tree.__value__ == list[Tree | Node], Node().each(1),
)
"""
    assert after_moves(source, tmp_path) == (True, True, bytes, True, 1)


@DEFAULTS
def test_defaults_move_late_or_evaluated(tmp_path: Path) -> None:
    source = """
def f[T = Later, U: Early = Later, W: (int, str) = Later, *Ts = *tuple[Later, ...], **P = [Later]](): ...
Early = int
import typing
made = typing.TypeVar('made', default=str), typing.ParamSpec('P', default=[int]), typing.TypeVar('co', covariant=True)
T, U, W, Ts, P = f.__type_params__
U.__bound__
await turn()
Early = str
class Later: ...
W.__default__
await turn()
Old, Later = Later, None
await turn()
result = (W.__default__ is Old, T.__default__, U.__bound__, U.__default__, W.__constraints__, Ts.has_default(),
    P.__default__, [each.__default__ for each in made], T.__bound__, made[2].__covariant__)
"""
    assert after_moves(source, tmp_path)[:3] == (True, None, int)  # type: ignore[index]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="evaluate_bound is of 3.14")
def test_they_can_be_asked_for_as_text_after_a_move(tmp_path: Path) -> None:
    source = """
import annotationlib
def f[T: list[Missing]](): ...
type X = dict[str, Missing]
await turn()
await turn()
text = annotationlib.Format.STRING
asked = f.__type_params__[0].evaluate_bound, X.evaluate_value
result = [annotationlib.call_evaluate_function(each, text) for each in asked]
"""
    assert after_moves(source, tmp_path) == ["list[Missing]", "dict[str, Missing]"]
