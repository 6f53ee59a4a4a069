"""Objects that answer for attributes which they do not have: wrappers and proxies with a ``__getattr__``.

The loader of pickle asks an object that is still empty for ``__setstate__``. Such a class hands the question on to what
it wraps, looks for that in itself, does not find it, and asks itself again, without end. So the state is set from
outside.
"""

from __future__ import annotations

from typing import Any


def is_forwarding(cls: type) -> bool:
    """Whether the class answers for missing attributes and leaves its state to pickle."""
    return hasattr(cls, "__getattr__") and not hasattr(cls, "__setstate__")


def set_state(obj: Any, state: Any) -> None:
    """What pickle does for an object without ``__setstate__``: attributes, and slots if there are any."""
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes:
        object.__getattribute__(obj, "__dict__").update(attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(obj, name, value)
