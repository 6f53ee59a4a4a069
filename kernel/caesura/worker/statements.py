"""A cell as statements: what IPython does with a cell before and after it runs, for a runner of our own.

A cell whose statements may await is run one statement after the other by :class:`caesura.worker.cell.Cell`, so that
what is left of it can be moved to another process. The steps are those of ``InteractiveShell.run_cell_async`` and
``run_ast_nodes`` of IPython 9 (https://github.com/ipython/ipython/blob/main/IPython/core/interactiveshell.py).
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import InputRejected
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

_INFO_PARAMETERS = frozenset(inspect.signature(ExecutionInfo.__init__).parameters)


@dataclass
class Source:
    """A cell's text and how it is to be run; everything in it can be moved."""

    raw: str
    transformed: str
    silent: bool
    store_history: bool
    cell_id: str | None
    cell_meta: Any


@dataclass
class Statements:
    """A cell that is being run: the statements that are left, oldest first, each with its compile mode."""

    source: Source
    code_name: str
    execution_count: int
    stores_history: bool
    rest: deque[tuple[ast.stmt, str]] = field(default_factory=deque)


def make_result(source: Source, execution_count: int | None = None) -> Any:
    """IPython's record of a cell's execution."""
    known = {
        "raw_cell": source.raw,
        "store_history": source.store_history,
        "silent": source.silent,
        "shell_futures": True,
        "cell_id": source.cell_id,
        "cell_meta": source.cell_meta,
        "transformed_cell": source.transformed,
    }
    result = ExecutionResult(ExecutionInfo(**{name: known[name] for name in known if name in _INFO_PARAMETERS}))
    result.execution_count = execution_count
    return result


def begin(shell: Any, source: Source) -> tuple[Statements | None, Any]:
    """Everything up to the first statement: counter, events, history, parsing.

    The statements, or None if there is an error already, which has been shown; and the result.
    """
    result = make_result(source, shell.execution_count)
    count = shell.execution_count
    stores = source.store_history and not source.silent
    if stores:
        shell.execution_count += 1
    shell.events.trigger("pre_execute")
    if not source.silent:
        shell.events.trigger("pre_run_cell", result.info)
    if "get_ipython().run_line_magic(" in source.transformed and "paste" in source.transformed:
        stores = False
    if stores:
        shell.history_manager.store_inputs(count, source.transformed, source.raw)
    if not source.silent:
        shell.logger.log(source.transformed, source.raw)
    with shell.builtin_trap, shell.display_trap:
        name = shell.compile.cache(source.transformed, count, raw_code=source.raw)
        module = _parse(shell, source.transformed, name, result)
    if module is None:
        if stores:
            error = result.error_before_exec
            shell.history_manager.exceptions[count] = shell._format_exception_for_storage(error)
        shell.last_execution_succeeded = False
        shell.last_execution_result = result
        return None, result
    interactivity = "none" if source.silent else shell.ast_node_interactivity
    return Statements(source, name, count, stores, deque(_modes(module.body, interactivity))), result


def _parse(shell: Any, text: str, name: str, result: Any) -> ast.Module | None:
    try:
        module = shell.compile.ast_parse(text, filename=name)
    except shell.custom_exceptions as error:
        shell.CustomTB(*sys.exc_info())
        result.error_before_exec = error
        return None
    except IndentationError as error:
        shell.showindentationerror()
        result.error_before_exec = error
        return None
    except (OverflowError, SyntaxError, ValueError, TypeError, MemoryError) as error:
        shell.showsyntaxerror()
        result.error_before_exec = error
        return None
    try:
        transformed: ast.Module = shell.transform_ast(module)
    except InputRejected as error:
        shell.showtraceback()
        result.error_before_exec = error
        return None
    return transformed


def _modes(body: list[ast.stmt], interactivity: str) -> list[tuple[ast.stmt, str]]:
    """Which statements show their value; see ``InteractiveShell.ast_node_interactivity``."""
    if not body:
        return []
    if interactivity == "last_expr_or_assign":
        name = _assigned_name(body[-1])
        if name is not None:
            body = [*body, ast.fix_missing_locations(ast.Expr(ast.Name(name, ast.Load())))]
        interactivity = "last_expr"
    if interactivity == "last_expr":
        interactivity = "last" if isinstance(body[-1], ast.Expr) else "none"
    shown = {"none": 0, "last": 1, "all": len(body)}.get(interactivity)
    if shown is None:
        raise ValueError(f"Interactivity was {interactivity!r}")
    first_shown = len(body) - shown
    return [(node, "exec" if index < first_shown else "single") for index, node in enumerate(body)]


def _assigned_name(node: ast.stmt) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.AugAssign(target=ast.Name(id=name)) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def compile_next(shell: Any, statements: Statements) -> types.CodeType | None:
    """Take the next statement and compile it; None at the end. What the compiler raises is the statement's error.

    Each is compiled when its turn comes, because a statement can change how later ones are compiled.
    """
    if not statements.rest:
        return None
    node, mode = statements.rest.popleft()
    module = ast.Module([node], []) if mode == "exec" else ast.Interactive([node])
    with shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0):
        code: types.CodeType = shell.compile(module, statements.code_name, mode)
    return code


def end(shell: Any, statements: Statements, result: Any) -> None:
    """Everything after the last statement but the events."""
    shell.last_execution_succeeded = result.success
    shell.last_execution_result = result
    if statements.stores_history:
        shell.history_manager.store_output(statements.execution_count)
        if result.error_in_exec:
            stored = shell._format_exception_for_storage(result.error_in_exec)
            shell.history_manager.exceptions[statements.execution_count] = stored
