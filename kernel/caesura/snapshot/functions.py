"""Functions, their parts, and what wraps them.

A function that can be imported travels by name. Any other one travels by value and gets the same globals at the other
end: the live namespace, the dict of its module.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import sys
import types
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot import made_modules
from caesura.snapshot.class_namespaces import class_of, namespace_of
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced, find_global, global_name, is_importable

_PARTS = ("__defaults__", "__kwdefaults__", "__module__", "__doc__", "__qualname__")


def reduce_function(pickler: Pickling, function: types.FunctionType) -> Reduced:
    name = global_name(function)
    if name is not None:
        is_plain = name[1] == function.__qualname__ and find_global(*name) is function
        return NotImplemented if is_plain else (import_global, name)
    place = _where_defined(function)
    if place is not None:
        return import_global, place
    state = {part: getattr(function, part) for part in _PARTS}
    state.update(_annotations(function))
    if getattr(function, "__type_params__", ()):
        state["__type_params__"] = function.__type_params__  # type: ignore[attr-defined]  # from 3.12 on
    arguments = (
        function.__code__,
        pickler.globals_of(function.__globals__, function.__code__),
        function.__name__,
        function.__closure__,
    )
    return make_function, arguments, (state, function.__dict__), None, None, fill_function


def _where_defined(function: types.FunctionType) -> tuple[str, str] | None:
    """Module and name of a function that says it is another one, as ``functools.wraps`` has it do, but stands in its
    module under the name of its definition. IPython's ``open`` is one, in every notebook."""
    module, name = function.__globals__.get("__name__"), function.__code__.co_name
    if not isinstance(module, str) or module in NOTEBOOK_MODULES or not is_importable(sys.modules.get(module)):
        return None
    return (module, name) if vars(sys.modules[module]).get(name) is function else None


def _annotations(function: Any) -> dict[str, Any]:
    """The attribute that holds them. From 3.14 on they are a function until somebody asks for them, and asking may
    fail: that function travels, unless what it gave was changed afterwards.
    """
    annotate = getattr(function, "__annotate__", None)
    if annotate is None:
        return {"__annotations__": function.__annotations__} if function.__annotations__ else {}
    others = {id(part) for part in (function.__globals__, function.__builtins__, function.__kwdefaults__)}
    others.add(id(function.__dict__))
    for part in gc.get_referents(function):
        if type(part) is dict and id(part) not in others and not _gives(annotate, part):
            return {"__annotations__": part}
    return {"__annotate__": annotate}


def _gives(annotate: Any, evaluated: dict[str, Any]) -> bool:
    try:
        return bool(annotate(1) == evaluated)  # 1: annotationlib.Format.VALUE
    except Exception:  # noqa: BLE001  # it is the user's; what it gave before is kept then
        return False


def import_global(module: str, qualname: str) -> object:
    found: object = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def make_function(
    code: types.CodeType, function_globals: dict[str, Any], name: str, closure: tuple[types.CellType, ...] | None
) -> types.FunctionType:
    return types.FunctionType(code, function_globals, name, None, closure)


def fill_function(function: types.FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for name, value in state[0].items():
        setattr(function, name, value)
    function.__dict__.update(state[1])


def reduce_code(pickler: Pickling, code: types.CodeType) -> Reduced:
    # By value, always: the same source compiles differently in different patch releases.
    return marshal.loads, (marshal.dumps(code),)


def reduce_cell(pickler: Pickling, cell: types.CellType) -> Reduced:
    try:
        contents = (cell.cell_contents,)
    except ValueError:
        return types.CellType, ()
    owner = class_of(contents[0]) if type(contents[0]) is dict else None
    if owner is not None:
        return types.CellType, (), owner, None, None, fill_cell_with_namespace
    return types.CellType, (), contents, None, None, fill_cell


def fill_cell_with_namespace(cell: types.CellType, owner: type) -> None:
    cell.cell_contents = namespace_of(owner)


def fill_cell(cell: types.CellType, contents: tuple[object]) -> None:
    cell.cell_contents = contents[0]


def reduce_method(pickler: Pickling, method: types.MethodType) -> Reduced:
    return types.MethodType, (method.__func__, method.__self__)


def reduce_module(pickler: Pickling, module: types.ModuleType) -> Reduced:
    name = getattr(module, "__name__", "")  # IPython takes it out of the module of a file that was run
    if sys.modules.get(name) is module and (is_importable(module) or name == "__main__"):
        return importlib.import_module, (name,)
    # An alias, as os.path is of posixpath.
    for alias, other in list(sys.modules.items()):
        if other is module and is_importable(module):
            return importlib.import_module, (alias,)
    if is_importable(module):
        remedy = "It was taken out of sys.modules, so an import would bring another one; delete the variable."
        raise CannotMove(f"module {name}", remedy=remedy)
    return made_modules.reduce_made_module(pickler, module)
