"""Requests about notebooks as sessions: which are kept for a path, and the outputs that were recorded of them.

What lives here: ``/caesura/sessions`` and what is below it. What must not: what becomes of the outputs in the browser.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from caesura_server.handlers import Handler

_WHY = {
    "quota": "more was printed than is kept for a notebook that nobody has open (the setting outputs_quota_mb)",
    "age": "nobody has opened the notebook for too long (the setting outputs_max_age_h)",
    "file": "the file that they were in is not whole, as after a power cut",
}


class SessionsHandler(Handler):
    """The sessions of all notebooks, or of the one at ``path``, as ``caesura sessions --json`` prints them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        path = self.get_query_argument("path", "")
        found = await self.tell([], "sessions", path=self._absolute(path) if path else "")
        self.finish({"sessions": found})

    def _absolute(self, path: str) -> str:
        """The notebook's path as Jupyter Server tells it to kernels (``JPY_SESSION_NAME``)."""
        directory: str = self.kernel_manager.cwd_for_path(path)  # type: ignore[no-untyped-call]
        return os.path.join(directory, path.rpartition("/")[2])


class SessionHandler(SessionsHandler):
    """One session: POST has the next kernel of its notebook go on with it, DELETE gives it up."""

    @web.authenticated
    @authorized
    async def post(self, session_id: str) -> None:
        path = str((self.get_json_body() or {}).get("path") or "")
        self.finish(await self.tell(None, "attach", of=session_id, path=self._absolute(path) if path else ""))

    @web.authenticated
    @authorized
    async def delete(self, session_id: str) -> None:
        self.finish(await self.tell(None, "drop", of=session_id))


class OutputsHandler(Handler):
    """What was recorded of a session: GET gives the messages after the number ``after``, POST says up to which one they
    are safe in the notebook's file."""

    @web.authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        after = self.get_query_argument("after", "0")
        if not after.isdecimal():
            raise web.HTTPError(400, f"after is {after!r}; it has to be the number of an output.")
        reply = await self.call("outputs", {"session_id": session_id, "after": int(after)})
        found = dict(reply.result)
        found["outputs"] = await asyncio.to_thread(_messages, found["outputs"], reply.buffers)
        self.finish(found)

    @web.authenticated
    @authorized
    async def post(self, session_id: str) -> None:
        up_to = (self.get_json_body() or {}).get("up_to")
        if not isinstance(up_to, int) or isinstance(up_to, bool):
            raise web.HTTPError(400, "The body has to be {\"up_to\": NUMBER}.")  # fmt: skip
        self.finish(await self.tell(None, "confirm", session_id=session_id, up_to=up_to))


def _messages(outputs: Sequence[dict[str, Any]], frames: Sequence[Any]) -> list[dict[str, Any]]:
    """The messages as a kernel's websocket would give them, each with its number and its cell."""
    shown = []
    for output in outputs:
        place = {"n": output["n"], "cell_id": output["cell_id"], "at": output["at"]}
        if "dropped" in output:
            shown.append({**place, "message": _notice(output)})
            continue
        header, parent, metadata, content, *buffers = frames[output["first"] :][: output["parts"]]
        message = {
            "header": json.loads(bytes(header)),
            "parent_header": json.loads(bytes(parent)),
            "metadata": json.loads(bytes(metadata)),
            "content": json.loads(bytes(content)),
            "buffers": [base64.b64encode(buffer).decode() for buffer in buffers],
            "channel": "iopub",
        }
        shown.append({**place, "message": message})
    return shown


def _notice(output: dict[str, Any]) -> dict[str, Any]:
    """A message that says in the cell's place what is missing there."""
    dropped = output["dropped"]
    messages = "message" if dropped["count"] == 1 else "messages"
    text = (
        f"Caesura: {dropped['count']} {messages} of this cell ({dropped['bytes'] / 1e6:.1f} MB) are not shown: "
        f"{_WHY[dropped['reason']]}.\n"
    )
    header = {"msg_id": f"caesura-dropped-{output['n']}", "msg_type": "stream"}
    return {
        "header": header,
        "parent_header": {"msg_id": output["cell_id"], "msg_type": "execute_request"},
        "metadata": {},
        "content": {"name": "stderr", "text": text},
        "buffers": [],
        "channel": "iopub",
    }
