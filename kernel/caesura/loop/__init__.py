"""The cell loop: the user's handles only, blocks seen by its selector, the session's own clock."""

from caesura.loop.cell_loop import CellLoop
from caesura.loop.operations import Holds, Operations
from caesura.loop.signals import SignalHandling
from caesura.loop.threads import OwnThreads
from caesura.loop.values import Block, Delivery, LoopState

__all__ = ["Block", "CellLoop", "Delivery", "Holds", "LoopState", "Operations", "OwnThreads", "SignalHandling"]
