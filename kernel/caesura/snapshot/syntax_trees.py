"""Nodes of :mod:`ast`: those of which the parser has only one are not copied.

``ast.parse`` gives every name that is read the same ``ast.Load`` object, and likewise for operators. Whoever writes an
attribute on each node of a tree, as the packages executing and astroid do with ``parent``, leaves the last tree of all
on them: a copy would take that tree along, which has nothing to do with the session.
"""

from __future__ import annotations

import ast
import functools
from typing import Final

from caesura.snapshot.reducing import Pickling, Reduced

MARKS: Final = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
"""Classes of nodes without fields."""

_ALL_OF_THEM: Final = """
del x
x and y or x
x + y - x * y @ x / y % x ** y << x >> y | x ^ y & x // y
(~x, not x, +x, -x)
x == y != x < y <= x > y >= x is y is not x in y not in x
x = y
"""


@functools.cache
def _of_parser() -> dict[str, ast.AST]:
    return {type(node).__name__: node for node in ast.walk(ast.parse(_ALL_OF_THEM)) if isinstance(node, MARKS)}


def reduce_mark(pickler: Pickling, node: ast.AST) -> Reduced:
    name = type(node).__name__
    return (mark, (name,)) if _of_parser().get(name) is node else NotImplemented


def mark(name: str) -> ast.AST:
    """The one node of this class that the parser uses."""
    return _of_parser()[name]
