"""Mocks of :mod:`unittest.mock`. Whatever attribute one is asked for becomes a part of it, so it is not asked."""

from __future__ import annotations

import sys
from typing import Any

from caesura.snapshot.reducing import Pickling, Reduced


def is_mock(cls: type) -> bool:
    """Whether objects of this type are mocks."""
    mock: Any = sys.modules.get("unittest.mock")
    return mock is not None and issubclass(cls, getattr(mock, "NonCallableMock", ()))


def reduce_mock(pickler: Pickling, obj: Any) -> Reduced:
    """Each mock has a class of its own, which moves by value."""
    return make_mock, (type(obj),), dict(object.__getattribute__(obj, "__dict__")), None, None, fill_mock


def make_mock(cls: Any) -> object:
    return object.__new__(cls)


def fill_mock(obj: Any, state: dict[str, Any]) -> None:
    object.__getattribute__(obj, "__dict__").update(state)
