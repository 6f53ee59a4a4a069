"""What a server tells others of cells: events for its listeners, numbers for Prometheus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import pytest
from jupyter_events.schema import EventSchema
from prometheus_client.parser import text_string_to_metric_families
from tornado.websocket import WebSocketClientConnection

from caesura.config import read_connection
from caesura_server.emitting import schema_id
from caesura_server.happenings import What
from notebooks import DEADLINE_S, Home, Notebook, until

Fetch = Callable[..., Any]
Connect = Callable[..., Awaitable[WebSocketClientConnection]]


@pytest.fixture
def notebook(home: Home) -> Notebook:
    """A kernel, started before the loop of the test runs, which jupyter_client's blocking ways do not stand."""
    return home.notebook(CAESURA_POLICY="always")


async def metrics(jp_fetch: Fetch) -> dict[str, float]:
    """Ours: each with its labels' values, by name."""
    text = (await jp_fetch("metrics")).body.decode()
    return {
        "/".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("caesura_") and not sample.name.endswith(("_bucket", "_created"))
    }


@pytest.mark.parametrize("what", list(What))
def test_each_schema_is_one_of_jupyters_and_names_all_that_it_holds(what: What) -> None:
    text = files("caesura_server").joinpath("event_schemas", f"cell-{what}.yaml").read_text()
    schema = EventSchema(text)
    assert schema.id == schema_id(what)
    assert set(schema._schema["required"]) == set(schema._schema["properties"])


async def test_without_a_coordinator_all_is_zero_and_none_is_started(jp_fetch: Fetch, home: Home) -> None:
    found = await metrics(jp_fetch)
    assert found["caesura_coordinator_up"] == 0
    assert "caesura_cells/waiting" in found
    assert set(found.values()) == {0.0}
    assert not home.path.exists()


@pytest.mark.process
async def test_a_cell_that_moves_is_told_to_listeners_and_counted(
    jp_ws_fetch: Connect, jp_fetch: Fetch, home: Home, notebook: Notebook
) -> None:
    websocket = await jp_ws_fetch("api", "events", "subscribe")

    async def next_of_ours() -> dict[str, Any]:
        while True:
            event = json.loads(str(await asyncio.wait_for(websocket.read_message(), DEADLINE_S)))
            if event["schema_id"].startswith("urn:caesura:"):
                return dict(event)

    cell = notebook.submit("import caesura\nprint(await caesura.event('go'))")
    away = await next_of_ours()
    assert away["schema_id"] == schema_id(What.SUSPENDED)
    assert (away["cell_id"], away["kind"], away["moves"]) == (cell, "notebook", 1)
    assert [wait["key"] for wait in away["waits"]] == ["event:go"]
    assert away["snapshot_bytes"] > 0
    assert away["save_seconds"] > 0
    found = await metrics(jp_fetch)
    assert found["caesura_coordinator_up"] == found["caesura_pool_workers"] == 1
    assert (found["caesura_cells/waiting"], found["caesura_cells/running"]) == (1, 0)
    assert (found["caesura_suspensions_total"], found["caesura_resumptions_total"]) == (1, 0)
    assert found["caesura_suspend_seconds_count"] == 1
    saved_s = found["caesura_worker_seconds_saved_total"]
    await asyncio.to_thread(home.request, "send_event", name="go", value=1)
    back, over = await next_of_ours(), await next_of_ours()
    assert [back["schema_id"], over["schema_id"]] == [schema_id(What.RESUMED), schema_id(What.DONE)]
    assert back["load_seconds"] > 0
    assert (over["state"], over["moves"]) == ("done", 1)
    found = await metrics(jp_fetch)
    assert (found["caesura_cells/waiting"], found["caesura_resumptions_total"]) == (0, 1)
    assert found["caesura_resume_seconds_count"] == 1
    assert found["caesura_worker_seconds_saved_total"] >= saved_s
    websocket.close()


@pytest.mark.process
async def test_the_next_coordinator_is_followed_too(jp_fetch: Fetch, home: Home, started: Callable[[], None]) -> None:
    async def until_up(value: float) -> None:
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while (await metrics(jp_fetch))["caesura_coordinator_up"] != value:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.1)

    for _ in range(2):
        await asyncio.to_thread(started)
        await until_up(1)
        await asyncio.to_thread(home.request, "stop")
        await until_up(0)
        await asyncio.to_thread(until, lambda: read_connection(home.path) is None, "the coordinator has ended")
