"""CPython 3.13: where the fields of a generator and its frame stand.

Sources: ``struct _PyInterpreterFrame`` and ``enum _framestate`` in
https://github.com/python/cpython/blob/3.13/Include/internal/pycore_frame.h, ``_PyGenObject_HEAD`` in
https://github.com/python/cpython/blob/3.13/Include/cpython/genobject.h, ``_PyCode_DEF`` in
https://github.com/python/cpython/blob/3.13/Include/cpython/code.h.
"""

from __future__ import annotations

from typing import Final

from caesura.frames.plain_slots import PlainSlots
from caesura.frames.shape import Layout

LAYOUT: Final = Layout(
    minor=(3, 13),
    slots=PlainSlots(),
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
    owner=70,
    localsplus=72,
    co_nlocalsplus=72,
    co_code=200,
    created=-3,
    suspended=-2,
    suspended_awaiting=-1,
    executing=0,
    finished=1,
    stacktop_is_pointer=False,
    announced={"code": 30, "instruction": 31, "localsplus": 32, "owner": 33, "co_code": 43},
    instruction_behind=0,
)
