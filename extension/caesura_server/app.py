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
from traitlets import Unicode

from caesura.client import Client, NoCoordinator
from caesura.config import home_directory
from caesura.errors import CaesuraError
from caesura_server import actions
from caesura_server.handlers import EventsHandler, StatusHandler
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
                (r"/caesura/api/calls/([\w-]+)", actions.CallHandler, asked),
                (r"/caesura/api/events/(.+)", actions.EventHandler, asked),
                (r"/caesura/api/history", actions.HistoryHandler, asked),
                (r"/caesura/api/store", actions.StoreHandler, asked),
            ]
        )

    async def stop_extension(self) -> None:
        """The server stops, and is about to shut its kernels down: the coordinator hears that nobody has ended them."""
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
