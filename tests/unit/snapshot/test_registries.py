"""Which entries of the interpreter's own lists are the session's."""

from __future__ import annotations

import atexit
import copyreg
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from caesura.snapshot import registries

NOTEBOOK: dict[str, Any] = {"__name__": "__main__"}
exec("def farewell(): pass\nclass Odd: pass", NOTEBOOK)


def local_function() -> Callable[[], None]:
    """As a library has them: nobody can import it by its name."""

    def hidden() -> None:
        return

    return hidden


class Resource:
    def close(self) -> None:
        return


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[object]]]:
    """The functions that are taken along, of those registered in the test. What others register afterwards in this
    process, as Jupyter's clients do, is no notebook's: it would hold every snapshot."""
    for name in ("register", "unregister"):
        monkeypatch.setattr(atexit, name, vars(atexit)[name])
    for name in ("_codec_searches", "_error_handlers", "_first_of_session"):
        monkeypatch.setattr(registries, name, vars(registries)[name])
    monkeypatch.setattr(registries, "_endings", [])
    registries.watch()
    registries.begin()
    found = next(each for each in registries.CAPTURERS if each.name == "functions called at the end")
    yield lambda: [ending[0] for ending in found.capture() or ()]
    for function, *_ in list(registries._endings):
        atexit.unregister(function)


@pytest.mark.parametrize(
    "function",
    [NOTEBOOK["farewell"], Resource().close, [].clear, functools.partial(NOTEBOOK["farewell"]), Mock(), print],
    ids=["of the notebook", "a method", "a method in C", "a partial function", "a mock", "of a module"],
)
def test_what_a_user_registers_for_the_end_is_taken_along(
    ends: Callable[[], list[object]], function: Callable[[], object]
) -> None:
    atexit.register(function)
    assert ends() == [function]


def test_what_a_library_registers_of_its_own_for_the_end_is_not(ends: Callable[[], list[object]]) -> None:
    atexit.register(local_function())
    assert ends() == []


def test_reducers_of_types_that_only_their_library_can_reach_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = type("hidden", (), {"__module__": __name__})
    of_made = type("Kind", (), {"__module__": "made_at_run_time"})
    of_extension = type("_Function", (), {"__module__": "uarray"})  # scipy's: there is no such module
    table = {NOTEBOOK["Odd"]: repr, Resource: repr, hidden: repr, of_made: repr, of_extension: local_function}
    monkeypatch.setattr(copyreg, "dispatch_table", table)
    found = next(each for each in registries.CAPTURERS if each.name == "reducers of copyreg")
    assert set(found.capture()) == {NOTEBOOK["Odd"], Resource, of_made}
