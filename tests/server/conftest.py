"""A Jupyter Server with the extension, for the tests of its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  as a plugin it would take over every test of the suite

from caesura.starting import ensure_coordinator
from notebooks import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "caesura", CAESURA_WORKERS="1")
    yield home
    home.close()


@pytest.fixture
def jp_server_config(home: Home) -> dict[str, Any]:
    return {
        "ServerApp": {"jpserver_extensions": {"caesura_server": True}, "allow_unauthenticated_access": False},
        "CaesuraServer": {"home": str(home.path)},
    }


@pytest.fixture
def started(home: Home) -> Callable[[], None]:
    """Starts the home's coordinator without any kernel."""

    def start() -> None:
        ensure_coordinator(home.path, home.environ())

    return start
