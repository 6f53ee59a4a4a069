"""One JupyterLab and one browser for all tests of the panel; each test has its own notebooks."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lab as lab_module
import pytest
from lab import Lab, Page

from jupyter_servers import TOKEN
from notebooks import Home


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if reason := lab_module.why_not():
        pytest.skip(reason)
    home = Home(tmp_path_factory.mktemp("lab") / "caesura", CAESURA_WORKERS="2", CAESURA_POLICY="always")
    lab = Lab(home)
    try:
        yield lab
    finally:
        lab.stop()
        home.close()


@pytest.fixture(scope="session")
def browser(lab: Lab) -> Iterator[Any]:
    with lab_module.browser() as browser:
        yield browser


@pytest.fixture
def page(lab: Lab, browser: Any) -> Iterator[Callable[..., Page]]:
    """Opens tabs; at the end no page has raised an error, and no kernel is left."""
    opened: list[Page] = []

    def open_page(notebook: str = "", **size: int) -> Page:
        made = Page(browser, lab, **size)
        opened.append(made)
        return made.open(notebook)

    yield open_page
    for each in opened:
        each.close()
    for session in ask(lab, "GET", "api/sessions"):
        ask(lab, "DELETE", f"api/sessions/{session['id']}")
    assert [error for each in opened for error in each.errors] == []


def ask(lab: Lab, method: str, path: str) -> Any:
    request = urllib.request.Request(lab.url + path, headers={"Authorization": f"token {TOKEN}"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Keeps a screenshot where ``CAESURA_PICTURES`` says, if it does."""
    folder: Path | None = lab_module.pictures()

    def take(page: Page, name: str) -> None:
        if folder is not None:
            page.picture(folder / f"{name}.png")

    return take
