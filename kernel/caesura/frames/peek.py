"""Numbers in memory, for comparing: none is followed."""

from __future__ import annotations

import ctypes


def word(address: int) -> int:
    """The unsigned 64-bit number at ``address``."""
    return ctypes.c_uint64.from_address(address).value


def integer(address: int) -> int:
    """The C ``int`` at ``address``."""
    return ctypes.c_int.from_address(address).value


def byte(address: int) -> int:
    """The signed byte at ``address``."""
    return ctypes.c_int8.from_address(address).value
