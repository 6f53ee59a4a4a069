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
from caesura_server.handlers import EventsHandler, StatusHandler
from caesura_server.sessions import OutputsHandler, SessionHandler, SessionsHandler

_LEAVING_S: Final = 5.0
"""A server that stops does not wait longer for the coordinator."""


class CaesuraServer(ExtensionApp):
    """What is below ``/caesura/``: status, events, and the sessions of notebooks with their outputs."""

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
                (r"/caesura/status", StatusHandler, asked),
                (r"/caesura/events", EventsHandler, asked),
                (r"/caesura/sessions", SessionsHandler, asked),
                (r"/caesura/sessions/([\w-]+)", SessionHandler, asked),
                (r"/caesura/sessions/([\w-]+)/outputs", OutputsHandler, asked),
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
