from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from process.worker.fake_coordinator import FakeCoordinator


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[FakeCoordinator]:
    found = FakeCoordinator(tmp_path / "home")
    try:
        yield found
    finally:
        found.close()
