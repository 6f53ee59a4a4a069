"""Run in a process of its own: carry constructs out to a file, or bring them in and finish them.

``resume_frames.py save FILE NAME...`` suspends each construct at every second point it has; ``resume_frames.py finish
FILE`` prints one line of JSON: name, point, and how it ended.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "frames"))

from frame_carrier import pack, unpack
from frame_driving import finish, step
from frame_suite import CONSTRUCTS


def save(file: Path, names: list[str]) -> None:
    saved: list[tuple[str, int, bytes]] = []
    for name in names:
        log: list[object] = []
        coroutine: Any = CONSTRUCTS[name](log)
        answer: object = None
        point = 0
        try:
            while True:
                if point % 2:
                    saved.append((name, point, pack((coroutine, log, answer))[0]))
                answer = step(coroutine, answer)
                point += 1
        except Exception:
            # The construct's own end; the finishing process compares it.
            continue
    file.write_bytes(pickle.dumps(saved))
    sys.stdout.write(f"{os.getpid()}\n")


def carry_on(file: Path) -> None:
    ended = []
    for name, point, data in pickle.loads(file.read_bytes()):
        outcome = finish(*_restored(data))
        straight_log: list[object] = []
        straight = finish(CONSTRUCTS[name](straight_log), None, straight_log)
        ended.append((name, point, dataclasses.astuple(outcome) == dataclasses.astuple(straight), repr(outcome)))
    sys.stdout.write(json.dumps({"pid": os.getpid(), "ended": ended}))


def _restored(data: bytes) -> tuple[Any, object, list[object]]:
    coroutine, log, answer = unpack(data)
    return coroutine, answer, log


if __name__ == "__main__":
    if sys.argv[1] == "save":
        save(Path(sys.argv[2]), sys.argv[3:] or list(CONSTRUCTS))
    else:
        carry_on(Path(sys.argv[2]))
