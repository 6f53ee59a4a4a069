"""What a notebook has put in the place of functions is set aside while our own code runs, and nobody calls it then."""

from __future__ import annotations

import asyncio
import builtins
import importlib
import os
import sys
import textwrap
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from snapshot_notebook import Notebook
from watched_modules import watched_modules

from caesura.errors import CannotMove
from caesura.loop import CellLoop
from caesura.loop.values import LoopState
from caesura.snapshot import interpreter, replaced
from caesura.snapshot.kinds import kinds_beside

NAMESPACE: dict[str, Any] = {"__name__": "__main__"}
exec("def of_the_notebook(*args): return 'fake'", NAMESPACE)

PLACES = [
    f"{module}.{name}"
    for module, names in {
        "builtins": "callable getattr hasattr input isinstance len next print type vars",
        "sys": "exit getrecursionlimit intern setprofile",
        "os": "environ getpid sched_getaffinity write",
        "gc": "disable get_referents",
        "importlib": "import_module reload",
        "threading": "get_ident main_thread",
        "textwrap": "TextWrapper.fill dedent",
        "signal": "getitimer",
        "decimal": "getcontext",
        "operator": "itemgetter",
        "contextlib": "nullcontext",
        "getpass": "getpass",
    }.items()
    for name in names.split()
]


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    with watched_modules():
        yield


@pytest.mark.parametrize("place", [each for each in PLACES if hasattr(os, "sched_getaffinity") or "sched" not in each])
def test_the_original_is_in_place_meanwhile_and_the_fake_is_not_called(place: str) -> None:
    importlib.import_module(place.partition(".")[0])
    owner, _, name = place.rpartition(".")
    holder = textwrap.TextWrapper if owner == "textwrap.TextWrapper" else sys.modules[owner]
    contents, original = holder.__dict__, holder.__dict__[name]
    seen: list[object] = []
    with mock.patch(place) as fake:
        with replaced.set_aside(NAMESPACE):
            seen.append(contents[name])
            found = replaced.changes(NAMESPACE)
            with replaced.set_aside(NAMESPACE):  # whoever enters it again changes nothing
                seen.append(contents[name])
            seen.append(contents[name])
        seen.append(contents[name])
    calls = list(fake.mock_calls)
    assert [each is original for each in seen] == [True, True, True, False]
    assert seen[3] is fake
    assert contents[name] is original
    assert calls == []
    assert (name, True) in [(change.name, change.new is fake) for change in found]


def test_a_function_that_was_deleted_is_deleted_afterwards() -> None:
    original = textwrap.dedent
    del textwrap.dedent
    try:
        with replaced.set_aside(NAMESPACE):
            assert textwrap.dedent is original
        assert "dedent" not in vars(textwrap)
    finally:
        textwrap.dedent = original


def test_what_is_set_meanwhile_stays() -> None:
    with mock.patch("textwrap.dedent"):
        with replaced.set_aside(NAMESPACE):
            textwrap.dedent = NAMESPACE["of_the_notebook"]
        assert textwrap.dedent is NAMESPACE["of_the_notebook"]


def test_what_a_library_keeps_in_its_own_variables_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textwrap, "_whitespace", "other")
    with replaced.set_aside(NAMESPACE):
        assert vars(textwrap)["_whitespace"] == "other"


def test_a_reducer_that_the_notebook_has_put_into_a_library_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    monkeypatch.setattr(Fraction, "__reduce__", NAMESPACE["of_the_notebook"])
    with replaced.set_aside({**NAMESPACE, "used": Fraction(1)}):
        assert Fraction.__reduce__ is NAMESPACE["of_the_notebook"]


@pytest.mark.parametrize("place", ["os.getpid", "threading.main_thread", "builtins.len", "sys.intern"])
def test_a_block_is_looked_at_with_the_originals(place: str) -> None:
    assert replaced.set_aside_near(NAMESPACE) is None
    with mock.patch(place):
        context = replaced.set_aside_near(NAMESPACE)
    assert context is not None
    with context:
        pass  # it is seen that all is as it was
    assert replaced.set_aside_near(NAMESPACE) is None


