"""Random object graphs with sharing and cycles, and the question whether two of them are the same.

A graph is described by a list of nodes, each a kind and the numbers of other nodes. What can be filled later may refer
to any node, itself included; what cannot refers to those before it.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import functools
import itertools
import operator
import types
import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Final, cast

CLASSES: Final = """
import collections, dataclasses, enum

class Plain:
    def method(self): return self

class Slotted:
    __slots__ = ("first", "second", "__weakref__")

@dataclasses.dataclass(eq=False)
class Data:
    first: object = None
    rest: list = dataclasses.field(default_factory=list)

class Items(list): pass
class Table(dict): pass
Pair = collections.namedtuple("Pair", "left right")
class Colour(enum.Enum):
    RED = 1
    BLUE = [2]

class Failure(Exception):
    def __init__(self, a, *, b):
        super().__init__(a)
        self.b = b

def closing_over(value):
    def inner(extra=[value]):
        return value, extra
    return inner

def generating(value):
    kept = [value]
    try:
        yield 1
        yield kept
    finally:
        kept.clear()

async def waiting(value):
    return value, await value
"""
"""The cell that defines what nodes are instances of: classes by value."""

_LEAVES: Final[list[Any]] = [
    None,
    True,
    7,
    10**30,
    2.5,
    "text",
    "lone \ud800",
    b"bytes",
    1 + 2j,
    ...,
    NotImplemented,
    range(3, 9, 2),
    decimal.Decimal("1.50"),
    Fraction(2, 3),
    datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    PurePosixPath("a/b"),
    int,
    collections.OrderedDict,
    len,
    "x".join,
]

_VALUES: Final = (*{type(leaf) for leaf in _LEAVES if not isinstance(leaf, type | types.BuiltinFunctionType)},)

Node = tuple[str, int, list[int]]
"""Kind, a number that chooses among its variants, numbers of other nodes."""

Build = Callable[[dict[str, Any], int, list[Any]], Any]


def _first(parts: list[Any], kinds: type | tuple[type, ...], default: Callable[[], Any]) -> Any:
    return next((part for part in parts if isinstance(part, kinds)), None) or default()


def _advanced(iterator: Iterator[Any], steps: int) -> Iterator[Any]:
    next(itertools.islice(iterator, steps, steps), None)
    return iterator


def _hashable(parts: list[Any]) -> list[Any]:
    return [part for part in parts if isinstance(part, int | str | bytes | float | Fraction | type)]


FIXED: Final[dict[str, Build]] = {
    "leaf": lambda names, choice, parts: _LEAVES[choice % len(_LEAVES)],
    "tuple": lambda names, choice, parts: tuple(parts),
    "frozenset": lambda names, choice, parts: frozenset(_hashable(parts)),
    "named tuple": lambda names, choice, parts: names["Pair"](parts[:1], choice),
    "slice": lambda names, choice, parts: slice(choice, *parts[:2]),
    "partial": lambda names, choice, parts: functools.partial(names["closing_over"], *parts, key=choice),
    "method": lambda names, choice, parts: _first(parts, names["Plain"], names["Plain"]).method,
    "proxy": lambda names, choice, parts: types.MappingProxyType(_first(parts, dict, dict)),
    "view": lambda names, choice, parts: (dict.keys, dict.values, dict.items)[choice % 3](_first(parts, dict, dict)),
    "closure": lambda names, choice, parts: names["closing_over"](parts),
    "cell": lambda names, choice, parts: types.CellType(*parts[:1]),
    "weak reference": lambda names, choice, parts: weakref.ref(_first(parts, names["Plain"], lambda: names["Plain"])),
    "generator": lambda names, choice, parts: _advanced(names["generating"](parts), choice % 4),
    "coroutine": lambda names, choice, parts: names["waiting"](parts),
    "member": lambda names, choice, parts: list(names["Colour"])[choice % 2],
    "list iterator": lambda names, choice, parts: _advanced(
        (iter, reversed)[choice % 2](_first(parts, list, list)), choice % 3
    ),
    "dict iterator": lambda names, choice, parts: _advanced(
        iter((dict.keys, dict.values, dict.items)[choice % 3](_first(parts, dict, dict))), choice % 4
    ),
    "ordered iterator": lambda names, choice, parts: _advanced(
        iter(_first(parts, collections.OrderedDict, collections.OrderedDict)), choice % 3
    ),
    "chain": lambda names, choice, parts: itertools.chain(_advanced(iter(parts), 1), "ab"),
}
"""What has all its parts when it is made."""

OPEN: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "list": lambda names: [],
    "list of a subclass": lambda names: names["Items"](),
    "dict": lambda names: {},
    "dict of a subclass": lambda names: names["Table"](),
    "ordered dict": lambda names: collections.OrderedDict(),
    "default dict": lambda names: collections.defaultdict(list),
    "set": lambda names: set(),
    "deque": lambda names: collections.deque(maxlen=9),
    "object": lambda names: names["Plain"](),
    "slots": lambda names: names["Slotted"](),
    "data class": lambda names: names["Data"](),
    "namespace": lambda names: types.SimpleNamespace(),
    "error": lambda names: names["Failure"](1, b=[]),
    "bytearray": lambda names: bytearray(),
    "array": lambda names: array.array("i"),
}
"""What is filled when all nodes are there."""

KINDS: Final = [*FIXED, *OPEN]


def build(nodes: list[Node], names: dict[str, Any]) -> list[Any]:
    """The objects of these nodes; ``names`` is the namespace in which :data:`CLASSES` ran."""
    made: list[Any] = []
    for kind, choice, others in nodes:
        if kind in OPEN:
            made.append(OPEN[kind](names))
        else:
            made.append(FIXED[kind](names, choice, [made[other % len(made)] for other in others] if made else []))
    for obj, (kind, choice, others) in zip(made, nodes, strict=True):
        if kind in OPEN:
            _fill(obj, kind, choice, [made[other % len(made)] for other in others])
    return made


def _fill(obj: Any, kind: str, choice: int, parts: list[Any]) -> None:
    if isinstance(obj, list | collections.deque):
        obj.extend(parts)
    elif isinstance(obj, dict):
        obj.update({f"{kind} {number}": part for number, part in enumerate(parts)})
    elif isinstance(obj, set):
        obj.update(_hashable(parts))
    elif isinstance(obj, bytearray | array.array):
        obj.extend(range(choice % 9))
    elif kind == "slots" and parts:
        obj.first = parts
    elif kind == "error":
        obj.args, obj.b = tuple(parts), parts
        obj.__cause__ = _first(parts, BaseException, lambda: None)
    else:
        for number, part in enumerate(parts):
            setattr(obj, f"attribute_{number}", part)


# --- comparing ------------------------------------------------------------------------------------------------------


def difference(one: Any, other: Any) -> str | None:
    """Where two graphs differ, in value or in what is shared; None if they do not."""
    there: dict[int, int] = {}
    back: dict[int, int] = {}
    kept: list[Any] = []  # so that no address is used twice
    waiting: list[tuple[str, Any, Any]] = [("", one, other)]
    while waiting:
        path, a, b = waiting.pop()
        if _is_shared_by_all(a):
            if a is not b and (type(a) is not type(b) or a != b):
                return f"{path}: {a!r} is {b!r}"
            continue
        if there.get(id(a), id(b)) != id(b) or back.get(id(b), id(a)) != id(a):
            return f"{path}: something else is shared"
        if id(a) in there:
            continue
        there[id(a)], back[id(b)] = id(b), id(a)
        kept += [a, b]
        if type(a).__name__ != type(b).__name__:
            return f"{path}: {type(a)} is {type(b)}"
        (shown_a, parts_a), (shown_b, parts_b) = _parts(a), _parts(b)
        if shown_a != shown_b or len(parts_a) != len(parts_b):
            return f"{path}: {shown_a!r} is {shown_b!r}"
        waiting += [(f"{path}.{n}", x, y) for n, (x, y) in enumerate(zip(parts_a, parts_b, strict=True))]
    return None


def _is_shared_by_all(obj: Any) -> bool:
    """Whether only the value counts, since Python shares such objects as it likes."""
    if isinstance(obj, type):
        return obj.__module__ != "__main__"
    if isinstance(obj, tuple | frozenset):
        return not obj
    return isinstance(obj, _VALUES)


def _parts(obj: Any) -> tuple[object, list[Any]]:
    """What is to be equal as it is, and what is to be compared part by part."""
    own = list(getattr(obj, "__dict__", {}).items()) if not isinstance(obj, type | types.FunctionType) else []
    shown: object = [name for name, _ in own]
    parts: list[Any] = [value for _, value in own]
    more: list[Any] = []
    if isinstance(obj, type):
        return obj.__qualname__, []
    if isinstance(obj, list | tuple | collections.deque):
        more = list(obj)
    elif isinstance(obj, dict):
        more = [part for item in obj.items() for part in item]
    elif isinstance(obj, set | frozenset):
        shown = sorted(map(repr, obj))
    elif isinstance(obj, bytearray | array.array):
        shown = bytes(obj)
    elif isinstance(obj, slice):
        more = [obj.start, obj.stop, obj.step]
    elif isinstance(obj, functools.partial):
        more = [obj.func, *obj.args, *obj.keywords.items()]
    elif isinstance(obj, types.BuiltinFunctionType):
        shown, more = obj.__qualname__, [obj.__self__] if isinstance(obj.__self__, str) else []
    elif isinstance(obj, types.MethodType):
        more = [obj.__func__, obj.__self__]
    elif isinstance(obj, types.FunctionType):
        shown = obj.__qualname__
        more = [*(obj.__closure__ or ()), obj.__defaults__, type(obj.__globals__)]
    elif isinstance(obj, types.CellType):
        more = _contents(obj)
    elif isinstance(obj, weakref.ref):
        more = [obj()]
    elif isinstance(obj, BaseException):
        more = [obj.args, obj.__cause__, obj.__context__]
    elif isinstance(obj, types.GeneratorType):
        frame = obj.gi_frame
        shown = (obj.__name__, frame and frame.f_lasti)
        more = list(frame.f_locals.values()) if frame else []
    elif isinstance(obj, types.CoroutineType):
        more = list(obj.cr_frame.f_locals.values())
    elif type(obj).__name__ == "Slotted":
        more = [obj.first] if hasattr(obj, "first") else []
    elif isinstance(obj, Iterator):
        shown, more = _of_iterator(obj)
    elif isinstance(obj, types.MappingProxyType | type({}.keys()) | type({}.values()) | type({}.items())):
        more = [cast("Any", obj).mapping if hasattr(obj, "mapping") else dict(obj)]
    return shown, [*parts, *more]


def _of_iterator(obj: Any) -> tuple[object, list[Any]]:
    if isinstance(obj, itertools.chain):
        return None, [list(obj)]
    return operator.length_hint(obj), []


def _contents(cell: types.CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []
