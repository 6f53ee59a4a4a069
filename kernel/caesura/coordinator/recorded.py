"""Outputs are kept until our extension has them safe in the notebook's file: none is lost with a closed browser.

What lives here: which are kept, for how long, and what is answered about them. What must not: how they are recorded
(``inbox.py``, ``store/output_records.py``), how they are put into cells (that is the extension's).

Only a notebook with a path is one that somebody comes back to: the outputs of the others are forgotten when they are
sent.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from caesura import points
from caesura.coordinator.commands import FrontPublish, FrontSend
from caesura.coordinator.requests import pack_frames, unpack_frames, unpack_request, whole
from caesura.coordinator.signing import header_of, pack
from caesura.coordinator.state import Kind, Session
from caesura.errors import HomeUnusable, UsageError
from caesura.store.output_files import OutputFiles
from caesura.store.output_records import NOTICE
from caesura.store.records import Records
from caesura.store.rows import OutputRow
from caesura.wire.codec import Buffer
from caesura.wire.messages import Json, Output

if TYPE_CHECKING:
    from caesura.coordinator.core import Core
    from caesura.coordinator.session_requests import Answer, Refuse

_SHOWN: Final = frozenset(
    {
        "stream",
        "display_data",
        "update_display_data",
        "execute_result",
        "error",
        "clear_output",
        "execute_input",
    }
)
"""What a cell shows, and what says its number."""
_AT_ONCE_BYTES: Final = 8 << 20
_SPARE: Final = 0.9
"""The part of the quota that is left when it was exceeded, so that not every output has to move another."""


class Recorded:
    def __init__(self, core: Core) -> None:
        self._core = core

    def keeps(self, root: Session, message: Output) -> bool:
        """Whether the message is kept after it was sent."""
        return (
            root.kind is Kind.NOTEBOOK
            and bool(root.name)
            and self._core.limits.outputs_bytes > 0
            and message.channel == "iopub"
            and message.msg_type in _SHOWN
        )

    def added(self, root: Session, size_bytes: int) -> None:
        """So much more is kept: beyond the quota the oldest go."""
        root.kept_bytes += size_bytes
        if root.kept_bytes <= self._core.limits.outputs_bytes or root.is_ended:
            return
        session_id, now, most = root.session_id, self._core.now, int(self._core.limits.outputs_bytes * _SPARE)
        also_unsent = root.is_kept
        root.kept_bytes = most  # until it is known; meanwhile nobody asks again for every output

        def then(left: int) -> None:
            root.kept_bytes = left
            self._core.sweep_outputs(session_id)

        self._core.persist(
            lambda records: records.trim_outputs(session_id, most, now, also_unsent=also_unsent),
            then,
        )

    def say(self, session: Session, msg_type: str, content: Json, parent: Json) -> None:
        """A message of our own that a cell shows: sent as by :meth:`Core.say`, and kept as those of workers are."""
        core, session_id, now = self._core, session.session_id, self._core.now
        if not (session.name and core.limits.outputs_bytes):
            core.say(session, FrontPublish(session_id, msg_type, content, parent))
            return
        at = datetime.datetime.fromtimestamp(now, datetime.UTC)
        header = header_of(msg_type, f"{session_id}_{core.new_id()}", session_id, at)
        frames = [pack(header), pack(parent), pack({}), pack(content)]
        topic = f"kernel.{session_id}.{msg_type}".encode()
        if not session.is_kept:
            core.say(session, FrontSend(session_id, "iopub", [topic], frames))
        packed, cell_id = pack_frames({}, [topic], frames), str(parent.get("msg_id", ""))
        core.persist(
            lambda records: records.add_output(
                session_id, "iopub", packed, cell_id=cell_id, at=now, kept=True, is_sent=True
            ),
            lambda _: self.added(session, len(packed)),
        )

    # --- what the extension asks ------------------------------------------------------------------------------------

    def give(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """``{"session_id", "after"}``: what is kept, oldest first, and the cells that it belongs to."""
        session_id, after = str(params["session_id"]), int(params.get("after") or 0)
        most = int(params.get("most_bytes") or _AT_ONCE_BYTES)
        session = self._core.sessions.get(session_id)
        open_cells = [] if session is None else [cell_id for cell_id in session.cells if cell_id]
        self._core.persist(
            lambda records: _read(records, session_id, after, most, open_cells),
            lambda found: refuse(found) if isinstance(found, UsageError) else answer(*found),
        )

    def confirm(self, params: Json, answer: Answer) -> None:
        """``{"session_id", "up_to"}``: these are safe in the notebook's file."""
        session_id, up_to = str(params["session_id"]), int(params["up_to"])
        session = self._core.sessions.get(session_id)

        def record(records: Records) -> int:
            points.reach("confirm.before_record")
            return records.confirm_outputs(session_id, up_to)

        def then(left: int) -> None:
            if session is not None:
                session.kept_bytes = left
            self._core.sweep_outputs(session_id)
            answer({"session_id": session_id, "confirmed": up_to, "kept_bytes": left})

        self._core.persist(record, then)


def _read(
    records: Records, session_id: str, after: int, most_bytes: int, open_cells: list[str]
) -> tuple[Json, list[Buffer]] | UsageError:
    row = records.session(session_id)
    if row is None:
        return UsageError(f"There is no session {session_id!r}. `caesura sessions` lists them.")
    rows, is_more = records.kept_outputs(session_id, after=after, most_bytes=most_bytes)
    files = records.output_files
    buffers: list[Buffer] = []
    shown: list[Json] = []
    for output in rows:
        described: Json = {"n": output.n, "cell_id": output.cell_id, "at": output.at}
        if output.channel == NOTICE:
            described["dropped"] = json.loads(output.frames)
        else:
            try:
                frames = _frames(files, output)
            except HomeUnusable:
                described["dropped"] = {"count": 1, "bytes": output.size_bytes, "reason": "file"}
                frames = []
            described["first"], described["parts"] = len(buffers), len(frames)
            buffers.extend(frames)
        shown.append(described)
    ids = dict.fromkeys([*(output.cell_id for output in rows), *open_cells])
    cells = [cell for cell_id in ids if (cell := _cell(records, session_id, cell_id))]
    last = rows[-1].n if rows else after
    found = {
        "session_id": session_id,
        "name": row.name,
        "last": last,
        "more": is_more,
        "outputs": shown,
        "cells": cells,
    }
    return found, buffers


def _frames(files: OutputFiles, output: OutputRow) -> Sequence[Buffer]:
    """HomeUnusable if its file is not whole, as after a power cut."""
    body, idents, frames = unpack_frames(output.frames)
    apart = body.get("apart", ())
    if not apart:
        return frames
    return whole(idents, frames, apart, files.map(output.session_id, output.file, [size for _, size in apart]))


def _cell(records: Records, session_id: str, cell_id: str) -> Json | None:
    row = records.cell(session_id, cell_id)
    if row is None:
        return None
    return {
        "cell_id": cell_id,
        "notebook_cell": notebook_cell(unpack_request(row.request).frames[2]) if row.request else None,
        "state": row.state,
        "status": row.status,
        "created": row.created,
    }


def notebook_cell(metadata: bytes) -> str | None:
    """The id of the cell in the notebook's file (``cellId``, which JupyterLab sends in the metadata), or None."""
    try:
        found: Any = json.loads(metadata)
    except ValueError:
        return None
    cell_id = found.get("cellId") if isinstance(found, dict) else None
    return cell_id if isinstance(cell_id, str) else None
