"""Small types of the interpreter and the standard library that do not pickle themselves, one reducer each."""

from __future__ import annotations

import gc
import struct
import typing
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced, global_name


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


def reduce_new_type(pickler: Pickling, made: Any) -> Reduced:
    if global_name(made) is not None:
        return NotImplemented
    return make_new_type, (made.__name__, made.__supertype__, made.__module__)


def make_new_type(name: str, supertype: Any, module: str) -> object:
    made = vars(typing)["NewType"](name, supertype)
    made.__module__ = module
    return typing.cast("object", made)
