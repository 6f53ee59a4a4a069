"""``caesura logs``: the end of the coordinator's log, and what is added to it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from caesura import config
from caesura.cli.context import Context
from caesura.errors import UsageError


def logs(context: Context) -> int:
    path = config.log_directory(context.home) / "coordinator.log"
    lines = last_lines(path, context.options.lines)
    context.give({"path": str(path), "lines": lines})
    if context.as_json and context.options.follow:
        raise UsageError("--follow has no end, so it cannot be printed as one JSON value.")
    if not path.exists() and not context.options.follow:
        context.say(f"No coordinator of the home {context.home} has written a log yet.")
    elif lines:
        context.say(lines)
    if context.options.follow:
        for line in follow(path):
            context.say(line)
    return 0


def last_lines(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of a file, none if it is not there."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    except FileNotFoundError:
        return []


def follow(path: Path, look_s: float = 0.2) -> Iterator[str]:
    """The lines that are added to a file from now on, for ever; a file that takes its place is read from its start.
    It is looked at every ``look_s`` seconds."""
    return _added(path, *_end(path), look_s)


def _added(path: Path, position: int, inode: int, look_s: float) -> Iterator[str]:
    part = ""
    while True:
        size, found = _end(path)
        if found != inode or size < position:
            position, inode, part = 0, found, ""
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                data = file.read()
            position += len(data)
            *lines, part = (part + data.decode("utf-8", "replace")).split("\n")
            yield from lines
        time.sleep(look_s)


def _end(path: Path) -> tuple[int, int]:
    """(size, inode); zeros if the file is not there."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_ino
