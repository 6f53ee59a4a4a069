"""Small types of the interpreter and the standard library that do not pickle themselves, one reducer each."""

from __future__ import annotations

import gc
import struct
import types
import typing
from collections.abc import Callable
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced, find_global, global_name


def reduce_dict_view(pickler: Pickling, view: Any) -> Reduced:
    """``keys()``, ``values()`` and ``items()`` of a dict go on showing it."""
    name = type(view).__name__.rpartition("_")[2]
    return make_dict_view, (gc.get_referents(view)[-1], name)


def make_dict_view(mapping: dict[Any, Any], name: str) -> object:
    view: object = getattr(mapping, name)()
    return view


def reduce_pattern(pickler: Pickling, pattern: Any) -> Reduced:
    if isinstance(pattern.pattern, str | bytes):
        return NotImplemented
    raise CannotMove("re.Pattern of a re.Scanner", remedy="Make the scanner again after the await.")


def reduce_match(pickler: Pickling, match: Any) -> Reduced:
    """A match is made again: with the same pattern on the same text it comes out the same."""
    text = match.string
    if isinstance(text, str | bytes):
        for position in (match.pos, match.start()):
            for method in ("match", "fullmatch", "search"):
                again = getattr(match.re, method)(text, position, match.endpos)
                if again is not None and again.regs == match.regs:
                    return make_match, (match.re, method, text, position, match.endpos)
    raise CannotMove("re.Match", remedy="Keep its groups instead.")


def make_match(pattern: Any, method: str, text: Any, position: int, end: int) -> object:
    found: object = getattr(pattern, method)(text, position, end)
    return found


def reduce_struct(pickler: Pickling, packed: struct.Struct) -> Reduced:
    return struct.Struct, (packed.format,)


def reduce_type_variable(pickler: Pickling, variable: Any) -> Reduced:
    place = (getattr(variable, "__module__", None), variable.__name__)
    if _is_global(place, variable):
        return import_global, place
    if isinstance(variable, typing.TypeVar):
        options = {
            "bound": variable.__bound__,
            "covariant": variable.__covariant__,
            "contravariant": variable.__contravariant__,
        }
        if getattr(variable, "__infer_variance__", False):
            options["infer_variance"] = True
        arguments = (variable.__name__, *variable.__constraints__)
        return make_type_variable, (typing.TypeVar, arguments, options, place[0])
    return make_type_variable, (type(variable), (variable.__name__,), {}, place[0])


def make_type_variable(kind: Callable[..., Any], arguments: Any, options: dict[str, Any], module: object) -> object:
    made = kind(*arguments, **options)
    if isinstance(module, str):
        made.__module__ = module
    return typing.cast("object", made)


def _is_global(place: tuple[Any, str], obj: object) -> bool:
    return isinstance(place[0], str) and place[0] not in NOTEBOOK_MODULES and find_global(*place) is obj


def reduce_new_type(pickler: Pickling, made: Any) -> Reduced:
    if global_name(made) is not None:
        return NotImplemented
    return make_new_type, (made.__name__, made.__supertype__, made.__module__)


def make_new_type(name: str, supertype: Any, module: str) -> object:
    made = vars(typing)["NewType"](name, supertype)
    made.__module__ = module
    return typing.cast("object", made)


def reduce_type_alias(pickler: Pickling, alias: Any) -> Reduced:
    if _is_global((alias.__module__, alias.__name__), alias):
        return import_global, (alias.__module__, alias.__name__)
    compute = _unevaluated(alias)
    if compute is not None and not alias.__type_params__:
        return make_lazy_alias, (alias.__name__, alias.__module__, compute)
    return make_type_alias, (alias.__name__, alias.__value__, alias.__type_params__)


def _unevaluated(alias: Any) -> types.FunctionType | None:
    """The function that gives the value of an alias: it may refer to the alias, or to what is not there yet."""
    found = [each for each in gc.get_referents(alias) if isinstance(each, types.FunctionType)]
    return found[0] if len(found) == 1 and found[0].__name__ == alias.__name__ else None


def make_lazy_alias(name: str, module: str, compute: Callable[[], object]) -> object:
    names: dict[str, Any] = {"__name__": module}
    exec(f"def make(compute):\n    type {name} = compute()\n    return {name}", names)  # noqa: S102  a statement only
    found: object = names["make"](compute)
    return found


def make_type_alias(name: str, value: Any, parameters: Any) -> object:
    return typing.cast("Any", typing).TypeAliasType(name, value, type_params=parameters)
