"""Arguments, results and exceptions of calls."""

from __future__ import annotations

import subprocess
import sys
import threading
import traceback
from typing import Any

import pytest

from caesura.errors import CannotMove
from caesura.snapshot import dumps, loads


def notebook(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell 7>", "exec"), namespace)
    return namespace


SOURCE = """
import json, math, xml, xml.dom.minidom
from dataclasses import dataclass
factor, unused = 3, open
shared = []
@dataclass
class Point:
    x: int
    def scaled(self): return Point(self.x * factor)
def inner(n):
    shared.append(n)
    return n * factor
def outer(p, *rest, add=1):
    return Point(inner(p.x) + add + len(rest)), json.dumps([1]), math.floor(2.5), xml.dom.minidom.__name__
def even(n): return n == 0 or odd(n - 1)
def odd(n): return n != 0 and even(n - 1)
def fails(n):
    try:
        raise KeyError("inside")
    except KeyError as error:
        raise ValueError(n) from error
"""


def test_a_function_takes_the_globals_it_uses_along_and_no_others() -> None:
    namespace = notebook(SOURCE)
    function, inner, even = loads(
        dumps((namespace["outer"], namespace["inner"], namespace["even"]), namespace=namespace)
    )
    result = function(namespace["Point"](2), 0)
    assert (result[0].x, result[1:]) == (8, ("[1]", 2, "xml.dom.minidom"))
    assert "unused" not in function.__globals__
    assert inner.__globals__ is function.__globals__ is not namespace
    assert function.__globals__["shared"] == [2]
    assert namespace["shared"] == []
    assert (even(10), even(7)) == (True, False)


def test_a_class_of_the_notebook_comes_back_as_itself() -> None:
    namespace = notebook(SOURCE)
    point = loads(dumps(namespace["Point"](5), namespace=namespace))
    assert type(point) is namespace["Point"]
    assert point == namespace["Point"](5)


def test_a_function_of_the_notebook_runs_in_another_process() -> None:
    namespace = notebook(SOURCE)
    data = dumps((namespace["outer"], (namespace["Point"](2),)), namespace=namespace)
    program = (
        "import sys\nfrom caesura.snapshot import dumps, loads\n"
        "f, a = loads(sys.stdin.buffer.read())\n"
        "sys.stdout.buffer.write(dumps((f(*a), a[0].scaled())))"
    )
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
    (point, *_), scaled = loads(done.stdout)
    assert (point, scaled) == (namespace["Point"](7), namespace["Point"](6))
    assert type(point) is namespace["Point"]


def test_an_exception_comes_back_with_cause_notes_and_traceback() -> None:
    namespace = notebook(SOURCE)
    with pytest.raises(ValueError, match="4") as caught:
        namespace["fails"](4)
    caught.value.add_note("a note")
    error = loads(dumps(caught.value, namespace=namespace))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<cell 7>"]
    assert (type(error), error.args, error.__notes__) == (ValueError, (4,), ["a note"])
    assert (type(error.__cause__), lines) == (KeyError, [21])
    assert "line 19, in fails" in "".join(traceback.format_exception(error))


def test_what_cannot_be_sent_is_named() -> None:
    held = threading.Lock()
    with held, pytest.raises(CannotMove) as refused:
        dumps((len, (1, {"a": [held]}), {}))
    assert refused.value.path == "[1][1]['a'][0]"
    assert "held threading.Lock" in str(refused.value)


def test_what_belongs_to_the_session_is_not_sent() -> None:
    def count() -> Any:
        yield 1

    with open(__file__) as file:
        for value in (count(), file, threading.current_thread()):
            with pytest.raises(CannotMove):
                dumps([value])
