"""What a session holds that may be saved and still not load: named, so that each is tried only once.

Known to load are the types of the standard library and of the kernel, which this package's reducers and its tests
cover, and classes of the notebook that leave their objects to pickle. All others have a key: one that stays the same as
long as the code behind it does.

What lives here: which kinds there are in a snapshot. What must not: which of them have been tried.
"""

from __future__ import annotations

import functools
import sys
import types
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from caesura.snapshot import imported, registered, warm_modules
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Reducer, global_name
from caesura.snapshot.unmovable import kind_name
from caesura.snapshot.wide import reduce_widely

_FAMILIAR: Final = (
    sys.stdlib_module_names
    | {"caesura", "caesura_server", "IPython", "ipykernel", "jupyter_client", "comm", "dateutil"}
) - NOTEBOOK_MODULES

_HOOKS: Final = frozenset(
    {"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__", "__new__"}
    | {"__setattr__", "__getattr__", "__getattribute__", "__hash__", "__setitem__", "append", "extend", "add"}
)
"""What pickle calls of an object that it makes again: with one of these in it, a class has a say in it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``name`` is what the user knows it by. ``cls`` is None for a module. A lasting one is the same in every session
    of the environment, others live and end with their session."""

    key: str
    name: str
    cls: type | None
    is_lasting: bool


def kinds_of(
    reducers: Mapping[type, Reducer | None], imported_names: Iterable[str], versions: Mapping[str, str]
) -> tuple[Kind, ...]:
    """The kinds in a snapshot with objects of the types ``reducers``, in a process that has imported the packages
    ``imported_names``; ``versions`` are those of packages."""
    sources = imported.sources()
    found = [kind for cls, reducer in reducers.items() for kind in _of_type(cls, reducer, versions)]
    found += [
        Kind(f"module {name} {versions.get(name, '')}", name, None, is_lasting=True)
        for name in imported_names
        if name not in sources and name not in _at_start()
    ]
    found += [Kind(f"module {name} {source.digest}", name, None, is_lasting=True) for name, source in sources.items()]
    return tuple({kind.key: kind for kind in found}.values())


def kinds_beside(names: Iterable[str]) -> tuple[Kind, ...]:
    """One for each setting of the interpreter and for each patch of a module: what is set may be refused."""
    return tuple(Kind(f"beside {name}", name, None, is_lasting=False) for name in names)


@functools.cache
def _at_start() -> frozenset[str]:
    """Packages that were there before any code of the user ran, if there was no zygote to remember them."""
    return frozenset() if warm_modules.known().modules else frozenset(name.partition(".")[0] for name in sys.modules)


def begin() -> None:
    """Note what is imported now. Before any code of the user runs."""
    _at_start()


def _of_type(cls: type, reducer: Reducer | None, versions: Mapping[str, str]) -> Iterator[Kind]:
    told = registered.told_about(cls)
    if told is not None:
        yield Kind(f"registered {kind_name(cls)} {_digest([told])}", _name(cls), cls, is_lasting=False)
    module = str(cls.__module__)
    package = module.partition(".")[0]
    if package in _FAMILIAR and reducer is not reduce_widely:
        return
    if _is_by_value(cls):
        digest = _say_of(cls)
        if digest:
            yield Kind(f"class {kind_name(cls)} {digest}", _name(cls), cls, is_lasting=False)
        return
    source = imported.sources().get(module)
    version = versions.get(package, "") if source is None else source.digest
    yield Kind(f"type {kind_name(cls)} {version}", _name(cls), cls, is_lasting=True)


def _is_by_value(cls: type) -> bool:
    return cls.__module__ in NOTEBOOK_MODULES or global_name(cls) is None


def _say_of(cls: type) -> str:
    """How a class of the notebook, or one between it and the standard library, takes part in a load; empty if it does
    not."""
    hooks: list[object] = []
    for base in cls.__mro__:
        if str(base.__module__).partition(".")[0] in _FAMILIAR:
            continue
        if _is_by_value(base):
            hooks += [base.__dict__[name] for name in sorted(_HOOKS & base.__dict__.keys())]
        else:
            hooks.append(base)
    hooks = [hook for hook in hooks if hook is not None]  # as __hash__ of a class that cannot be hashed
    return _digest(hooks) if hooks or issubclass(cls, type) else ""


def _digest(functions: Iterable[object]) -> str:
    """What is another one when one of these functions has other code."""
    crc = 0
    for function in functions:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        text = (code.co_code, code.co_names, code.co_consts) if isinstance(code, types.CodeType) else type(function)
        crc = zlib.crc32(repr(text).encode(), crc)
    return f"{crc:08x}"


def _name(cls: type) -> str:
    return kind_name(cls).removeprefix("__main__.")


def holding(kinds: Iterable[Kind], functions: Iterable[str]) -> Kind | None:
    """The kind to which one of ``functions`` (qualified names, the likeliest first) belongs."""
    named: dict[str, Kind] = {kind.cls.__qualname__: kind for kind in kinds if kind.cls is not None}
    for function in functions:
        owner = function.rpartition(".")[0]
        if owner in named:
            return named[owner]
    return None
