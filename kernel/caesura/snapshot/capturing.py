"""What a capturer is: one piece of the interpreter's or a library's state that belongs to a session.

What lives here: :class:`Capturer`, and what has changed since a session began. What must not: any capturer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from caesura.errors import CannotMove

_VALUES: Final = (int, float, complex, str, bytes, tuple, frozenset)
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Capturer:
    """``capture()`` gives what ``restore()`` takes, or None for nothing.

    ``early`` ones are restored before anything else of the session is loaded, because imports depend on them; their
    state must be made of strings and numbers only. One ``from_new`` keeps only what differs from what ``capture`` gave
    when the session began in this process; of a dict, the entries that differ. One that ``holds`` has state which
    cannot be restored: ``holds(state)`` says what it is, and the session stays.
    """

    name: str
    capture: Callable[[], Any]
    restore: Callable[[Any], None] = lambda _: None
    early: bool = False
    from_new: bool = False
    holds: Callable[[Any], CannotMove] | None = None


def difference(now: Any, new: Any) -> Any:
    """What of ``now`` is not as in ``new``; None if nothing is."""
    if isinstance(now, dict) and isinstance(new, dict):
        return {key: value for key, value in now.items() if not is_same(value, new.get(key, _NOTHING))} or None
    return None if is_same(now, new) else now


def is_same(one: object, other: object) -> bool:
    """Whether it is the same object, or an equal plain value or method. Nothing of a user's is asked whether it is
    equal."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, _VALUES):
        return bool(one == other)
    owner = getattr(one, "__self__", None)
    return (
        owner is not None
        and owner is getattr(other, "__self__", None)
        and getattr(one, "__name__", None) == getattr(other, "__name__", _NOTHING)
    )
