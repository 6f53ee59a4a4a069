"""Temporary files and directories go with their object: the worker that is left deletes nothing.

What deletes a file is put in place in the last step of a load, so that a load that fails deletes nothing either.
"""

from __future__ import annotations

from typing import Any

from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced


def reduce_closer(pickler: Pickling, closer: Any) -> Reduced:
    """What deletes a named temporary file."""
    state = dict(vars(closer))
    if state["delete"]:
        pickler.later("temporary", closer, None)
        state["delete"] = False
    return object.__new__, (type(closer),), state, None, None, set_state


def reduce_spooled(pickler: Pickling, file: Any) -> Reduced:
    return make_spooled, (type(file),), dict(vars(file)), None, None, set_state


def make_spooled(cls: Any) -> object:
    return cls.__new__(cls)
