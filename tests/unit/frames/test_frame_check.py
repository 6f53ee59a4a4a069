"""The self-check: it passes here, names what differs elsewhere, and never follows a wrong pointer."""

from __future__ import annotations

import sys
import types

import pytest

from caesura import frames
from caesura.errors import FramesUnavailable
from caesura.frames import api
from caesura.frames.check import verdict
from caesura.frames.layout import choose, is_jit_on, refuse_platform
from caesura.frames.shape import Layout


def here() -> Layout:
    found = verdict()
    assert isinstance(found, Layout)
    return found


def test_it_passes_on_this_interpreter() -> None:
    assert frames.unavailable_reason() is None
    assert here().minor == sys.version_info[:2]


@pytest.mark.parametrize(
    ("minor", "config", "words"),
    [
        ((3, 13), {"Py_GIL_DISABLED": 1}, "free-threaded"),
        ((3, 14), {"Py_GIL_DISABLED": 1}, "free-threaded"),
        ((3, 15), {}, "known for CPython 3.11, 3.12, 3.13, 3.14, and this is Python 3.15"),
    ],
)
def test_other_builds_are_refused_in_words(minor: tuple[int, int], config: dict[str, object], words: str) -> None:
    reason = choose(minor, config)
    assert isinstance(reason, str)
    assert words in reason


def test_a_running_jit_is_refused_with_the_remedy() -> None:
    reason = choose((3, 14), {}, is_jit_on=True)
    assert isinstance(reason, str)
    assert "JIT of this Python 3.14" in reason
    assert "PYTHON_JIT=0" in reason


@pytest.mark.parametrize(
    ("option", "asked", "is_on"),
    [
        ("", "", False),
        ("", "1", False),  # without a JIT the variable says nothing
        ("'--enable-experimental-jit=no'", "1", False),
        ("'--enable-experimental-jit'", "", True),
        ("'--enable-experimental-jit=yes'", "0", False),
        ("'--enable-experimental-jit=yes-off' 'CC=cc'", "", False),
        ("'--enable-experimental-jit=yes-off' 'CC=cc'", "1", True),
        ("'--enable-experimental-jit=interpreter'", "", True),
    ],
)
def test_a_jit_that_is_built_in_counts_when_it_is_on(option: str, asked: str, is_on: bool) -> None:
    environ = {"PYTHON_JIT": asked} if asked else {}
    assert is_jit_on(None, {"CONFIG_ARGS": f"'--prefix=/usr' {option}"}, environ) is is_on


def test_an_interpreter_that_knows_of_its_jit_is_believed() -> None:
    built_in = {"CONFIG_ARGS": "'--enable-experimental-jit=yes'"}
    assert not is_jit_on(types.SimpleNamespace(is_enabled=lambda: False), built_in, {"PYTHON_JIT": "1"})
    assert is_jit_on(types.SimpleNamespace(is_enabled=lambda: True), {}, {})


def test_other_implementations_and_word_sizes_are_refused() -> None:
    assert refuse_platform("cpython", 2**63 - 1) is None
    assert "pypy" in str(refuse_platform("pypy", 2**63 - 1))
    assert "32-bit" in str(refuse_platform("cpython", 2**31 - 1))


def test_without_a_layout_every_function_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "verdict", lambda: "this is a test")
    assert frames.unavailable_reason() == "this is a test"
    with pytest.raises(FramesUnavailable, match="this is a test"):
        frames.read(None)
