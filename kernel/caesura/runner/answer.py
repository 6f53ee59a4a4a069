"""The end of a call, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended.

    ``payload`` is the pickled value or exception; if it is empty, ``text`` describes the error. ``is_uncertain`` if
    nobody knows whether the call was carried out.
    """

    ok: bool
    payload: bytes = b""
    text: str = ""
    is_uncertain: bool = False
