"""Type variables and aliases. What the interpreter evaluates late (a bound, constraints, a default, the value of an
alias) is not evaluated by a move: it may refer to what is not there yet.

The syntax of Python 3.12 gives each such part a function, which stays the same one
(https://github.com/python/cpython/blob/3.13/Objects/typevarobject.c). No attribute tells it, and only an instruction
makes a parameter with it.
"""

from __future__ import annotations

import dis
import functools
import gc
import opcode
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced, find_global

_HAS_DEFAULTS: Final = sys.version_info >= (3, 13)
_FIRST_PART: Final = 2 if sys.version_info >= (3, 14) else 1
"""Where what a parameter refers to begins, after its type and, from 3.14 on, its name."""
_VARIANCES: Final = ("covariant", "contravariant", "infer_variance")
_SINGLE: Final = {"ParamSpec": "INTRINSIC_PARAMSPEC", "TypeVarTuple": "INTRINSIC_TYPEVARTUPLE"}
_MAKES_TUPLE: Final = ("BUILD_TUPLE", "CALL_INTRINSIC_1")


class Evaluated:
    """In place of the function of a part that has been evaluated: gives its value."""

    def __init__(self, part: str, value: object) -> None:
        self.part = part
        self._value = value

    def __call__(self, *_format: object) -> object:
        return self._value


def _is_global(place: tuple[Any, str], obj: object) -> bool:
    return isinstance(place[0], str) and place[0] not in NOTEBOOK_MODULES and find_global(*place) is obj


# --- parameters -----------------------------------------------------------------------------------------------------


def reduce_type_variable(pickler: Pickling, variable: Any) -> Reduced:
    place = (getattr(variable, "__module__", None), variable.__name__)
    if _is_global(place, variable):
        return import_global, place
    late = _late_parts(variable)
    if late:
        return make_late_parameter, (type(variable).__name__, variable.__name__, late)
    options: dict[str, Any] = {}
    if not isinstance(variable, vars(typing)["TypeVarTuple"]):
        options["bound"] = variable.__bound__
        options.update((each, True) for each in _VARIANCES if getattr(variable, f"__{each}__", False))
    if _HAS_DEFAULTS and variable.has_default():
        options["default"] = variable.__default__
    arguments = (variable.__name__, *getattr(variable, "__constraints__", ()))
    return make_type_variable, (type(variable), arguments, options, place[0])


def make_type_variable(kind: Callable[..., Any], arguments: Any, options: dict[str, Any], module: object) -> object:
    made = kind(*arguments, **options)
    if isinstance(module, str):
        made.__module__ = module
    return typing.cast("object", made)


def _late_parts(variable: Any) -> dict[str, Any]:
    """Name of a part → its function, or its value if that has been evaluated; empty for a parameter that was not made
    by syntax or has no such part."""
    parts = gc.get_referents(variable)
    places = [index for index, part in enumerate(parts) if _is_evaluator(part, variable.__name__)]
    found = {}
    if places and _HAS_DEFAULTS and variable.has_default():
        found["default"] = places.pop()
    if places:
        found["constraints" if _gives_constraints(parts[places[0]]) else "bound"] = places[0]
    return {part: _with_value(parts, index, part, variable.__name__) for part, index in found.items()}


def _is_evaluator(part: object, name: str) -> bool:
    return isinstance(part, Evaluated) or (isinstance(part, types.FunctionType) and part.__code__.co_name == name)


def _gives_constraints(evaluator: Any) -> bool:
    """Whether it does not give a bound: only constraints are written as a tuple."""
    if isinstance(evaluator, Evaluated):
        return evaluator.part == "constraints"
    *_, last, end = dis.get_instructions(evaluator.__code__)
    value = end if end.opname == "RETURN_CONST" else last
    return type(value.argval) is tuple or value.opname in _MAKES_TUPLE


def _with_value(parts: list[Any], index: int, part: str, name: str) -> Any:
    """A part's value stands before its function, once there is one."""
    before = parts[index - 1]
    is_late = index == _FIRST_PART or _is_evaluator(before, name)
    return parts[index] if is_late else Evaluated(part, before)


def make_late_parameter(kind: str, name: str, late: dict[str, Any]) -> object:
    if "bound" in late:
        made = _intrinsic("INTRINSIC_TYPEVAR_WITH_BOUND")(name, late["bound"])
    elif "constraints" in late:
        made = _intrinsic("INTRINSIC_TYPEVAR_WITH_CONSTRAINTS")(name, late["constraints"])
    else:
        made = _intrinsic(_SINGLE.get(kind, "INTRINSIC_TYPEVAR"))(name)
    if "default" in late:
        made = _intrinsic("INTRINSIC_SET_TYPEPARAM_DEFAULT")(made, late["default"])
    for part, evaluator in late.items():
        if isinstance(evaluator, Evaluated):
            getattr(made, f"__{part}__")
    return typing.cast("object", made)


# --- aliases --------------------------------------------------------------------------------------------------------


def reduce_type_alias(pickler: Pickling, alias: Any) -> Reduced:
    if _is_global((alias.__module__, alias.__name__), alias):
        return import_global, (alias.__module__, alias.__name__)
    parts = gc.get_referents(alias)
    parameters = alias.__type_params__
    for index, part in enumerate(parts):
        if _is_evaluator(part, alias.__name__) and index == len(parts) - 1:  # its value would follow
            return make_unevaluated_alias, (alias.__name__, parameters, part)
    return make_evaluated_alias, (alias.__name__, alias.__value__, parameters, alias.__module__)


def make_unevaluated_alias(name: str, parameters: Any, compute: Callable[[], object]) -> object:
    return typing.cast("object", _intrinsic("INTRINSIC_TYPEALIAS")((name, parameters or None, compute)))


def make_evaluated_alias(name: str, value: object, parameters: Any, module: str) -> object:
    # Its module is that of the globals of whoever calls.
    names: dict[str, Any] = {"__name__": module, "kind": vars(typing)["TypeAliasType"]}
    exec("def make(name, value, parameters): return kind(name, value, type_params=parameters)", names)  # noqa: S102
    found: object = names["make"](name, value, parameters)
    return found


# --- instructions ---------------------------------------------------------------------------------------------------


@functools.cache
def _intrinsic(name: str) -> Callable[..., Any]:
    """The instruction that the compiler uses, as a function of one or two arguments
    (https://docs.python.org/3.13/library/dis.html#opcode-CALL_INTRINSIC_1)."""
    unary, binary = vars(opcode)["_intrinsic_1_descs"], vars(opcode)["_intrinsic_2_descs"]
    if name in unary:
        return _with_instruction(lambda only: -only, "UNARY_NEGATIVE", "CALL_INTRINSIC_1", unary.index(name))
    return _with_instruction(lambda first, second: first + second, "BINARY_OP", "CALL_INTRINSIC_2", binary.index(name))


def _with_instruction(pattern: Any, replaced: str, name: str, argument: int) -> Callable[..., Any]:
    code = pattern.__code__
    instructions = list(dis.get_instructions(code))
    place = next(index for index, each in enumerate(instructions) if each.opname == replaced)
    start, end = instructions[place].offset, instructions[place + 1].offset
    nothing = bytes((opcode.opmap["NOP"], 0)) * ((end - start) // 2 - 1)
    changed = code.co_code[:start] + bytes((opcode.opmap[name], argument)) + nothing + code.co_code[end:]
    return types.FunctionType(code.replace(co_code=changed), {})
