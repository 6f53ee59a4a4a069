"""matplotlib and Pillow: callbacks stay connected, and what draws into an image goes on drawing into it."""

from __future__ import annotations

import importlib
from typing import Any, Final

from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced

_OF_A_BACKEND: Final = ("matplotlib.backend", "matplotlib_inline", "ipympl")
"""Modules whose callbacks belong to a window or a canvas, which the next process makes with its own."""


def reduce_callbacks(pickler: Pickling, registry: Any) -> Reduced:
    """A registry of matplotlib, with the callbacks that it would leave out: those of the notebook and of artists."""
    state = registry.__getstate__()
    kept = state["callbacks"]
    for signal, proxies in registry.callbacks.items():
        for number, proxy in proxies.items():
            function = proxy()
            if function is not None and not _module_of(function).startswith(_OF_A_BACKEND):
                kept.setdefault(signal, {})[number] = function
        kept[signal] = dict(sorted(kept.get(signal, {}).items()))
    return object.__new__, (type(registry),), state


def _module_of(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    return str(getattr(function if owner is None else type(owner), "__module__", ""))


def reduce_drawing(pickler: Pickling, drawing: Any) -> Reduced:
    """``PIL.ImageDraw``: its image has the pixels."""
    if drawing.im is not drawing._image.im:
        return NotImplemented
    state = {name: value for name, value in vars(drawing).items() if name not in ("im", "draw")}
    return make_drawing, (type(drawing), drawing._image, drawing.mode), state, None, None, set_state


def make_drawing(cls: Any, image: Any, mode: str) -> Any:
    made = importlib.import_module("PIL.ImageDraw").ImageDraw(image, mode)
    if cls is not type(made):
        made.__class__ = cls
    return made
