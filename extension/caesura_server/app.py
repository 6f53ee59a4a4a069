"""The extension itself: its name, its settings and its handlers.

It holds no state of its own: every answer comes from the coordinator of the home directory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jupyter_server.extension.application import ExtensionApp
from prometheus_client import REGISTRY
from traitlets import Bool, Unicode

from caesura.client import Client, NoCoordinator
from caesura.clock import wall
from caesura.config import home_directory
from caesura.errors import CaesuraError
from caesura_server import actions
from caesura_server.emitting import Emitter
from caesura_server.following import Following
from caesura_server.handlers import EventsHandler, StatusHandler
from caesura_server.happenings import Happening, Picture
from caesura_server.metrics import Metrics
from caesura_server.paths import root_of
from caesura_server.sessions import OutputsHandler, SessionHandler, SessionsHandler
from caesura_server.stream import StreamHandler

_CELL_ACTION: Final = rf"/caesura/api/cells/([\w-]+)/({'|'.join(actions.CELL_ACTIONS)})"
_LEAVING_S: Final = 5.0
"""A server that stops does not wait longer for the coordinator."""


class CaesuraServer(ExtensionApp):
    """What is below ``/caesura/api/``: the state of all, pushed as it changes, and what can be done about it."""

    name = "caesura_server"
    extension_url = "/caesura/status"

    home = Unicode(
        "",
        config=True,
        help="The coordinator's home directory; empty means $CAESURA_HOME, or caesura/ in Jupyter's data directory.",
    )

    follows = Bool(
        True,
        config=True,
        help="Whether this server emits Jupyter events about cells, and has metrics of them under /metrics.",
    )

    _following: Following | None = None
    _metrics: Metrics | None = None

    def initialize_handlers(self) -> None:
        asked = {"home": self._home_path()}
        self.handlers.extend(
            [
                # Without api/ as it was before there was more.
                (r"/caesura(?:/api)?/status", StatusHandler, asked),
                (r"/caesura(?:/api)?/events", EventsHandler, asked),
                (r"/caesura(?:/api)?/sessions", SessionsHandler, asked),
                (r"/caesura(?:/api)?/sessions/([\w-]+)", SessionHandler, asked),
                (r"/caesura(?:/api)?/sessions/([\w-]+)/outputs", OutputsHandler, asked),
                (r"/caesura/api/stream", StreamHandler, asked),
                (r"/caesura/api/openapi.json", actions.OpenApiHandler, asked),
                (r"/caesura/api/sessions/([\w-]+)/park", actions.ParkHandler, asked),
                (r"/caesura/api/cells/([\w-]+)", actions.CellHandler, asked),
                (_CELL_ACTION, actions.CellActionHandler, asked),
                (r"/caesura/api/workers/([\w-]+)/restart", actions.WorkerHandler, asked),
                (r"/caesura/api/calls/([\w-]+)", actions.CallHandler, asked),
                (r"/caesura/api/events/(.+)", actions.EventHandler, asked),
                (r"/caesura/api/history", actions.HistoryHandler, asked),
                (r"/caesura/api/store", actions.StoreHandler, asked),
            ]
        )
        if self.follows:
            self._follow()

    def _follow(self) -> None:
        """Listen to the coordinator as soon as the server's loop runs."""
        assert self.serverapp is not None
        assert self.serverapp.event_logger is not None
        emitter = Emitter(self.serverapp.event_logger, lambda: root_of(self.settings))

        def tell(happening: Happening) -> None:
            metrics.tell(happening)
            emitter.tell(happening)

        picture = Picture(wall(), tell)
        metrics = self._metrics = Metrics(picture)
        REGISTRY.register(metrics)
        self._following = Following(self._home_path(), picture.take, picture.lost, self.log)
        self.serverapp.io_loop.add_callback(self._following.start)

    async def _stop_following(self) -> None:
        if self._metrics is not None:
            REGISTRY.unregister(self._metrics)
            self._metrics = None
        if self._following is not None:
            await self._following.stop()
            self._following = None

    async def stop_extension(self) -> None:
        """The server stops, and is about to shut its kernels down: the coordinator hears that nobody has ended them."""
        await self._stop_following()
        assert self.serverapp is not None
        kernels = self.serverapp.kernel_manager
        ports = [getattr(kernels.get_kernel(each), "shell_port", 0) for each in kernels.list_kernel_ids()]
        if not ports:
            return
        try:
            await asyncio.to_thread(_say_leaving, self._home_path(), ports)
        except NoCoordinator:
            pass  # then none of them is ours
        except CaesuraError as error:
            self.log.warning("The notebooks of this server end with it: %s", error)

    def _home_path(self) -> Path:
        return Path(self.home) if self.home else home_directory(os.environ)


def _say_leaving(home: Path, ports: Sequence[int]) -> None:
    with Client(home, timeout_s=_LEAVING_S) as client:
        client.request("leaving", ports=list(ports))
