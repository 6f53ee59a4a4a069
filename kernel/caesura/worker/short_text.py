"""A short text for a value, in which no code of the user has a part.

What lives here: texts of the builtin kinds, of what is in plain containers, and the shapes of arrays and tables of
known libraries, told by their exact type. What must not: ``repr()``, ``str()`` or an attribute of anything else: a
method of the user's may do anything, and never end.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from typing import Any, Final

MOST_CHARS: Final = 120
"""No text is longer."""

HIDDEN: Final = "(hidden)"
"""Stands for what has a name that says that it is secret."""

_ITEMS: Final = 4
_DEPTH: Final = 2
_STRING_CHARS: Final = 60
_NAME_CHARS: Final = 80
_INTEGER_BITS: Final = 128
_LOOKED_AT: Final = 4 * _STRING_CHARS
_LOGIN = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
_type_name = type.__dict__["__qualname__"].__get__
_module_name = type.__dict__["__module__"].__get__
_BRACKETS: Final[dict[type, str]] = {list: "[]", tuple: "()", set: "{}", frozenset: "{}"}


class ShortTexts:
    """``hidden`` is searched for in the names of variables and in the keys of dicts."""

    def __init__(self, hidden: re.Pattern[str]) -> None:
        self._is_hidden = hidden.search

    def of_variable(self, name: str, value: object) -> str:
        """The text; empty if the type says all that may be said."""
        return HIDDEN if self._is_hidden(name) else self.of(value)[:MOST_CHARS]

    def of(self, value: object, depth: int = _DEPTH) -> str:
        kind = type(value)
        if (write := _WRITERS.get(kind)) is not None:
            return write(value)
        if kind in _BRACKETS:
            return self._items(value, _BRACKETS[kind], depth)
        if kind is dict:
            return self._entries(value, depth)  # type: ignore[arg-type]
        return _shape(kind, value)

    def _items(self, values: Any, brackets: str, depth: int) -> str:
        shown = [self._part(each, depth) for each in islice(values, _ITEMS)] if depth else []
        return _enclosed(shown, brackets, len(values))

    def _entries(self, values: dict[object, object], depth: int) -> str:
        shown = []
        for key, value in islice(values.items(), _ITEMS if depth else 0):
            is_hidden = type(key) is str and self._is_hidden(key) is not None
            shown.append(f"{self._part(key, depth)}: {HIDDEN if is_hidden else self._part(value, depth)}")
        return _enclosed(shown, "{}", len(values))

    def _part(self, value: object, depth: int) -> str:
        return self.of(value, depth - 1) or type_name(value)


def type_name(value: object) -> str:
    """The name of its type, as the type was made with; a metaclass of the user's has no say."""
    return str.__getitem__(_type_name(type(value)), slice(_NAME_CHARS))


def _enclosed(shown: Iterable[str], brackets: str, count: int) -> str:
    parts = list(shown)
    if len(parts) < count:
        parts.append(f"… {count} in all" if parts else f"… {count}")
    return f"{brackets[0]}{', '.join(parts)}{brackets[1]}"


def _integer(value: Any) -> str:
    bits = value.bit_length()
    return repr(value) if bits <= _INTEGER_BITS else f"a number of {bits} bits"


def _range(value: Any) -> str:
    numbers = value.start, value.stop, value.step
    return repr(value) if all(number.bit_length() <= _INTEGER_BITS for number in numbers) else ""


def _string(value: Any) -> str:
    text = _LOGIN.sub("…@", value[:_LOOKED_AT])
    return repr(text) if len(text) <= _STRING_CHARS else f"{text[:_STRING_CHARS]!r}…"


def _bytes(value: Any) -> str:
    return repr(bytes(value)) if len(value) <= _ITEMS * 4 else f"{len(value)} bytes"


def _function(value: Any) -> str:
    return str.__getitem__(value.__qualname__, slice(_NAME_CHARS)) + "()"


def _moment(value: Any) -> str:
    zone = value.tzinfo  # one of the user's has methods of its own
    return repr(value) if zone is None or type(zone) is timezone else ""


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    type(None): repr,
    bool: repr,
    int: _integer,
    float: repr,
    complex: repr,
    str: _string,
    bytes: _bytes,
    bytearray: _bytes,
    range: _range,
    date: repr,
    timedelta: repr,
    datetime: _moment,
    types.FunctionType: _function,
}


def _shape(kind: type, value: Any) -> str:
    """The shape of an array or table; empty for anything else. A library that is not imported has no values here."""
    for module, name, write in _SHAPES:
        found = sys.modules.get(module)
        if type(found) is types.ModuleType and vars(found).get(name) is kind:
            return write(value)
    return ""


def _array(value: Any) -> str:
    return f"{_by(value.shape)} {value.dtype}"


def _pandas(value: Any) -> str:
    axes = value.axes
    is_plain = all(_is_of_pandas(type(axis)) for axis in axes)
    return _by(map(len, axes)) if is_plain else ""


def _is_of_pandas(kind: type) -> bool:
    module = _module_name(kind)
    return type(module) is str and module.partition(".")[0] == "pandas"


def _polars(value: Any) -> str:
    return _by(value.shape)


def _by(shape: Iterable[int]) -> str:
    return " × ".join(str(int(size)) for size in shape) or "one value,"


_SHAPES: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("numpy", "ndarray", _array),
    ("pandas", "DataFrame", _pandas),
    ("pandas", "Series", _pandas),
    ("polars", "DataFrame", _polars),
    ("polars", "Series", _polars),
)
