"""What the notebooks of this user wait for, over HTTP: an extension of Jupyter Server."""

from __future__ import annotations

from caesura_server.app import CaesuraServer

__all__ = ["CaesuraServer"]


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter Server finds the extension."""
    return [{"module": "caesura_server", "app": CaesuraServer}]
