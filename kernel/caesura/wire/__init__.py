"""What the parts say to each other: messages, their encoding, and the table of a cell's life. No sockets."""

from caesura.wire.codec import Decoder, encode
from caesura.wire.life import CellEvent, CellState, next_state

__all__ = ["CellEvent", "CellState", "Decoder", "encode", "next_state"]
