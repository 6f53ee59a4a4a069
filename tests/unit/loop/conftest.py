"""One loop for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from loop_session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session()
    asyncio.set_event_loop(session.loop)
    yield session
    session.close()
    asyncio.set_event_loop(None)
