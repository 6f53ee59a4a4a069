"""The websocket ``/caesura/api/stream``: what there is, then every change, as the coordinator pushes them.

What lives here: one connection to the coordinator for each page that shows the panel; nothing is asked again and again.
What must not: state. Who lost the connection says in the query which number of which ``stream`` it has, and gets what
came after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Final

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from caesura.client import ConnectionLost, Link, NoCoordinator, error_of
from caesura.errors import CaesuraError
from caesura.wire import messages
from caesura_server.following import watch
from caesura_server.paths import path_of, root_of

NO_COORDINATOR: Final = 4404
"""The code with which the websocket is closed when none runs: the next kernel starts one."""
COORDINATOR_GONE: Final = 4410
"""It ran, and does not answer any more."""

NOTHING: Final[dict[str, Any]] = {
    "type": "state",
    "coordinator": None,
    "sessions": [],
    "cells": [],
    "workers": [],
    "calls": [],
}


class StreamHandler(ExtensionHandlerMixin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``?stream=ID&after=N`` goes on after the number ``n`` of a message of that stream."""

    auth_resource = "caesura"

    def initialize(self, name: str, *, home: Path) -> None:
        super().initialize(name)
        self._home = home
        self._following: asyncio.Task[None] | None = None

    def set_default_headers(self) -> None:
        """A websocket has none of the headers of a page."""

    def get_compression_options(self) -> dict[str, Any]:
        return {}

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        is_allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)
        )
        if not is_allowed:
            raise web.HTTPError(403)
        after = self.get_query_argument("after", "0")
        if not after.isdecimal():
            raise web.HTTPError(400, f"after is {after!r}; it has to be the number of a message.")
        self._after, self._stream = int(after), self.get_query_argument("stream", "")
        await super().get(*args, **kwargs)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        try:
            link = await asyncio.to_thread(watch, self._home, self._stream, self._after)
        except NoCoordinator:
            await self._last_words(NOTHING)
            self.close(NO_COORDINATOR, "No coordinator runs.")
            return
        except CaesuraError as error:
            await self._last_words({"type": "error", "message": str(error)})
            self.close(COORDINATOR_GONE, "The coordinator does not answer.")
            return
        if self.ws_connection is None:  # the page was closed meanwhile
            link.close()
            return
        self._following = asyncio.create_task(self._follow(link), name="caesura stream")

    async def _follow(self, link: Link) -> None:
        """Pass on what the coordinator says, no faster than the page takes it: what waits, waits there (it is told
        of a reader that falls behind, and says less then)."""
        with link:
            try:
                while True:
                    while (message := link.receive(0)) is not None:
                        await self._pass_on(message)
                    await _readable(link)
            except ConnectionLost:
                self.close(COORDINATOR_GONE, "The coordinator has ended.")
            except WebSocketClosedError:
                return  # the page went

    async def _pass_on(self, message: messages.Message) -> None:
        match message:
            case messages.Reply(error=error) if error:
                await self._say({"type": "error", "message": str(error_of(message))})
            case messages.Reply(result=dict(result)):
                await self._say({"type": "state" if result["whole"] else "change", **self._shown(result)})
            case messages.Event(name="change", data=data):
                await self._say({"type": "state" if data.get("whole") else "change", **self._shown(data)})

    def _shown(self, data: dict[str, Any]) -> dict[str, Any]:
        """With the paths of notebooks as the contents service of this server knows them."""
        root = root_of(self.settings)
        for session in data["sessions"]:
            session["path"] = path_of(session, root)
        return data

    async def _last_words(self, data: dict[str, Any]) -> None:
        with contextlib.suppress(WebSocketClosedError):
            await self._say(data)

    async def _say(self, data: dict[str, Any]) -> None:
        """Returns when it has been given to the system; WebSocketClosedError if the page has gone."""
        await self.write_message(json.dumps(data))

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked here: actions are requests."""

    def on_close(self) -> None:
        if self._following is not None:
            self._following.cancel()
        super().on_close()


async def _readable(link: Link) -> None:
    """Until there is something to receive."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(link.fileno(), came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(link.fileno())
