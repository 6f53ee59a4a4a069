"""The rules by which runs are compared forgive what docs/differences.md lists, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from normalise import normalised, text


def stream(name: str, value: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": value}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<object at 0x7f3a5c0d9e80>", "<object at 0x55d0c0ffee00>"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("File /tmp/ipykernel_4711/2304958.py:3", "File /tmp/ipykernel_9/17.py:3"),
        ("invalid syntax (2304958.py, line 1)", "invalid syntax (4711.py, line 1)"),
        ("\r 50%|#####     | 1/2 [00:01<00:01]\r100%|##########| 2/2 [00:02<00:00, 1.0s/it]\n",
         "\r100%|##########| 2/2 [00:03<00:00, 1.4s/it]\n"),
        ("echoed\r\n", "echoed\n"),
    ],
    ids=[
        "addresses",
        "colours",
        "names of cell files",
        "names of cell files in a syntax error",
        "progress bars",
        "line ends of a terminal",
    ],
)  # fmt: skip
def test_a_listed_difference_is_forgiven(one: str, other: str) -> None:
    assert text(one) == text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("line\n", "line"),
        ("line\n", "line\nline\n"),
        ("a b", "a  b"),
        ("100%|##########| 2/2 [00:02<00:00]", " 50%|#####     | 1/2 [00:02<00:00]"),
        ("process 4711", "process 4712"),
        ("0x1f", "0x2f"),
        ("took [00:02<00:00]", "took [00:03<00:00]"),
    ],
    ids=[
        "a lost line end",
        "a doubled line",
        "a blank",
        "an unfinished bar",
        "numbers",
        "short hexadecimals",
        "no bar",
    ],
)
def test_any_other_difference_is_seen(one: str, other: str) -> None:
    assert text(one) != text(other)


def test_how_a_stream_is_cut_into_messages_does_not_matter() -> None:
    assert normalised([stream("stdout", "a"), stream("stdout", "b\n")]) == normalised([stream("stdout", "ab\n")])


def test_how_two_streams_interleave_does_not_matter_but_each_keeps_its_order() -> None:
    one = [stream("stdout", "1\n"), stream("stderr", "e\n"), stream("stdout", "2\n")]
    assert normalised(one) == normalised([stream("stderr", "e\n"), stream("stdout", "1\n2\n")])
    assert normalised(one) != normalised([stream("stderr", "e\n"), stream("stdout", "2\n1\n")])


def test_the_order_of_displays_matters() -> None:
    first = {"output_type": "display_data", "data": {"text/plain": "1"}, "metadata": {}}
    second = {"output_type": "display_data", "data": {"text/plain": "2"}, "metadata": {}}
    assert normalised([first, second]) != normalised([second, first])


def test_an_error_keeps_its_name_its_value_and_its_lines() -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m", "line 1"]}
    assert normalised([error]) == [{"error": "E", "value": "v", "trace": ["E", "line 1"]}]
    assert normalised([error]) != normalised([{**error, "traceback": ["E", "line 2"]}])
