"""JupyterLab in a process of its own, with our panel, on a home with its own coordinator, seen through a browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jupyter_servers import TOKEN, options_of_server
from notebooks import DEADLINE_S, Home, until

PROJECT = Path(__file__).parents[2]
BUILT = PROJECT / "extension" / "caesura_server" / "labextension"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def why_not() -> str:
    """Why no browser test can run here; empty if they can."""
    if CHROMIUM is None:
        return "Chromium is not installed"
    if not (BUILT / "package.json").is_file():
        return "the panel is not built (make panel)"
    for module in ("playwright", "jupyterlab"):
        try:
            __import__(module)
        except ImportError:
            return f"{module} is not installed"
    return ""


class Lab:
    """One server over the notebooks in ``home.path.parent / "notes"``."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._folder = home.path.parent
        self.notes = self._folder / "notes"
        self.notes.mkdir()
        share = self._folder / "share"
        (share / "labextensions" / "@caesura").mkdir(parents=True)
        (share / "labextensions" / "@caesura" / "labextension").symlink_to(BUILT, target_is_directory=True)
        (share / "kernels").symlink_to(home.kernelspec(sys.executable), target_is_directory=True)
        self._share = share
        self.setting("@jupyterlab/apputils-extension", "notification", fetchNews="false", checkForUpdates=False)
        self.start()

    def setting(self, package: str, plugin: str, **values: object) -> None:
        """As the settings editor would write it."""
        path = self._folder / "settings" / package / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def start(self) -> None:
        runtime = self._folder / f"runtime-{uuid.uuid4().hex[:6]}"
        environ = {
            **self.home.environ(),
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(self._folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(self._folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._folder / "workspaces"),
            "JUPYTER_PATH": str(self._share),
        }
        options = [
            *options_of_server(self.notes),
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        with (self._folder / "server.log").open("a") as log:
            command = [sys.executable, "-m", "jupyterlab", *options]
            self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=log)
        self._runtime = runtime
        self.url = until(self._where, f"the server runs; {self.log()[-3000:]}")

    def _where(self) -> str | None:
        assert self.process.poll() is None, self.log()
        for path in self._runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, urllib.error.URLError, ConnectionError):
                url = str(json.loads(path.read_text())["url"])
                request = urllib.request.Request(url + "api", headers={"Authorization": f"token {TOKEN}"})
                with urllib.request.urlopen(request, timeout=DEADLINE_S):
                    return url
        return None

    def log(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")

    def notebook(self, name: str, *cells: str, policy: str = "always") -> str:
        """Write a notebook, whose first cell sets nothing: the policy is that of the home. Its name."""
        made = [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ]
        kernel = {"name": "caesura-test", "display_name": "Caesura under test", "language": "python"}
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.notes / name).write_text(json.dumps(notebook))
        return name

    def outputs(self, name: str) -> list[str]:
        """The text of each cell's outputs in the file."""
        notebook = json.loads((self.notes / name).read_text())
        return ["".join("".join(each.get("text", "")) for each in cell["outputs"]) for cell in notebook["cells"]]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Page:
    """A tab with JupyterLab and one notebook; Playwright's page is ``at``."""

    def __init__(self, browser: Any, lab: Lab, width: int = 1200, height: int = 720) -> None:
        self._lab = lab
        self.at = browser.new_page(viewport={"width": width, "height": height})
        self.at.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.at.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, notebook: str = "") -> Page:
        path = f"/tree/{notebook}" if notebook else ""
        workspace = uuid.uuid4().hex[:8]
        self.at.goto(f"{self._lab.url}lab/workspaces/{workspace}{path}?token={TOKEN}&reset")
        self.at.wait_for_selector("#jp-main-dock-panel")
        if notebook:
            self.at.wait_for_selector(".jp-NotebookPanel .jp-Cell")
            self.idle()
        return self

    def idle(self) -> None:
        """Until the notebook's kernel answers."""
        self.at.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def show_panel(self) -> Any:
        if not self.panel.is_visible():
            self.at.locator(".jp-SideBar li[data-id='caesura-panel']").click()
        self.panel.wait_for(state="visible")
        return self.panel

    @property
    def panel(self) -> Any:
        return self.at.locator("#caesura-panel")

    def cell(self, number: int) -> Any:
        return self.at.locator(".jp-NotebookPanel .jp-CodeCell").nth(number)

    def run(self, number: int) -> None:
        """Run a cell, and wait until its prompt says so."""
        self.at.evaluate(
            "n => { const book = jupyterapp.shell.currentWidget.content; book.activeCellIndex = n;"
            " void jupyterapp.commands.execute('notebook:run-cell'); }",
            number,
        )

    def command(self, name: str) -> None:
        self.at.evaluate("name => void jupyterapp.commands.execute(name)", name)

    def line(self, text: str | re.Pattern[str] = "") -> Any:
        """A cell's line in the panel."""
        return self.panel.locator(".jp-Caesura-cellLine").filter(has_text=text)

    def picture(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.at.screenshot(path=str(path))

    def close(self) -> None:
        self.at.close()


@contextlib.contextmanager
def browser(arguments: Sequence[str] = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(arguments))
        try:
            yield opened
        finally:
            opened.close()


def pictures() -> Path | None:
    """Where screenshots are wanted (``CAESURA_PICTURES``); None if they are not."""
    wanted = os.environ.get("CAESURA_PICTURES")
    return Path(wanted) if wanted else None
