"""What ``caesura status`` shows, as stable JSON (documented in ``docs/cli-json.md``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caesura.coordinator.state import Cell, Kind, Session, Worker
from caesura.wire.life import ON_WORKER
from caesura.wire.messages import Json, obstacle_to_json, wait_to_json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


def status(core: Core, zygotes: Sequence[Json]) -> Json:
    """Coordinator, zygotes, workers, sessions and cells, with the memory of each process."""
    shown = [session for session in core.live_sessions() if session.kind is not Kind.CLIENT]
    return {
        "coordinator": {
            **core.about,
            "policy": str(core.limits.policy),
            "workers": core.limits.workers,
        },
        "zygotes": [
            {**zygote, "rss_bytes": core.memory_of(zygote["pid"]), "preload_bytes": core.limits.preload_bytes}
            for zygote in zygotes
        ],
        "workers": [
            {**describe_worker(worker), "rss_bytes": memory_of(core, worker.pid)} for worker in core.workers.values()
        ],
        "sessions": [describe_session(session) for session in shown],
        "cells": cells(core),
    }


def cells(core: Core) -> list[Json]:
    """All cells that are not over and those that ended lately, in the order in which they were asked for."""
    found = [
        describe_cell(session, cell)
        for session in core.live_sessions()
        if session.kind is not Kind.CLIENT
        for cell in session.cells.values()
    ]
    return sorted(found, key=lambda cell: cell["created"])


def describe_cell(session: Session, cell: Cell) -> Json:
    """One cell."""
    worker = session.worker if cell is session.cell and cell.state in ON_WORKER else None
    return {
        "cell_id": cell.cell_id,
        "session_id": session.session_id,
        "kind": str(session.kind),
        "code": cell.code,
        "state": str(cell.state),
        "status": cell.status,
        "created": cell.created,
        "since": cell.since,
        "moves": cell.moves,
        "waits": [
            {
                "kind": wait["kind"],
                "key": wait["key"],
                "label": wait["label"],
                "since": wait["since"],
                "due": wait["due"],
            }
            for wait in map(wait_to_json, cell.waits)
        ],
        "reason": cell.reason,
        "worker_pid": worker.pid if worker is not None and worker.pid else None,
        "policy": str(session.policy),
        "snapshot_bytes": cell.snapshot_bytes,
    }


def why(session: Session) -> Json:
    """What holds a session in its worker, and which of its variables would."""
    cell, block = session.cell, session.block
    return {
        "session_id": session.session_id,
        "kind": str(session.kind),
        "name": session.name,
        "state": session.state,
        "cell_id": None if cell is None else cell.cell_id,
        "cell_state": None if cell is None else str(cell.state),
        "reason": "" if cell is None else cell.reason,
        "obstacles": [] if block is None else [obstacle_to_json(obstacle) for obstacle in block.obstacles],
        "variables": list(session.unmovable),
        "variables_waiting": session.unmovable_waiting,
    }


def memory_of(core: Core, pid: int) -> int:
    """In bytes; 0 for a process that is not there yet."""
    return core.memory_of(pid) if pid else 0


def describe_worker(worker: Worker) -> Json:
    """One worker, without its memory, which takes a moment to look up."""
    return {
        "worker_id": worker.worker_id,
        "pid": worker.pid,
        "session_id": worker.session_id,
        "state": worker.state,
        "since": worker.since,
    }


def describe_session(session: Session) -> Json:
    """One session."""
    return {
        "session_id": session.session_id,
        "kind": str(session.kind),
        "name": session.name,
        "state": session.state,
        "epoch": session.epoch,
        "worker_pid": session.worker.pid if session.worker is not None and session.worker.pid else None,
        "environment": session.environment.get("executable", ""),
        "cells": len(session.cells),
        "detached": session.is_detached,
    }
