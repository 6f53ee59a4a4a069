"""What of other projects' test-suites cannot pass with this kernel, as Markdown, from ``tests/suites/suites.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_SUITES = Path(__file__).parents[2] / "tests" / "suites" / "suites.toml"


def markdown() -> str:
    """A list of exceptions, and of what is left out, for each suite."""
    return "\n\n".join(_suite(name, about) for name, about in tomllib.loads(_SUITES.read_text()).items())


def _suite(name: str, about: dict[str, Any]) -> str:
    lines = [f"**{name}**", ""]
    lines += [f"- `{each['test']}`{_only(each)}: {each['reason']}" for each in about.get("exceptions", ())]
    for each in about.get("left_out", ()):
        files = ", ".join(f"`{path}`" for path in each["files"])
        lines.append(f"- left out: {files}. {each['reason']}")
    if len(lines) == 2:
        lines.append("- everything passes")
    return "\n".join(lines)


def _only(each: dict[str, Any]) -> str:
    policies = each.get("policies", ())
    return f" (with {', '.join(f'`{policy}`' for policy in policies)})" if policies else ""
