"""Modules watched as a zygote does, and no longer than a test needs it: in a process that watches them, whatever
pytest puts into modules is a patch of the notebook's, which moves with each snapshot or holds it."""

from __future__ import annotations

import contextlib
import importlib.machinery
from collections.abc import Iterator

import pytest

from caesura.snapshot import imported, interpreter, replaced
from caesura.snapshot.fingerprints import WatchedDicts

_LOADERS = (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader)


@contextlib.contextmanager
def watched_modules() -> Iterator[None]:
    """Afterwards nothing is watched."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_modules", "_classes", "_class_by_name", "_sources"):
            patch.setattr(imported, name, {})
        for name in ("_watched", "_near", "_watched_classes"):
            patch.setattr(imported, name, WatchedDicts())
        for name in ("_reloaded", "_seen"):
            patch.setattr(imported, name, set())
        patch.setattr(imported, "_library_paths", ())
        patch.setattr(replaced, "_functions", [])
        patch.setattr(replaced, "_names", {})
        patch.setattr(interpreter, "_new", {})
        for loader in _LOADERS:
            owner = next(base for base in loader.__mro__ if "exec_module" in base.__dict__)
            patch.setattr(owner, "exec_module", owner.__dict__["exec_module"])
        imported.watch()
        replaced.begin()
        yield
    imported._not_imported.forget()
