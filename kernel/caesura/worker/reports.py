"""What a worker says of itself to the coordinator: who it is, and the loop's blocks."""

from __future__ import annotations

from os import getpid  # by name: a notebook may replace it in its module

from caesura import __version__
from caesura.loop import Block
from caesura.model import wake_to_json
from caesura.wire.messages import Blocked, Hello, obstacle_to_json, wait_to_json


def hello_message(worker_id: str, session_id: str, epoch: int, last_acked: int) -> Hello:
    """The first message of a connection."""
    return Hello(
        role="worker",
        version=__version__,
        pid=getpid(),
        worker_id=worker_id,
        session_id=session_id,
        epoch=epoch,
        last_acked=last_acked,
    )


def blocked_message(block: Block, *, epoch: int, cell_id: str, size_hint_bytes: int) -> Blocked:
    """``cell_id`` is empty between cells."""
    return Blocked(
        epoch=epoch,
        serial=block.serial,
        cell_id=cell_id,
        waits=[wait_to_json(wait) for wait in block.waits],
        obstacles=[obstacle_to_json(obstacle) for obstacle in block.obstacles],
        wake=wake_to_json(block.wake),
        since=block.since,
        size_hint_bytes=size_hint_bytes,
    )
