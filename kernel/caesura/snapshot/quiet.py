"""What is switched off in the interpreter while a pickler or an unpickler works."""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections.abc import Iterator
from typing import Final

RECURSION_LIMIT: Final = 4000
"""Levels of nesting that may be saved where the interpreter's limit counts C calls too (3.11); about 2 MB of stack."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No collection, no trace or profile function, no warnings of pickle's own, and room for nested data."""
    # First and last: such a function is the user's, and would change what is being written.
    trace, profile = sys.gettrace(), sys.getprofile()
    sys.setprofile(None)
    sys.settrace(None)
    collecting, limit, filters = gc.isenabled(), sys.getrecursionlimit(), warnings.filters
    # Not by catch_warnings, after which every module shows again what it has shown once.
    warnings.filters = [("ignore", None, Warning, None, 0)]
    gc.disable()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        warnings.filters = filters
        if collecting:
            gc.enable()
        if trace is not None:
            sys.settrace(trace)
        if profile is not None:
            sys.setprofile(profile)
