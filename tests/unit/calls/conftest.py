"""A backend for each test, and the plain pickler in the place of the snapshot's."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
from fake_backend import FakeBackend

from caesura.calls import values
from caesura.calls.backend import install


@pytest.fixture(autouse=True)
def plain_pickler(monkeypatch: pytest.MonkeyPatch) -> None:
    def dumps(value: object, namespace: dict[str, object]) -> bytes:
        return pickle.dumps(value)

    def loads(data: bytes, namespace: dict[str, object]) -> object:
        return pickle.loads(data)

    monkeypatch.setattr(values, "dumps", dumps)
    monkeypatch.setattr(values, "loads", loads)


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    backend = FakeBackend()
    install(backend)
    yield backend
    install(None)
