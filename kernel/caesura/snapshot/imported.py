"""What modules held when they had just been imported: what differs later was set by somebody at run time.

A module is looked at once, when its import is over: its values and those of its classes are noted. To compare a module
that is as it was costs about a microsecond and touches no object. Nothing of this sees what changes inside an object.

What lives here: the notes, and what differs from them. What must not: what is done about it.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.machinery
import operator
import site
import sys
import sysconfig
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard, cast

from caesura.snapshot import marks
from caesura.snapshot.fingerprints import WatchedDicts
from caesura.snapshot.loaded_modules import OfLoadedModules
from caesura.snapshot.reducing import is_a

_OURS: Final = frozenset(
    {"caesura", "caesura_server", "IPython", "ipykernel", "jupyter_client", "jupyter_core", "traitlets", "zmq"}
    | {"tornado", "comm", "debugpy", "dill", "__main__", "__mp_main__", "sys", "builtins", "getpass", "zipimport"}
)
"""The kernel's own machinery, and modules whose state is kept elsewhere."""

_NEAR: Final = frozenset(
    {"asyncio", "collections", "concurrent", "contextlib", "dataclasses", "fcntl", "functools", "gc", "heapq"}
    | {"inspect", "itertools", "json", "logging", "math", "os", "posix", "select", "selectors", "signal", "socket"}
    | {"stat", "struct", "threading", "time", "types", "weakref", "_weakrefset"}
)
"""Packages that are used whenever a block is looked at and reported."""

_IMPORTLIB_FILE: Final = "<frozen importlib._bootstrap_external>"
MISSING: Final = object()

# Bound here: they are called before what a notebook has put in their place is set aside.
_get_referents: Final = gc.get_referents
_is: Final = operator.is_


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a user's own module, as it was when it was imported."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Change:
    """``owner`` is a module or a class in it; ``old`` or ``new`` is :data:`MISSING` where there was or is none."""

    module: str
    qualname: str
    owner: Any
    name: str
    old: Any
    new: Any


@dataclass(slots=True)
class _Note:
    """``classes`` are those among the values of a module."""

    contents: Mapping[str, Any]
    names: list[str]
    values: list[Any]
    classes: tuple[type, ...] = ()


_modules: dict[str, _Note] = {}
_watched: Final = WatchedDicts()
_near: Final = WatchedDicts()
_classes: dict[type, _Note] = {}
_watched_classes: Final = WatchedDicts()
_class_by_name: dict[str, type] = {}
_sources: dict[str, Source] = {}
_reloaded: set[str] = set()
_seen: set[str] = set()
_library_paths: tuple[str, ...] = ()


def watch() -> None:
    """Note what is there, and from now on every module whose import is over. Called once a process."""
    global _library_paths
    if _library_paths:
        return
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()}
    _library_paths = tuple(f"{path.rstrip('/')}/" for path in paths | {site.getusersitepackages()} if path)
    _seen.update(sys.modules)
    for loader in (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader):
        owner = next(base for base in loader.__mro__ if "exec_module" in base.__dict__)
        owner.exec_module = _noting(owner.exec_module)  # type: ignore[attr-defined]
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType):
            _note(name, module)


def begin() -> None:
    """A session begins in this process: what was set in modules since their import is not the user's."""
    for name in _watched.changed():
        module = sys.modules.get(name)
        if isinstance(module, types.ModuleType) and module.__dict__ is _modules[name].contents:
            _note(name, module)


