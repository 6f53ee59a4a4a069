"""Objects with traits (of :mod:`traitlets`: widgets, configurables) with everything that observes them.

Their own ``__getstate__`` forgets the observers.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from caesura.snapshot.descriptors import member_of
from caesura.snapshot.reducing import Pickling, Reduced, Reducer


def reducer_of(cls: type) -> Reducer | None:
    """The reducer for objects of ``cls``, a type of traitlets or a subclass of one; None if pickle's way is right."""
    traitlets: Any = sys.modules["traitlets.traitlets"]
    if issubclass(cls, traitlets.HasTraits):
        of_traits = all(
            getattr(cls, name) is getattr(traitlets.HasTraits, name) for name in ("__getstate__", "__setstate__")
        )
        return reduce_object if of_traits else None
    return reduce_handler if issubclass(cls, traitlets.EventHandler) else None


def reduce_object(pickler: Pickling, obj: Any) -> Reduced:
    return make_object, (type(obj),), dict(vars(obj)), None, None, fill_object


def make_object(cls: type) -> object:
    traitlets: Any = importlib.import_module("traitlets")
    made: object = traitlets.HasTraits.__new__(cls)  # which finds the classes that the traits name
    return made


def fill_object(obj: Any, state: dict[str, Any]) -> None:
    vars(obj).clear()
    vars(obj).update(state)


def reduce_handler(pickler: Pickling, handler: Any) -> Reduced:
    """A method of a class that observes or validates: the class has it again."""
    owner = getattr(handler, "this_class", None)
    if owner is not None and owner.__dict__.get(handler.name) is handler:
        return member_of, (owner, handler.name)
    return NotImplemented
