"""What a session has imported, the next worker has ready, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from notebooks import Home, until

pytestmark = pytest.mark.process


def test_modules_that_sessions_use_are_imported_beforehand(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    notebook = home.notebook()
    # A package that is installed wherever Caesura is, and that no worker needs.
    cell = notebook.submit("import caesura, sqlalchemy\nawait caesura.event('go')\nprint(sqlalchemy.select(1))")
    notebook.wait_for_state(cell, "released")

    def preloaded() -> bool:
        (zygote,) = home.status()["zygotes"]
        assert zygote["rss_bytes"] > 0
        assert zygote["preload_bytes"] == 300_000_000
        return "sqlalchemy" in zygote["preloaded"]

    until(preloaded, "the zygote has imported it")
    assert home.command("events", "send", "go").returncode == 0
    assert notebook.wait(cell).text == "SELECT 1\n"
    assert "sqlalchemy" in home.command("status").stdout

    other = home.notebook()
    seen = "[name for name in ('sqlalchemy', 'sqlalchemy.sql') if name in __import__('sys').modules]"
    assert other.run(seen).value == "[]"
    assert other.run("import sqlalchemy.sql\n" + seen).value == "['sqlalchemy', 'sqlalchemy.sql']"
    assert other.run("print(sqlalchemy.select(2), sqlalchemy.__spec__.loader.__class__.__name__)").text == (
        "SELECT 2 SourceFileLoader\n"
    )


def test_nothing_is_imported_beforehand_if_there_is_no_memory_for_it(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_PRELOAD_MB="0")
    notebook = home.notebook()
    cell = notebook.submit("import caesura, sqlalchemy\nawait caesura.event('go')")
    notebook.wait_for_state(cell, "released")
    assert home.command("events", "send", "go").returncode == 0
    assert notebook.wait(cell).error is None
    (zygote,) = home.status()["zygotes"]
    assert (zygote["preload_bytes"], zygote["preloaded"], zygote["refused"]) == (0, [], {})
