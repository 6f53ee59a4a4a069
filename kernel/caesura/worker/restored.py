"""Awaiting a coroutine that was suspended in another process, in the place of the statement that made it."""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any


@types.coroutine
def go_on(coroutine: Any) -> Generator[Any, Any, Any]:
    """Await a coroutine that is suspended already, which ``await`` refuses."""
    return (yield from coroutine)


def constant_code(value: object) -> types.CodeType:
    """Code that evaluates to ``value``: the shell runs it as it runs a statement, and awaits what it gives."""
    mark = "the value"  # not a number: from 3.14 on a small one stands in its instruction
    code = compile(repr(mark), "<a restored statement>", "eval")
    return code.replace(co_consts=tuple(value if each == mark else each for each in code.co_consts))


def suspended_inside(runner: Any) -> Any:
    """The coroutine of the statement that ``runner`` (the shell's ``run_code``) awaits; None if it awaits none."""
    inner = None if runner is None else runner.cr_await
    if isinstance(inner, types.GeneratorType) and inner.gi_code is go_on.__code__:
        return inner.gi_yieldfrom
    return inner
