"""polars: a series and the object behind it, which a loop over the columns of a frame holds, stay one."""

from __future__ import annotations

import importlib
from typing import Any

from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced, Reducer


def reducer_of(base: type) -> Reducer | None:
    """The reducer for objects of ``base``, a type of polars (those of its compiled part say that they are builtin)."""
    named = {"PySeries": reduce_compiled, "Series": reduce_series}
    return named.get(base.__qualname__) if base.__module__ in ("builtins", "polars.series.series") else None


def reduce_series(pickler: Pickling, series: Any) -> Reduced:
    return object.__new__, (type(series),), series.__dict__, None, None, set_state


def reduce_compiled(pickler: Pickling, series: Any) -> Reduced:
    return make_compiled, (), series.__getstate__(), None, None, fill_compiled


def make_compiled() -> Any:
    return importlib.import_module("polars").Series()._s


def fill_compiled(series: Any, state: bytes) -> None:
    series.__setstate__(state)
