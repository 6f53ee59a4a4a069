"""A cell for which the store has no room is held, says so, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from notebooks import Home

pytestmark = pytest.mark.process


def test_a_cell_that_does_not_fit_under_the_quota_is_held_and_goes_on(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_STORE_QUOTA_MB="2")
    notebook = home.notebook()
    notebook.run("import caesura, os")
    cell = notebook.submit(
        "large = os.urandom(3_000_000)\n"
        "before = os.getpid()\n"
        "answer = await caesura.event('go')\n"
        "print(answer, len(large), before == os.getpid())"
    )
    held = notebook.wait_for_state(cell, "held")
    assert "the store" in held["reason"]
    assert "the quota leaves" in held["reason"]
    assert home.command("events", "send", "go", "--json", "7").returncode == 0
    assert notebook.wait(cell).text == "7 3000000 True\n"

    small = notebook.submit("large = os.urandom(300_000)\nprint(await caesura.event('again'))")
    notebook.wait_for_state(small, "released")
    told = json.loads(home.command("store", "collect", "--json").stdout)
    assert told["quota_bytes"] == 2_000_000
    assert 0 < told["live_bytes"] <= told["bytes"] < 2_000_000
    assert home.command("events", "send", "again", "--json", "8").returncode == 0
    assert notebook.wait(small).text == "8\n"
