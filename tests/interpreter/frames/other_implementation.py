"""Run in a process of its own: import the package as on an implementation that has neither CPython's C interface nor
its instructions, and print what it says of itself and of a read.
"""

from __future__ import annotations

import ctypes
import dataclasses
import opcode
import sys
import types

# Imported above because it needs the instructions itself.
assert dataclasses
del ctypes.pythonapi
opcode.opmap.clear()
sys.implementation = types.SimpleNamespace(**{**vars(sys.implementation), "name": "otherpython"})  # type: ignore[assignment]

from caesura import frames  # noqa: E402
from caesura.errors import FramesUnavailable  # noqa: E402

try:
    frames.read(value for value in ())
except FramesUnavailable as error:
    sys.stdout.write(f"{frames.unavailable_reason()}\n{error}\n")
