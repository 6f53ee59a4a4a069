"""Functions of CPython's C interface, as far as there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from caesura.errors import FramesUnavailable


def bind(name: str, arguments: int, result: type[ctypes.py_object[Any]] | None) -> Callable[..., Any]:
    """The function ``name``, which takes that many objects.

    On an implementation without this interface it is one that raises FramesUnavailable, so that importing this package
    is harmless everywhere.
    """
    library = getattr(ctypes, "pythonapi", None)
    if library is None:

        def absent(*_: object) -> None:
            raise FramesUnavailable(f"This implementation of Python has no {name}.")

        return absent
    function: Any = getattr(library, name)
    function.argtypes = [ctypes.py_object] * arguments
    function.restype = result
    return function  # type: ignore[no-any-return]
