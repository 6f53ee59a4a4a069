"""CPython 3.14: where the fields of a generator and its frame stand.

Sources: ``struct _PyInterpreterFrame``, ``_PyGenObject_HEAD`` and ``enum _framestate`` in
https://github.com/python/cpython/blob/3.14/Include/internal/pycore_interpframe_structs.h, ``_PyCode_DEF`` in
https://github.com/python/cpython/blob/3.14/Include/cpython/code.h.
"""

from __future__ import annotations

from typing import Final

from caesura.frames.shape import Layout
from caesura.frames.tagged_slots import TaggedSlots

LAYOUT: Final = Layout(
    minor=(3, 14),
    slots=TaggedSlots(),
    name=24,
    exc_value=40,
    hooks_inited=64,
    closed=65,
    running_async=66,
    frame_state=67,
    frame=72,
    code=0,
    function=16,
    globals=24,
    builtins=32,
    locals=40,
    frame_object=48,
    instruction=56,
    stacktop=64,
    owner=74,
    localsplus=80,
    co_nlocalsplus=72,
    co_code=208,
    created=-3,
    suspended=-2,
    suspended_awaiting=-1,
    executing=0,
    finished=1,
    stacktop_is_pointer=True,
    announced={
        "code": 33,
        "instruction": 34,
        "localsplus": 35,
        "owner": 36,
        "stacktop": 37,
        "co_code": 48,
        "name": 84,
        "frame": 85,
        "frame_state": 86,
    },
    instruction_behind=0,
)
