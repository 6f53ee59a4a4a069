"""What the description of the interface says is what is served."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from caesura_server.actions import CELL_ACTIONS

Fetch = Callable[..., Any]


async def description(jp_fetch: Fetch) -> dict[str, Any]:
    return dict(json.loads((await jp_fetch("caesura", "api", "openapi.json")).body))


async def test_every_route_and_method_is_described_and_nothing_else(jp_fetch: Fetch, jp_serverapp: Any) -> None:
    app = next(iter(jp_serverapp.extension_manager.extension_apps["caesura_server"]))
    described = {
        (re.sub(r"\{\w+\}", "X", path), method)
        for path, item in (await description(jp_fetch))["paths"].items()
        for method in item
        if method != "parameters"
    }
    served = set()
    for pattern, handler, *_ in app.handlers:
        path = re.sub(r"\([^?].*?\)(?=/|$)", "X", pattern.replace("(?:/api)?", "/api"))
        if path.startswith("/caesura/"):
            own = [base for base in handler.__mro__ if base.__module__.startswith("caesura_server")]
            served |= {(path, verb) for verb in ("get", "post", "delete") if any(verb in vars(base) for base in own)}
    served.discard(("/caesura/api/sessions/X", "get"))  # inherited from the list of all
    assert served == described


async def test_it_has_the_form_of_openapi(jp_fetch: Fetch) -> None:
    found = await description(jp_fetch)
    assert found["openapi"].startswith("3.1")
    for path, item in found["paths"].items():
        named = set(re.findall(r"\{(\w+)\}", path))
        assert {each["name"] for each in item.get("parameters", [])} == named
        for method, operation in item.items():
            if method != "parameters":
                assert operation["summary"]
                assert {"200", "400", "403", "503"} <= set(operation["responses"])


async def test_the_actions_on_cells_are_those_that_are_described(jp_fetch: Fetch) -> None:
    item = (await description(jp_fetch))["paths"]["/caesura/api/cells/{cell_id}/{action}"]
    assert item["parameters"][1]["schema"]["enum"] == list(CELL_ACTIONS)
