"""Which statements of a cell show their value."""

from __future__ import annotations

import ast

import pytest

from caesura.worker.statements import _modes


def modes(code: str, interactivity: str) -> list[str]:
    return [mode for _node, mode in _modes(ast.parse(code).body, interactivity)]


@pytest.mark.parametrize(
    ("code", "interactivity", "expected"),
    [
        ("1\n2", "last_expr", ["exec", "single"]),
        ("1\nx = 2", "last_expr", ["exec", "exec"]),
        ("1\nx = 2", "last", ["exec", "single"]),
        ("1\nx = 2", "all", ["single", "single"]),
        ("1\n2", "none", ["exec", "exec"]),
        ("x = 2", "last_expr_or_assign", ["exec", "single"]),
        ("x += 2", "last_expr_or_assign", ["exec", "single"]),
        ("x, y = 1, 2", "last_expr_or_assign", ["exec"]),
        ("x = y = 2", "last_expr_or_assign", ["exec"]),
        ("", "all", []),
    ],
)
def test_the_modes_follow_the_setting(code: str, interactivity: str, expected: list[str]) -> None:
    assert modes(code, interactivity) == expected


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="Interactivity was 'sometimes'"):
        modes("1", "sometimes")
