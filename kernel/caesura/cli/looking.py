"""The subcommands that only look: status, cells, cell, events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caesura.cli.context import Context
from caesura.cli.text import age, one_line, short_ids, size, table

Json = dict[str, Any]

_NOTHING: Json = {"coordinator": None, "workers": [], "sessions": [], "cells": []}
_HELD = ("held", "failed", "cancelled", "queued", "due")


def status(context: Context) -> int:
    found = context.ask_or(_NOTHING, "status")
    context.give(found)
    if found["coordinator"] is None:
        context.say(
            f"No coordinator runs for the home {context.home}. "
            "It starts with the first kernel, or with `caesura start`."
        )
        return 0
    context.say(_coordinator(context, found["coordinator"]))
    if found.get("zygotes"):
        context.say(["", *_zygotes(found["zygotes"])])
    if found["workers"]:
        context.say(["", *_workers(context, found["workers"])])
    if found["sessions"]:
        context.say(["", *_sessions(found["sessions"])])
    if found["cells"]:
        context.say(["", *_cells(context, found["cells"])])
    return 0


def _coordinator(context: Context, coordinator: Json) -> list[str]:
    return [
        f"coordinator  pid {coordinator['pid']}, version {coordinator['version']}, "
        f"up {age(context.now - coordinator['started'])}",
        f"pool         {coordinator['workers']} workers, policy {coordinator['policy']}",
        f"home         {coordinator['home']}",
    ]


def _zygotes(zygotes: Sequence[Json]) -> list[str]:
    rows = [
        (
            zygote["pid"],
            size(zygote["rss_bytes"]),
            size(zygote["preload_bytes"]),
            ", ".join(zygote["preloaded"]) or "-",
            zygote["environment"],
        )
        for zygote in zygotes
    ]
    return table(("ZYGOTE", "MEMORY", "FOR IMPORTS", "IMPORTED", "ENVIRONMENT"), rows)


def _workers(context: Context, workers: Sequence[Json]) -> list[str]:
    rows = [
        (
            worker["pid"] or "-",
            worker["state"],
            age(context.now - worker["since"]),
            size(worker["rss_bytes"]),
            (worker["session_id"] or "-")[:12],
        )
        for worker in workers
    ]
    return table(("WORKER", "STATE", "FOR", "MEMORY", "SESSION"), rows)


def _sessions(sessions: Sequence[Json]) -> list[str]:
    rows = [
        (
            session["session_id"][:12],
            session["kind"],
            session["state"],
            session["epoch"],
            session["worker_pid"] or "-",
            session["cells"],
            (session["name"] or session["environment"] or "-") + (" (detached)" if session["detached"] else ""),
        )
        for session in sessions
    ]
    return table(("SESSION", "KIND", "STATE", "EPOCH", "WORKER", "CELLS", "NAME"), rows)


def _cells(context: Context, cells: Sequence[Json]) -> list[str]:
    """A table, with the reason of each cell that stays where it is under its row."""
    short = short_ids([cell["cell_id"] for cell in cells])
    rows = [
        (
            short[cell["cell_id"]],
            cell["state"],
            age(context.now - cell["since"]) if cell["since"] else "-",
            cell["moves"],
            cell["worker_pid"] or "-",
            _waits(cell["waits"]),
            one_line(cell["code"]),
        )
        for cell in cells
    ]
    head, *lines = table(("CELL", "STATE", "FOR", "MOVES", "WORKER", "WAITS FOR", "CODE"), rows)
    shown = [head]
    for cell, line in zip(cells, lines, strict=True):
        shown.append(line)
        if cell["reason"] and cell["state"] in _HELD:
            shown.extend(f"    {part}" for part in cell["reason"].splitlines())
    return shown


def _waits(waits: Sequence[Json]) -> str:
    names = [wait["label"] or wait["key"] for wait in waits]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(one_line(name, 32) for name in names[:2]) + more or "-"


def cells(context: Context) -> int:
    found = context.ask_or([], "cells")
    context.give(found)
    context.say(_cells(context, found) if found else "No cells.")
    return 0


def cell(context: Context) -> int:
    cell_id = context.cell_id(context.options.cell)
    found = context.ask("cell", id=cell_id)
    moves = context.ask("moves", cell_id=found["cell_id"])
    decisions = context.ask("decisions", cell_id=found["cell_id"])
    context.give({**found, "all_moves": moves, "decisions": decisions})
    facts = [
        ("cell", found["cell_id"]),
        ("session", found["session_id"]),
        ("state", f"{found['state']} for {age(context.now - found['since'])}" if found["since"] else found["state"]),
        ("policy", found["policy"]),
        ("worker", found["worker_pid"] or "-"),
        ("snapshot", size(found["snapshot_bytes"])),
        ("reason", found["reason"] or "-"),
    ]
    context.say([f"{name:<10}{value}" for name, value in facts])
    for wait in found["waits"]:
        ends = f", ends in {age(wait['due'] - context.now)}" if wait["due"] else ""
        context.say(f"{'waits for':<10}{wait['label'] or wait['key']} since {age(context.now - wait['since'])}{ends}")
    if found["code"]:
        context.say(["", *(f"    {line}" for line in found["code"].splitlines())])
    if moves:
        context.say(["", *_moves(moves)])
    if decisions:
        context.say(["", *_decisions(context, decisions)])
    return 0


def _moves(moves: Sequence[Json]) -> list[str]:
    rows = [
        (
            number,
            move["from_pid"],
            move["to_pid"] or "-",
            _waits(move["waited_for"]),
            age(move["resumed_at"] - move["suspended_at"]) if move["resumed_at"] else "still away",
            size(move["size_bytes"]),
            _milliseconds(move["save_s"]),
            _milliseconds(move["load_s"]),
        )
        for number, move in enumerate(moves, 1)
    ]
    return table(("MOVE", "FROM", "TO", "WAITED FOR", "AWAY", "SIZE", "SAVE", "LOAD"), rows)


def _decisions(context: Context, decisions: Sequence[Json]) -> list[str]:
    rows = [
        (
            f"{age(context.now - decision['at'])} ago",
            decision["action"],
            _seconds(decision["predicted_mean"]),
            _seconds(decision["threshold_s"]),
            _seconds(decision["actual_s"]),
            decision["reason"],
        )
        for decision in decisions
    ]
    return table(("DECIDED", "ACTION", "PREDICTED", "THRESHOLD", "ACTUAL", "REASON"), rows)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3g} s"


def events(context: Context) -> int:
    found = context.ask_or([], "events")
    context.give(found)
    if not found:
        context.say("No cell waits for an event.")
        return 0
    short = short_ids(list(dict.fromkeys(event["cell_id"] for event in found)))
    rows = [(event["name"], age(context.now - event["since"]), short[event["cell_id"]]) for event in found]
    context.say(table(("EVENT", "WAITED FOR SINCE", "CELL"), rows))
    return 0


def why(context: Context) -> int:
    found = context.ask_or([], "why", of=context.options.of)
    context.give(found)
    if not found:
        context.say("No notebook is open.")
    for session in found:
        context.say(_reasons(session, with_variables=context.options.variables))
    return 0


def _reasons(session: Json, *, with_variables: bool) -> list[str]:
    name = session["name"] or session["session_id"]
    if session["obstacles"]:
        lines = [f"{name} is held by", *_obstacles(session["obstacles"])]
    elif session["cell_state"] == "held":
        lines = [f"{name} stays where it is: {session['reason']}"]
    elif session["cell_id"] is not None:
        lines = [f"{name}: nothing holds it; its cell is {session['cell_state']}"]
    else:
        lines = [f"{name}: nothing holds it; no cell runs"]
    if with_variables:
        if session["variables"]:
            lines += ["variables that would hold it:", *_obstacles(session["variables"])]
        else:
            lines.append("no variable is known that would hold it")
        if session["variables_waiting"]:
            lines.append(
                f"{session['variables_waiting']} variables have not been looked at; that goes on at the next cell"
            )
    return lines


def _obstacles(obstacles: Sequence[Json]) -> list[str]:
    lines = []
    for obstacle in obstacles:
        way = " → ".join(filter(None, (obstacle["path"], obstacle["kind"])))
        lines.append(f"  {way} ({obstacle['detail']})" if obstacle["detail"] else f"  {way}")
        if obstacle["remedy"]:
            lines.append(f"      {obstacle['remedy']}")
    return lines
