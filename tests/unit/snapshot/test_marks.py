"""What a module knows by its identity is the same object after a move."""

from __future__ import annotations

import configparser
import http.client
import socket
from pathlib import Path

import pytest
from snapshot_cases import move_between

from caesura.snapshot import marks

CASE = (
    r"""
        import argparse, configparser, http.client, socket, traceback

        unset = configparser._UNSET
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=int, default=argparse.SUPPRESS)
        commands = parser.add_subparsers(dest="command")
        commands.add_parser("go")
        connection = http.client.HTTPConnection("localhost", 1)
        bare = traceback._sentinel
        mine = object()
        pair = [mine, mine, object()]

        class Mark:
            pass

        mark = Mark()
        """,
    r"""
        assert unset is configparser._UNSET
        assert vars(parser.parse_args([])) == {"command": None}
        assert vars(parser.parse_args(["--x", "3", "go"])) == {"x": 3, "command": "go"}
        assert connection.timeout is socket._GLOBAL_DEFAULT_TIMEOUT
        assert bare is traceback._sentinel
        assert pair[0] is pair[1] is mine is not pair[2]
        assert type(mark) is Mark
        """,
)


def test_marks_of_modules_are_theirs_after_a_move_and_other_objects_stay_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_known", {})
    for module in (configparser, http.client, socket):
        marks.note(module.__name__, vars(module))
    move_between(CASE, tmp_path)
