"""The user's own modules (files that belong to no installed library): what they hold moves, and edits are noticed.

In the next process such a module is imported again, from its file. Then what its globals held is put back: into the
same objects where they are lists, dicts, sets or plain instances, so that whatever else refers to them after a fresh
import sees it.

``CAESURA_EDITED_MODULES`` says what happens when a file was edited meanwhile: ``warn`` (the default) or ``refuse``.
"""

from __future__ import annotations

import collections
import importlib
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

from caesura.errors import SnapshotRefused
from caesura.snapshot import imported, patches
from caesura.snapshot.imported import MISSING, Source
from caesura.snapshot.reducing import find_global
from caesura.snapshot.replaced import put

VARIABLE: Final = "CAESURA_EDITED_MODULES"
_CHOICES: Final = ("warn", "refuse")

_IMMUTABLE: Final = (bool, int, float, complex, str, bytes, type(None), range)
_CODE: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    type,
    staticmethod,
    classmethod,
    property,
)
_EMPTY: Final[dict[str, Callable[[], Any]]] = {
    "list": list, "dict": dict, "set": set, "bytearray": bytearray, "deque": collections.deque,
    "OrderedDict": collections.OrderedDict, "Counter": collections.Counter,
}  # fmt: skip
_CONTAINERS: Final[tuple[Any, ...]] = (*_EMPTY.values(), collections.defaultdict)

State = dict[str, Any]


def setting_fault() -> str:
    """What is wrong with the variable, for the user; the empty string if nothing is."""
    value = os.environ.get(VARIABLE, "")
    if value in ("", *_CHOICES):
        return ""
    return f"{VARIABLE} is {value!r}; it has to be one of {', '.join(_CHOICES)}. It is taken as {_CHOICES[0]}.\n"


def capture() -> State | None:
    """What the user's modules hold that a fresh import would not; None if no such module was imported."""
    sources = {name: source for name, source in imported.sources().items() if name in sys.modules}
    if not sources:
        return None
    return {
        "sources": {name: (source.path, source.digest) for name, source in sources.items()},
        "set": [patch for name in sources for patch in _set(name)],
        "fill": [(value, _contents(value)) for name in sources for _, value in _filled(name)],
    }


def _set(name: str) -> Iterator[patches.Patch]:
    """Globals that are other objects than after the import, or that can only move as a whole."""
    for change in imported.module_changes(name):
        if not isinstance(change.new, types.ModuleType) and not change.name.startswith("_abc_"):
            yield patches.patch_of(change)
    for key, value in _unchanged(name):
        if isinstance(value, _CODE):
            if imported.has_reloaded() and _is_stale(value):
                yield name, "", key, (value,)
        elif not isinstance(value, _IMMUTABLE) and type(value) is not object and not _can_be_filled(value):
            yield name, "", key, (value,)


def _is_stale(value: Any) -> bool:
    """Whether a class or function of the user's is no longer what its module has under its name."""
    module = getattr(value, "__module__", None)
    return module in imported.sources() and find_global(module, value.__qualname__) is not value


def _filled(name: str) -> Iterator[tuple[str, Any]]:
    for key, value in _unchanged(name):
        if _can_be_filled(value):
            yield key, value


def pieces() -> Iterator[tuple[str, object]]:
    """What :func:`capture` takes, piece by piece, with the names that a user knows it by."""
    for name in imported.sources():
        if name in sys.modules:
            for _, qualname, key, new in _set(name):
                yield " → ".join(filter(None, (f"module {name}", qualname, key))), new
            for key, value in _filled(name):
                yield f"module {name} → {key}", _contents(value)


def _unchanged(name: str) -> Iterator[tuple[str, Any]]:
    for key, value in list(vars(sys.modules[name]).items()):
        is_special = key.startswith("__") and key.endswith("__")
        if not is_special and imported.value_at_import(name, key) is value:
            yield key, value


def _can_be_filled(value: Any) -> bool:
    if imported.has_reloaded():
        return False  # in a fresh import, modules share what they do not share after a reload
    cls: Any = type(value)
    if cls in _CONTAINERS:
        return True
    is_plain = cls.__reduce__ is object.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__
    return bool(is_plain) and cls.__module__ in imported.sources() and "__dict__" in dir(cls)


def _contents(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, _CONTAINERS) else dict(vars(value))


def originals() -> Iterator[tuple[str, object]]:
    """``kind|module:path`` of the objects to which a snapshot refers instead of containing them."""
    for name in imported.sources():
        if name in sys.modules:
            for key, value in _unchanged(name):
                if _can_be_filled(value) or type(value) is object:
                    yield f"{type(value).__name__}|{name}:{key}", value


def original(place: str) -> object:
    """The object here for what :func:`originals` named there."""
    kind, _, path = place.partition("|")
    found = patches.original(path)
    if found is MISSING:
        if kind not in _EMPTY:
            module, _, name = path.partition(":")
            raise SnapshotRefused(f"The module {module} was edited: it has no {name} any more, which the session uses.")
        return _EMPTY[kind]()
    return found


def restore(state: State) -> list[str]:
    """Put back what :func:`capture` gave; one text for each module that was edited meanwhile.

    SnapshotRefused if one was and the setting wants that.
    """
    edited = [name for name, source in state["sources"].items() if _is_edited(name, Source(*source))]
    texts = [
        f"The module {name} ({state['sources'][name][0]}) was edited while this session was away" for name in edited
    ]
    if texts and os.environ.get(VARIABLE) == "refuse":
        raise SnapshotRefused(f"{texts[0]}, and {VARIABLE} is refuse. Undo the edit, or set it to warn.")
    for value, contents in state["fill"]:
        _fill(value, contents)
    for module, qualname, name, new in state["set"]:
        owner: Any = importlib.import_module(module)
        for part in qualname.split(".") if qualname else ():
            owner = getattr(owner, part, None)
        if owner is not None:
            put(owner, name, new[0] if new else MISSING)
    return [
        f"{text}: functions that were suspended go on as they were, others are those of the file now.\n"
        for text in texts
    ]


def _is_edited(name: str, source: Source) -> bool:
    now = imported.sources().get(name)
    return (imported.digest_of(source.path) if now is None else now.digest) != source.digest


def _fill(value: Any, contents: Any) -> None:
    if isinstance(value, dict):
        value.clear()
        value.update(contents)
    elif isinstance(value, list | bytearray):
        value[:] = contents
    elif isinstance(value, set):
        value.clear()
        value.update(contents)
    elif isinstance(value, collections.deque):
        value.clear()
        value.extend(contents)
    else:
        vars(value).clear()
        vars(value).update(contents)
