"""The life of a cell as a drawing (SVG) and as a table (Markdown), from the table in ``caesura.wire.life``.

What lives here: where each state stands, and the words beside the arrows. What must not: which arrow leads where; the
code says that. ``tests/unit/packaging/test_docs.py`` compares the two.
"""

from __future__ import annotations

import math
from html import escape

from caesura.wire.life import FINAL, ON_WORKER, SUSPENDED, CellEvent, CellState, transitions

Point = tuple[float, float]
S, E = CellState, CellEvent

PLACES: dict[CellState, Point] = {
    S.QUEUED: (70, 50),
    S.RUNNING: (300, 50),
    S.BLOCKED: (520, 50),
    S.FROZEN: (740, 50),
    S.PREPARED: (940, 50),
    S.HELD: (630, 180),
    S.LOADING: (430, 300),
    S.DUE: (670, 300),
    S.RELEASED: (940, 300),
    S.DONE: (70, 160),
    S.FAILED: (70, 250),
    S.CANCELLED: (70, 330),
}

ARROWS: dict[tuple[CellState, CellEvent], str] = {
    (S.QUEUED, E.START): "a worker begins it",
    (S.RUNNING, E.BLOCK): "nothing can run",
    (S.BLOCKED, E.UNBLOCK): "an answer",
    (S.BLOCKED, E.HOLD): "stay",
    (S.HELD, E.UNBLOCK): "an answer",
    (S.BLOCKED, E.FREEZE): "leave",
    (S.HELD, E.FREEZE): "leave",
    (S.FROZEN, E.PREPARE): "saved",
    (S.FROZEN, E.REFUSE): "not saved",
    (S.PREPARED, E.COMMIT): "the process ends",
    (S.PREPARED, E.REFUSE): "an answer first",
    (S.RELEASED, E.WAKE): "what it waits for has come",
    (S.DUE, E.LOAD): "a worker is free",
    (S.LOADING, E.LOAD_FAILED): "failed, again",
    (S.LOADING, E.LOADED): "loaded",
    (S.RUNNING, E.FINISH): "its end",
    (S.RUNNING, E.FAIL): "an error",
}
"""What is drawn, with the words beside it."""

MEANINGS: dict[CellState, str] = {
    S.QUEUED: "Asked for and recorded; another cell of the notebook runs, or no worker is free.",
    S.RUNNING: "A worker runs it.",
    S.BLOCKED: "All of it waits. Whether it stays or leaves is being decided.",
    S.HELD: "It waits and stays in its process: the policy says so, or something in it cannot be moved.",
    S.FROZEN: "It is being saved. No code of the user runs.",
    S.PREPARED: "The snapshot is on the disk. Whether it counts is being decided.",
    S.RELEASED: "Suspended: it is in the store, and its process has ended.",
    S.DUE: "What it waits for has come; it is to go on as soon as a worker is free.",
    S.LOADING: "A worker loads the snapshot.",
    S.DONE: "Over; the reply was sent. A cell that raised is over too.",
    S.FAILED: "Over because a process or a snapshot was lost. `caesura resume` can go back to a snapshot.",
    S.CANCELLED: "Over because it was interrupted, given up, or aborted.",
}

_BOX: Point = (52, 19)
_WIDTH, _HEIGHT = 1010, 370
_APART = 9
_FILLS = {"worker": "#4c8dff", "none": "#f0a33a", "over": "#8a8f98"}


def svg() -> str:
    """The drawing. Its lines and texts have the colour of the text around it."""
    table = transitions()
    drawn = {(before, table[before, event]) for before, event in ARROWS}
    arrows = []
    for (before, event), words in ARROWS.items():
        after = table[before, event]
        arrows.append(_arrow(PLACES[before], PLACES[after], words, is_pair=(after, before) in drawn))
    boxes = [_box(state, place) for state, place in PLACES.items()]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img" font-family="sans-serif" '
        'font-size="12" aria-label="The states of a cell and the ways between them">\n'
        '<defs><marker id="life-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8Z" fill="currentColor"/></marker></defs>\n'
        + "\n".join([*arrows, *boxes, *_legend()])
        + "\n</svg>"
    )


def _box(state: CellState, place: Point) -> str:
    x, y = place
    return (
        f'<rect x="{x - _BOX[0]}" y="{y - _BOX[1]}" width="{2 * _BOX[0]}" height="{2 * _BOX[1]}" rx="7" '
        f'fill="{_FILLS[_group(state)]}" fill-opacity="0.3" stroke="currentColor"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="currentColor" font-weight="bold">{state}</text>'
    )


def _group(state: CellState) -> str:
    if state in FINAL:
        return "over"
    return "worker" if state in ON_WORKER else "none"


def _arrow(start: Point, end: Point, words: str, *, is_pair: bool) -> str:
    """From the rim of one box to that of another; of two that go to and fro each keeps to its right."""
    length = math.dist(start, end)
    ahead = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    aside = _APART if is_pair else 0
    start, end = ((x - ahead[1] * aside, y + ahead[0] * aside) for x, y in (start, end))
    first, last = _leave(start, ahead), _leave(end, (-ahead[0], -ahead[1]))
    middle = (first[0] + last[0]) / 2, (first[1] + last[1]) / 2
    is_flat = abs(ahead[1]) < 0.1
    below = is_pair and ahead[0] > 0
    label = (middle[0], middle[1] + (15 if below else -6)) if is_flat else (middle[0], middle[1] + 4)
    anchor = "middle"
    if not is_flat:
        is_left = ahead[1] > 0 and (is_pair or not ahead[0])
        label = label[0] + (-8 if is_left else 8), label[1]
        anchor = "end" if is_left else "start"
    return (
        f'<line x1="{first[0]:.0f}" y1="{first[1]:.0f}" x2="{last[0]:.0f}" y2="{last[1]:.0f}" '
        'stroke="currentColor" marker-end="url(#life-tip)"/>'
        f'<text x="{label[0]:.0f}" y="{label[1]:.0f}" text-anchor="{anchor}" fill="currentColor">{escape(words)}</text>'
    )


def _leave(place: Point, ahead: Point) -> Point:
    """Where a line from the middle of a box comes out of it."""
    steps = [size / abs(part) for size, part in zip(_BOX, ahead, strict=True) if part]
    step = min(steps) + 2
    return place[0] + ahead[0] * step, place[1] + ahead[1] * step


def _legend() -> list[str]:
    shown = (("worker", "in a process"), ("none", "no process"), ("over", "over"))
    return [
        f'<rect x="{240 + 150 * at}" y="{_HEIGHT - 24}" width="14" height="14" fill="{_FILLS[group]}" '
        f'fill-opacity="0.3" stroke="currentColor"/>'
        f'<text x="{260 + 150 * at}" y="{_HEIGHT - 12}" fill="currentColor">{words}</text>'
        for at, (group, words) in enumerate(shown)
    ]


def table() -> str:
    """All states with what they mean and every way out of them."""
    ways: dict[CellState, list[str]] = {state: [] for state in CellState}
    for (before, event), after in transitions().items():
        if after is not before:
            ways[before].append(f"{event} → {after}")
    rows = [
        f"| `{state}` | {MEANINGS[state]} | {_process(state)} | {', '.join(ways[state]) or '-'} |"
        for state in CellState
    ]
    head = "| state | meaning | process | events and the state after them |\n|---|---|---|---|\n"
    return head + "\n".join(rows)


def _process(state: CellState) -> str:
    if state in ON_WORKER:
        return "yes"
    return "no" if state in SUSPENDED | FINAL else "not yet"
