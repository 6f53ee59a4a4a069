"""What all servers that tests start have in common."""

from __future__ import annotations

from pathlib import Path

TOKEN = "a-token"


def options_of_server(notes: Path) -> list[str]:
    """The command line of a server with our extension over the notebooks in ``notes``, at a port that is free."""
    return [
        f"--ServerApp.root_dir={notes}",
        f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.jpserver_extensions=caesura_server=True",
        "--ServerApp.port=0",
        "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
    ]
