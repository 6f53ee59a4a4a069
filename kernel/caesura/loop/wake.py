"""Conditions under which a session goes on, put together in their shortest form.

What lives here: the two constructors that the analysis of a block uses. What must not: asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable

from caesura.model import AllOf, AnyOf, AtTime, OnOp, Wake

NEVER = AnyOf(())
"""The condition that nothing outside the session can bring about."""


def any_of(parts: Iterable[Wake]) -> Wake:
    """The first of ``parts``: flat, without doubles, with one time only (the earliest)."""
    kept: dict[Wake, None] = {}
    earliest: float | None = None
    for part in parts:
        for leaf in part.parts if isinstance(part, AnyOf) else (part,):
            if isinstance(leaf, AtTime):
                earliest = leaf.due if earliest is None else min(earliest, leaf.due)
            else:
                kept[leaf] = None
    flat = [*kept] if earliest is None else [*kept, AtTime(earliest)]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def all_of(parts: Iterable[Wake], *, fail_fast: bool = False) -> Wake:
    """All of ``parts``, or with ``fail_fast`` the first operation among them that fails.

    Flat (a condition of the same kind inside is the same as its parts here), with one time only (the latest). With a
    part that never comes true, what is left is the failure of an operation, or nothing.
    """
    kept: dict[Wake, None] = {}
    latest: float | None = None
    is_possible = True
    for part in parts:
        same = isinstance(part, AllOf) and part.fail_fast == fail_fast
        for leaf in part.parts if isinstance(part, AllOf) and same else (part,):
            if leaf == NEVER:
                is_possible = False
            elif isinstance(leaf, AtTime):
                latest = leaf.due if latest is None else max(latest, leaf.due)
            else:
                kept[leaf] = None
    if not is_possible:
        failing = tuple(leaf for leaf in kept if isinstance(leaf, OnOp)) if fail_fast else ()
        return AllOf((*failing, NEVER), fail_fast=True) if failing else NEVER
    flat = [*kept] if latest is None else [*kept, AtTime(latest)]
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat), fail_fast=fail_fast)
