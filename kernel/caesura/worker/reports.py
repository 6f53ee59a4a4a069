"""The loop's blocks, as messages to the coordinator."""

from __future__ import annotations

from caesura.loop import Block
from caesura.model import wake_to_json
from caesura.wire.messages import Blocked, obstacle_to_json, wait_to_json


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
