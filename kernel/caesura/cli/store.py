"""The subcommand `store`: how full it is, and collecting now."""

from __future__ import annotations

from typing import Any

from caesura.cli.context import Context
from caesura.cli.text import age, size

Json = dict[str, Any]


def store(context: Context) -> int:
    return _show(context, context.tell("store"))


def collect(context: Context) -> int:
    return _show(context, context.tell("store", collect=True))


def _show(context: Context, found: Json) -> int:
    context.give(found)
    quota, max_age_s = found["quota_bytes"], found["max_age_s"]
    lines = [
        f"store      {found['directory']}",
        f"on disk    {size(found['bytes'])} in {found['blobs']} files, {size(found['live_bytes'])} of it needed",
        f"snapshots  {found['snapshots']}, of {size(found['snapshot_bytes'])} in all; "
        f"{found['shared_fraction']:.0%} of that is shared or was stored before",
        f"quota      {size(quota) if quota is not None else 'none (Caesura.store_quota_mb)'}",
        f"kept for   {age(max_age_s) if max_age_s is not None else 'ever (Caesura.store_max_age_h)'}",
        f"disk       {size(found['free_bytes'])} free, of which {size(found['reserve_bytes'])} are left alone",
    ]
    if found["collected_at"] is not None:
        ago = age(context.now - found["collected_at"])
        lines.append(f"collected  {ago} ago: {size(found['freed_bytes'])} freed")
    context.say(lines)
    return 0
