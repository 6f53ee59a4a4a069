"""A snapshot as the coordinator keeps it, and as it stands in the records.

What lives here: the conversion. What must not: looking into the snapshot; its manifest is passed on as it came.
"""

from __future__ import annotations

from caesura.coordinator.state import Block, Saved
from caesura.model import Obstacle, wake_from_json, wake_to_json
from caesura.store.rows import SnapshotRow
from caesura.wire import messages as wire


def snapshot_row(session_id: str, saved: Saved, message: wire.Prepared) -> SnapshotRow:
    """The snapshot for the records, with what the coordinator has to know of it beside its manifest."""
    stream = bytes(message.buffers[0]) if message.buffers else None
    about: wire.Json = {
        "archive": saved.manifest,
        "wake": wake_to_json(saved.wake),
        "waits": [wire.wait_to_json(wait) for wait in saved.waits],
        "pending": sorted(saved.pending),
        "save_s": saved.save_s,
    }
    return SnapshotRow(
        id=saved.snapshot_id,
        session_id=session_id,
        cell_id=saved.cell_id,
        epoch=message.epoch,
        manifest=about,
        created=saved.created,
        blobs=sorted(set(_blob_names(saved.manifest, with_stream=stream is None))),
        size_bytes=saved.size_bytes,
        last_number=message.last_number,
        stream=stream,
    )


def saved_from(row: SnapshotRow) -> Saved:
    """The inverse of :func:`snapshot_row`."""
    about = row.manifest
    saved = Saved(
        row.id,
        row.cell_id,
        about["archive"],
        wake_from_json(about["wake"]),
        tuple(wire.wait_from_json(wait) for wait in about["waits"]),
        frozenset(about["pending"]),
        row.size_bytes,
        float(about["save_s"]),
        row.created,
        row.failures,
        chain_of(about["archive"]),
    )
    saved.pack()
    return saved


def chain_of(manifest: wire.Json) -> tuple[wire.Json, ...]:
    """The frames of the snapshot's cell, outermost first, as they are shown in one line: where each of them stands,
    without those of libraries."""
    shown = ("function", "cell", "line", "done", "total")
    users = [each for each in manifest.get("frames", ()) if not each.get("is_library")]
    return tuple({name: each[name] for name in shown if name in each} for each in users)


def block_from(message: wire.Blocked) -> Block:
    """The block that a worker reports."""
    return Block(
        message.serial,
        message.cell_id,
        tuple(map(wire.wait_from_json, message.waits)),
        tuple(map(wire.obstacle_from_json, message.obstacles)),
        wake_from_json(message.wake),
        message.since,
    )


def _blob_names(manifest: wire.Json, *, with_stream: bool) -> list[str]:
    """The names in the manifest's references (``[name, size, offset]``), which the collection must keep."""
    references = [*([manifest.get("stream")] if with_stream else ()), *manifest.get("buffers", ())]
    return [str(reference[0]) for reference in references if reference and reference[0]]


def described(obstacle: Obstacle) -> str:
    """The obstacle as a text for the user, with what can be done about it."""
    return f"{obstacle}: {obstacle.remedy}" if obstacle.remedy else str(obstacle)