def _noting(execute: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def exec_module(self: Any, module: Any) -> None:
        execute(self, module)
        note_import(module)

    # Under the file name of importlib, whose frames are left out of the traceback of a failed import.
    exec_module.__code__ = exec_module.__code__.replace(co_filename=_IMPORTLIB_FILE)
    return exec_module


def note_import(module: types.ModuleType) -> None:
    """The import of ``module`` is over, the first one or a reload."""
    name = module.__name__
    _seen.add(name)
    _not_imported.forget()
    _note(name, module)
    path = getattr(module, "__file__", None)
    if isinstance(path, str) and is_users(path) and name.partition(".")[0] not in _OURS:
        if name in _sources:
            _reloaded.add(name)
        _sources[name] = Source(path, digest_of(path))


def is_users(path: str) -> bool:
    """Whether a file belongs to no installed library."""
    return path.endswith(".py") and not path.startswith(_library_paths)


def digest_of(path: str) -> str:
    """A digest of the file's content; empty if it cannot be read."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""


def _note(name: str, module: types.ModuleType) -> None:
    if name.partition(".")[0] in _OURS:
        return
    contents = module.__dict__
    note = _modules[name] = _noted(contents)
    _watched.note(name, contents)
    marks.note(name, contents)
    if name.partition(".")[0] in _NEAR:
        _near.note(name, contents)
    note.classes = _plain_classes(note.values)
    for cls in note.classes:
        if cls not in _classes and cls.__module__ == name:
            _classes[cls] = _noted(cls.__dict__)


def _noted(contents: Mapping[str, Any]) -> _Note:
    return _Note(contents, list(contents), list(contents.values()))


def sources() -> dict[str, Source]:
    """The files of the user's own modules that were imported, by module."""
    return _sources


def not_imported() -> set[str]:
    """Names in ``sys.modules`` that no import has put there, or behind which another module stands by now."""
    return _not_imported.value()


def _find_not_imported() -> set[str]:
    loaded = sys.modules
    other = {name for name, note in _modules.items() if name in loaded and _dict_of(loaded[name]) is not note.contents}
    return (loaded.keys() - _seen) | other


_not_imported: Final = OfLoadedModules(_find_not_imported)


def _dict_of(module: object) -> object:
    return getattr(module, "__dict__", None)


def has_reloaded() -> bool:
    """Whether one of the user's own modules was imported more than once: others may still hold what it was before."""
    return bool(_reloaded)


def has_changed_near() -> bool:
    """Whether, since :func:`looked_near`, something was set in a module that is used when a block is looked at. It
    costs a tenth of :func:`library_changes`."""
    return bool(_near.changed())


def looked_near() -> None:
    """What is set in those modules by now is nobody's patch."""
    for name in _near.changed():
        _near.note(name, cast("dict[str, Any]", _modules[name].contents))


def library_changes(namespace: Mapping[str, Any]) -> Iterator[Change]:
    """What was set at run time in modules of libraries, and in their classes as far as ``namespace`` leads to them."""
    changed = _watched.changed()
    for name in changed:
        note, module = _modules[name], sys.modules.get(name)
        if name in _sources or not isinstance(module, types.ModuleType) or module.__dict__ is not note.contents:
            continue
        if _has_values_of(note):
            _watched.note(name, module.__dict__)
        else:
            yield from _differences(name, "", module, note)
    # A patch of mock's may be anywhere.
    is_anywhere = "unittest.mock" in sys.modules
    for cls in _changed_classes() if is_anywhere else _near_classes(namespace, changed):
        note = _classes.get(cls)  # type: ignore[assignment]
        if note is not None and cls.__module__ not in _sources:
            if not _has_values_of(note):
                yield from _differences(cls.__module__, cls.__qualname__, cls, note)
            elif is_anywhere:
                _watch_class(cls)


def module_changes(name: str) -> Iterator[Change]:
    """What was set at run time in one module and its classes."""
    module, note = sys.modules.get(name), _modules.get(name)
    if isinstance(module, types.ModuleType) and note is not None and module.__dict__ is note.contents:
        yield from _differences(name, "", module, note)
        for cls in list(module.__dict__.values()):
            if _is_plain_class(cls) and cls.__module__ == name and cls in _classes:
                yield from _differences(name, cls.__qualname__, cls, _classes[cls])


def value_at_import(module: str, path: str) -> object:
    """What stood at ``path`` (a name, or a class and a name) in a module when it was imported; MISSING if nothing."""
    owner, _, name = path.rpartition(".")
    found: Any = sys.modules.get(module)
    for part in owner.split(".") if owner else ():
        found = getattr(found, part, None)
    note = _classes.get(found) if _is_plain_class(found) else _modules.get(module)
    if note is not None and name in note.names:
        return note.values[note.names.index(name)]
    return MISSING if found is None else vars(found).get(name, MISSING)


def _changed_classes() -> list[type]:
    """Those of all classes that may not be as they were noted."""
    found = [_class_by_name[name] for name in _watched_classes.changed()]
    if len(_class_by_name) < len(_classes):
        known = set(_class_by_name.values())
        found += [cls for cls in _classes if cls not in known]
    return found


def _watch_class(cls: type) -> None:
    contents = next((each for each in _get_referents(cls.__dict__) if type(each) is dict), None)
    if contents is not None:  # what the proxy stands for
        name = f"{cls.__module__}:{id(cls)}"
        _class_by_name[name] = cls
        _watched_classes.note(name, contents)


def _near_classes(namespace: Mapping[str, Any], changed: Collection[str]) -> set[type]:
    """The classes to which ``namespace`` leads; ``changed`` are the modules that may not be as they were noted."""
    found: set[type] = set()
    values: list[Any] = list(namespace.values())
    for value in values:
        if is_a(value, types.ModuleType):
            contents = value.__dict__
            name = contents.get("__name__")
            note = _modules.get(name) if isinstance(name, str) else None
            is_as_noted = note is not None and note.contents is contents and name not in changed
            found.update(note.classes if note is not None and is_as_noted else _plain_classes(list(contents.values())))
        else:
            cls: type = value if is_a(value, type) else type(value)
            found.update(_plain_classes(cls.__mro__))
    return found


def _plain_classes(values: Iterable[object]) -> tuple[type, ...]:
    return tuple(value for value in values if _is_plain_class(value))


def _is_plain_class(value: object) -> TypeGuard[type]:
    """Whether it is a class that can be a key: a metaclass may compare in a way of its own, warn, or forbid it."""
    meta: Any = type(value)
    return issubclass(type(value), type) and meta.__hash__ is type.__hash__ and meta.__eq__ is type.__eq__


def _has_values_of(note: _Note) -> bool:
    values = list(note.contents.values())
    count = len(note.values)
    # By identity: a mock would note that it was compared.
    if len(values) < count or not all(map(_is, values, note.values)):
        return False
    if len(values) == count:
        return True
    if not all(isinstance(value, types.ModuleType) for value in values[count:]):
        return False
    note.names, note.values = list(note.contents), values  # a package to which imports have added its parts
    return True


def _differences(module: str, qualname: str, owner: Any, note: _Note) -> Iterator[Change]:
    before = dict(zip(note.names, note.values, strict=True))
    now = dict(note.contents)
    for name in {**before, **now}:
        old, new = before.get(name, MISSING), now.get(name, MISSING)
        if old is not new and not (name.startswith("__") and name.endswith("__") and not callable(old)):
            yield Change(module, qualname, owner, name, old, new)
