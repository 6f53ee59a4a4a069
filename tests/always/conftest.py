"""Fixtures of the tier that compares notebooks under three kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notebooks import Home


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[..., Home]]:
    """Homes with a coordinator of their own; all are stopped at the end."""
    homes: list[Home] = []

    def make(**env: str) -> Home:
        home = Home(tmp_path / f"home{len(homes)}", **env)
        homes.append(home)
        return home

    yield make
    for home in homes:
        home.close()
