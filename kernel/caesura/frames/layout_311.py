"""CPython 3.11: where the fields of a generator and its frame stand.

Sources: ``struct _PyInterpreterFrame`` and ``enum _framestate`` in
https://github.com/python/cpython/blob/3.11/Include/internal/pycore_frame.h, ``_PyGenObject_HEAD`` in
https://github.com/python/cpython/blob/3.11/Include/cpython/genobject.h, ``_PyCode_DEF`` in
https://github.com/python/cpython/blob/3.11/Include/cpython/code.h.
"""

from __future__ import annotations

from typing import Final

from caesura.frames.plain_slots import PlainSlots
from caesura.frames.shape import Layout

LAYOUT: Final = Layout(
    minor=(3, 11),
    slots=PlainSlots(),
    name=32,
    exc_value=48,
    hooks_inited=72,
    closed=73,
    running_async=74,
    frame_state=75,
    frame=80,
    code=32,
    function=0,
    globals=8,
    builtins=16,
    locals=24,
    frame_object=40,
    instruction=56,
    stacktop=64,
    owner=69,
    localsplus=72,
    co_nlocalsplus=76,
    co_code=184,
    created=-2,
    suspended=-1,
    suspended_awaiting=-1,
    executing=0,
    finished=1,
    stacktop_is_pointer=False,
    announced={},
    instruction_behind=2,
)
