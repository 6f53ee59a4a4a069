"""What pydantic keeps of the classes of the notebook outside these classes. Nothing is imported for it."""

from __future__ import annotations

import sys
from typing import Any, cast


def note_class(cls: type) -> None:
    """After a load of ``cls``: ``Box[int]`` is found again as the class that it was."""
    generic = cls.__dict__.get("__pydantic_generic_metadata__")
    if not generic or generic["origin"] is None:
        return
    known = cast("Any", sys.modules["pydantic._internal._generics"])
    origin, arguments = generic["origin"], generic["args"]
    known.set_cached_generic_type(origin, arguments, cls, origin, arguments)
