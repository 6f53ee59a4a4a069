"""What the panel does: with cells, calls, events, sessions and the store, and the whole story of one cell.

What lives here: requests under ``/caesura/api/`` for the coordinator's methods. What must not: what they mean.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from caesura_server.handlers import Handler

CELL_ACTIONS: Final = ("interrupt", "cancel", "resume", "hold", "let_policy", "release", "bring_back")
_OPENAPI: Final = Path(__file__).with_name("openapi.json")


class CellHandler(Handler):
    """One cell with its moves and decisions, oldest first, what holds it, and its frames while it is suspended."""

    @web.authenticated
    @authorized
    async def get(self, cell_id: str) -> None:
        cell = await self.tell(None, "cell", id=cell_id)
        of = cell["cell_id"]
        moves, decisions, why, frames = await asyncio.gather(
            self.tell(None, "moves", cell_id=of),
            self.tell(None, "decisions", cell_id=of),
            self.tell(None, "why", of=cell["session_id"]),
            self.tell(None, "frames", id=of),
        )
        self.finish({"cell": cell, "moves": moves, "decisions": decisions, "why": why, "frames": frames})


class CellActionHandler(Handler):
    @web.authenticated
    @authorized
    async def post(self, cell_id: str, action: str) -> None:
        if action == "let_policy":
            found = await self.tell(None, "hold", cell_id=cell_id, hold=False)
        else:
            found = await self.tell(None, action, cell_id=cell_id)
        self.finish(found)


class CallHandler(Handler):
    @web.authenticated
    @authorized
    async def delete(self, op_id: str) -> None:
        """The await raises an error; a function that runs for the call is interrupted."""
        self.finish(await self.tell(None, "give_up_call", op_id=op_id))


class EventHandler(Handler):
    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer all that wait for the event, with ``{"value": JSON}`` or ``{"error": "text"}``."""
        body = self.get_json_body()
        if not isinstance(body, dict) or ("value" in body) == ("error" in body):
            raise web.HTTPError(400, "The body has to be {\"value\": JSON} or {\"error\": \"text\"}.")  # fmt: skip
        self.finish(await self.tell(None, "send_event", name=name, **body))


class ParkHandler(Handler):
    @web.authenticated
    @authorized
    async def post(self, session_id: str) -> None:
        self.finish(await self.tell(None, "park", of=session_id))


class WorkerHandler(Handler):
    @web.authenticated
    @authorized
    async def post(self, worker_id: str) -> None:
        """Replace it, after its session was saved; with ``{"force": true}`` also if that cannot be saved."""
        force = (self.get_json_body() or {}).get("force", False)
        if not isinstance(force, bool):
            raise web.HTTPError(400, "force has to be true or false.")
        self.finish(await self.tell(None, "restart_worker", of=worker_id, force=force))


class HistoryHandler(Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """How long the calls of each key took lately, oldest first."""
        calls = [
            {
                "key": found["key"],
                "kind": found["key"].partition(":")[0],
                "count": found["count"],
                "durations_s": found["last_s"],
            }
            for found in await self.tell([], "call_history")
        ]
        self.finish({"calls": calls})


class StoreHandler(Handler):
    """What the store takes, as ``caesura store --json`` prints it; POST collects first."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.finish({"store": await self.tell({}, "store") or None})

    @web.authenticated
    @authorized
    async def post(self) -> None:
        self.finish({"store": await self.tell({}, "store", collect=True) or None})


class OpenApiHandler(Handler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The description of all of these, in OpenAPI 3.1."""
        self.finish(json.loads(await asyncio.to_thread(_OPENAPI.read_text)))
