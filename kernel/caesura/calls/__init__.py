"""What a cell awaits: the public API of a notebook, and the two ways in which calls are carried out."""

from caesura.calls.backend import Current
from caesura.calls.call import Call
from caesura.calls.events import event
from caesura.calls.function import RemoteFunction, remote
from caesura.calls.hints import Expect, expect, progress
from caesura.calls.holding import Hold, hold
from caesura.calls.session import current

__all__ = [
    "Call",
    "Current",
    "Expect",
    "Hold",
    "RemoteFunction",
    "current",
    "event",
    "expect",
    "hold",
    "progress",
    "remote",
]
