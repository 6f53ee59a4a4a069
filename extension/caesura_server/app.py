"""The extension itself: its name, its settings and its handlers.

It holds no state of its own: every answer comes from the coordinator of the home directory.
"""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from traitlets import Unicode

from caesura.config import home_directory
from caesura_server.handlers import EventsHandler, StatusHandler


class CaesuraServer(ExtensionApp):
    """``GET /caesura/status`` and ``GET /caesura/events``."""

    name = "caesura_server"
    extension_url = "/caesura/status"

    home = Unicode(
        "",
        config=True,
        help="The coordinator's home directory; empty means $CAESURA_HOME, or caesura/ in Jupyter's data directory.",
    )

    def initialize_handlers(self) -> None:
        asked = {"home": Path(self.home) if self.home else home_directory(os.environ)}
        self.handlers.extend([(r"/caesura/status", StatusHandler, asked), (r"/caesura/events", EventsHandler, asked)])
