"""Does the layout hold on this very interpreter? Asked once; see ``probes.py`` for what is asked."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig

from caesura.frames.layout import choose, is_jit_on, refuse_platform, running_minor
from caesura.frames.probes import PROBES
from caesura.frames.shape import Layout


@functools.cache
def verdict() -> Layout | str:
    """The layout, proven on this interpreter, or why there is none, in words for the user."""
    refused = refuse_platform(sys.implementation.name, sys.maxsize)
    if refused is not None:
        return refused
    config = sysconfig.get_config_vars()
    jit = is_jit_on(getattr(sys, "_jit", None), config, os.environ)
    layout = choose(running_minor(), config, is_jit_on=jit)
    if isinstance(layout, str):
        return layout
    try:
        return first_difference(layout) or layout
    except Exception as error:  # noqa: BLE001 - whatever a probe raises means that the layout is not the known one
        return f"the self-check of the layout of frames failed with {type(error).__name__}: {error}"


def first_difference(layout: Layout) -> str | None:
    """What is not as ``layout`` says, or None."""
    for probe in PROBES:
        for name, is_right in probe(layout):
            if not is_right:
                minor = f"{layout.minor[0]}.{layout.minor[1]}"
                return f"this build of CPython {minor} differs from the known layout of frames in its {name}"
    return None
