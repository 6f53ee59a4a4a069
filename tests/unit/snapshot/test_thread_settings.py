"""What libraries keep for each thread: settings move, what belongs to the process does not."""

from __future__ import annotations

import os
import sys
import threading
import types
from typing import Any

import pytest

from caesura.snapshot import thread_locals, warm_modules
from caesura.snapshot.thread_settings import CAPTURER


class Connection:
    pass


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> threading.local:
    """What a library keeps, which is imported by the session."""
    monkeypatch.setattr(warm_modules, "_warm", warm_modules.known())
    library: Any = types.ModuleType("library_with_settings")
    library.kept = threading.local()
    monkeypatch.setitem(sys.modules, library.__name__, library)
    return library.kept  # type: ignore[no-any-return]


PLACE = ("library_with_settings", "kept")


def captured() -> Any:
    """Of the library: others that this process has imported may have settings too."""
    return (CAPTURER.capture() or {}).get(PLACE)


def test_settings_are_set_again_in_another_process(kept: threading.local) -> None:
    kept.config = {"display": "text", "sizes": [1, 2]}
    saved = captured()
    assert saved == {"config": {"display": "text", "sizes": [1, 2]}}
    kept.config = {"display": "diagram"}  # as after the import over there
    CAPTURER.restore({PLACE: saved})
    assert kept.config == {"display": "text", "sizes": [1, 2]}


def test_what_belongs_to_the_process_is_left_to_it(kept: threading.local) -> None:
    kept.connection, kept.pid, kept.owner = Connection(), os.getpid(), threading.get_ident()
    assert captured() is None


def test_of_a_library_that_was_there_before_only_changes_move(kept: threading.local) -> None:
    kept.same, kept.other = {"a": 1}, 1
    warm_modules.remember()
    kept.other = 2
    kept.new = True
    assert captured() == {"other": 2, "new": True}


def test_a_library_that_keeps_nothing_any_more_is_left_alone(kept: threading.local) -> None:
    kept.config = "x"
    saved = {PLACE: captured()}
    del vars(sys.modules["library_with_settings"])["kept"]
    CAPTURER.restore(saved)
    assert not hasattr(sys.modules["library_with_settings"], "kept")


def test_a_module_that_loads_itself_when_it_is_used_is_not_loaded_for_it() -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"it was asked for {name}")

    assert thread_locals.found_in([("lazy_library", Lazy("lazy_library"))]) == {}
