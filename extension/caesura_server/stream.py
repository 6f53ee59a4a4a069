"""The websocket ``/caesura/api/stream``: what there is, then every change, as the coordinator pushes them.

What lives here: one connection to the coordinator for each page that shows the panel; nothing is asked again and again.
What must not: state. Who lost the connection says in the query which number of which ``stream`` it has, and gets what
came after it.
"""

from __future__ import annotations

import asyncio
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
        self._link: Link | None = None

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
            self._say(NOTHING)
            self.close(NO_COORDINATOR, "No coordinator runs.")
            return
        except CaesuraError as error:
            self._say({"type": "error", "message": str(error)})
            self.close(COORDINATOR_GONE, "The coordinator does not answer.")
            return
        if self.ws_connection is None:  # the page was closed meanwhile
            link.close()
            return
        self._link = link
        asyncio.get_running_loop().add_reader(link.fileno(), self._readable)
        self._readable()

    def _readable(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            while (message := link.receive(0)) is not None:
                self._pass_on(message)
        except ConnectionLost:
            self._let_go()
            self.close(COORDINATOR_GONE, "The coordinator has ended.")

    def _pass_on(self, message: messages.Message) -> None:
        match message:
            case messages.Reply(error=error) if error:
                self._say({"type": "error", "message": str(error_of(message))})
            case messages.Reply(result=dict(result)):
                self._say({"type": "state" if result["whole"] else "change", **self._shown(result)})
            case messages.Event(name="change", data=data):
                self._say({"type": "state" if data.get("whole") else "change", **self._shown(data)})

    def _shown(self, data: dict[str, Any]) -> dict[str, Any]:
        """With the paths of notebooks as the contents service of this server knows them."""
        root = root_of(self.settings)
        for session in data["sessions"]:
            session["path"] = path_of(session, root)
        return data

    def _say(self, data: dict[str, Any]) -> None:
        try:
            self.write_message(json.dumps(data))
        except WebSocketClosedError:
            self._let_go()

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked here: actions are requests."""

    def on_close(self) -> None:
        self._let_go()
        super().on_close()

    def _let_go(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            asyncio.get_running_loop().remove_reader(link.fileno())
            link.close()
