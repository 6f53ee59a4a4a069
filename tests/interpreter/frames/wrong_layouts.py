"""Run in a process of its own: give the self-check layouts that are wrong in one number, and print what it finds.

One line of JSON: the name and shift of each wrong number with the difference that was found, or null.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

from caesura.frames.check import first_difference, verdict
from caesura.frames.shape import Layout

# The first state of an ended frame is seen only between two instructions; the check knows its bounds.
UNSEEN = {"minor", "slots", "finished"}


def difference(right: Layout, name: str, by: int) -> str | None:
    try:
        return first_difference(dataclasses.replace(right, **{name: wrong(getattr(right, name), by)}))
    except Exception as error:  # verdict() turns these into a reason too
        return f"{type(error).__name__}: {error}"


def wrong(value: Any, by: int) -> Any:
    if isinstance(value, Mapping):
        return {key: word + by for key, word in value.items()} or {"code": by}
    return not value if isinstance(value, bool) else value + by


def main() -> None:
    right = verdict()
    if not isinstance(right, Layout):
        sys.exit(right)
    names = [field.name for field in dataclasses.fields(Layout) if field.init and field.name not in UNSEEN]
    found = []
    for name in names:
        for by in (-8, -1, 1, 8):
            found.append((name, by, difference(right, name, by)))
    sys.stdout.write(json.dumps(found))


main()