def test_while_a_thread_of_the_users_is_busy_nothing_is_set_aside() -> None:
    loop = CellLoop()
    loop.while_reporting = lambda: replaced.set_aside_near(NAMESPACE)
    for ident in sys._current_frames():  # also those that pytest-xdist starts without the threading module
        loop.own_threads.add(ident)
    seen: list[bool] = []
    original = os.getpid
    loop.more_obstacles.append(lambda: seen.append(vars(os)["getpid"] is original) or ())
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait)
    with mock.patch("os.getpid"):
        loop.block()
        thread.start()
        loop.block()
        is_over.set()
        thread.join()
        loop.block()
    loop.close()
    assert seen == [True, False, True]


def test_a_mock_of_what_the_kernel_cannot_work_without_can_be_put_back_by_any_thread() -> None:
    original = len
    with mock.patch("builtins.print"), mock.patch("builtins.len"):
        names = replaced.put_builtins_back()
        is_back = builtins.len is original
        is_printing = type(print) is type(original)
    assert names == ["builtins.len"]
    assert is_back
    assert not is_printing


def test_what_the_kernel_puts_in_the_place_of_input_is_no_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def raw_input(self: object) -> str:
        return ""

    raw_input.__module__ = "ipykernel.kernelbase"
    monkeypatch.setattr(builtins, "input", types.MethodType(raw_input, object()))
    assert replaced.changes(NAMESPACE) == []


def test_what_breaks_asyncio_is_put_back() -> None:
    loop = CellLoop()
    ended: list[BaseException] = []
    told: list[object] = []
    original = len

    async def work() -> None:
        with mock.patch("builtins.len"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            told.append(len is original)
        loop.stop()

    def escaped(error: BaseException) -> None:
        told.append(replaced.put_back(NAMESPACE))
        ended.append(error)

    task = loop.create_task(work())
    loop.run_until_stopped(escaped)
    assert task.done()
    assert told == [["builtins.len"], True]
    assert isinstance(ended[0], RecursionError | TypeError)
    loop.close()


def test_patches_are_put_in_place_when_restored_tasks_wait_again() -> None:
    loop = CellLoop()
    steps: list[str] = []

    async def restored() -> None:
        steps.append("took up its wait")
        await asyncio.sleep(0.01)
        steps.append("went on")
        loop.stop()

    task = loop.create_task(restored())
    loop.resume_from(LoopState(loop.time(), loop.wall()), (), (), lambda: steps.append("patches"))
    loop.run_forever()
    assert task.done()
    assert steps == ["took up its wait", "patches", "went on"]
    loop.close()


def test_a_setting_that_is_not_what_it_can_be_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter.begin()
    monkeypatch.setattr(threading, "stack_size", threading.stack_size)  # put back at the end
    capturer = next(each for each in interpreter.CAPTURERS if each.name == "umask")
    monkeypatch.setattr(interpreter, "CAPTURERS", (capturer,))
    monkeypatch.setattr(os, "umask", mock.Mock())
    with pytest.raises(CannotMove, match="umask of this process"):
        interpreter.capture(early=False)


def test_a_function_in_the_place_of_the_exception_hook_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter.begin()
    capturer = next(each for each in interpreter.CAPTURERS if each.name == "exception hook")
    monkeypatch.setattr(interpreter, "CAPTURERS", (capturer,))
    assert interpreter.capture(early=False) == {}
    monkeypatch.setattr(sys, "excepthook", mock.Mock())
    with pytest.raises(CannotMove, match=r"in the place of sys\.excepthook"):
        interpreter.capture(early=False)


def test_each_patch_and_each_setting_is_tried_once(tmp_path: Path) -> None:
    interpreter.begin()
    notebook = Notebook(tmp_path)
    notebook.execute("import os")
    before = os.umask(0o77)
    os.umask(before)
    try:
        with mock.patch("textwrap.dedent"):
            os.umask(before ^ 0o7)
            kinds = {kind.name: kind.is_lasting for kind in notebook.save().kinds}
    finally:
        os.umask(before)
        notebook.forget()
    assert kinds.items() >= {"the patch of textwrap.dedent": False, "the umask of the interpreter": False}.items()
    assert kinds_beside(["the patch of a.b"])[0].key == "beside the patch of a.b"
