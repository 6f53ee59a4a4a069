"""The self-check: it passes here, names what differs elsewhere, and never follows a wrong pointer."""

from __future__ import annotations

import sys

import pytest

from caesura import frames
from caesura.errors import FramesUnavailable
from caesura.frames import api
from caesura.frames.check import verdict
from caesura.frames.layout import choose, refuse_platform
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
        ((3, 13), {"CONFIG_ARGS": "'--prefix=/usr' '--enable-experimental-jit=yes-off'"}, "JIT"),
        ((3, 15), {}, "known for CPython 3.11, 3.12, 3.13, and this is Python 3.15"),
    ],
)
def test_other_builds_are_refused_in_words(minor: tuple[int, int], config: dict[str, object], words: str) -> None:
    reason = choose(minor, config)
    assert isinstance(reason, str)
    assert words in reason


def test_a_build_that_says_no_to_the_jit_is_not_refused() -> None:
    assert isinstance(choose((3, 13), {"CONFIG_ARGS": "'--enable-experimental-jit=no'"}), Layout)


def test_other_implementations_and_word_sizes_are_refused() -> None:
    assert refuse_platform("cpython", 2**63 - 1) is None
    assert "pypy" in str(refuse_platform("pypy", 2**63 - 1))
    assert "32-bit" in str(refuse_platform("cpython", 2**31 - 1))


def test_without_a_layout_every_function_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "verdict", lambda: "this is a test")
    assert frames.unavailable_reason() == "this is a test"
    with pytest.raises(FramesUnavailable, match="this is a test"):
        frames.read(None)
