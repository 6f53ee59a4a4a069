"""JupyterLab's panel as a user sees it: a real server, a real coordinator, real kernels, headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from lab import PROJECT, Lab, Page

from notebooks import until

pytestmark = [pytest.mark.process, pytest.mark.slow]

OpenPage = Callable[..., Page]
Picture = Callable[[Page, str], None]

APPROVAL = """\
answer = await caesura.event("approval", schema={
    "type": "object",
    "required": ["approved"],
    "properties": {
        "approved": {"type": "boolean", "title": "Approved"},
        "comment": {"type": "string", "title": "Comment", "minLength": 3},
    },
})
print(answer)"""

FAN_OUT = """\
import asyncio, caesura, time

@caesura.remote
def score(n):
    time.sleep(seconds)
    return n * n
"""


def test_before_the_first_notebook_it_says_what_starts_the_coordinator(page: OpenPage, picture: Picture) -> None:
    tab = page()
    panel = tab.show_panel()
    panel.get_by_text("No coordinator runs").wait_for()
    picture(tab, "panel-nobody")
    panel.get_by_role("button", name="Look again").click()
    panel.get_by_text("No coordinator runs").wait_for()


def test_a_cell_is_seen_suspended_and_resumed_and_its_hop_is_listed(lab: Lab, page: OpenPage, picture: Picture) -> None:
    name = lab.notebook(
        "report.ipynb", "seconds = 6", FAN_OUT, "scores = await asyncio.gather(*map(score, range(3)))\nprint(scores)"
    )
    tab = page(name)
    tab.show_panel().get_by_text("report.ipynb").wait_for()
    for number in range(3):
        tab.run(number)
    line = tab.line("asyncio.gather")
    line.locator("[data-phase=suspended]").wait_for()
    assert "3 × score()" in line.inner_text()
    badge = tab.cell(2).locator(".jp-Caesura-waitLine")
    badge.wait_for()
    tab.at.locator(".jp-Caesura-status", has_text="1 waiting").wait_for()
    picture(tab, "panel-suspended")
    tab.panel.get_by_role("tab", name="Workers").click()
    tab.panel.get_by_role("row").nth(1).wait_for()
    picture(tab, "panel-workers")
    tab.panel.get_by_role("tab", name="Cells").click()
    line.get_by_role("button", name="Details").click()
    detail = tab.panel.locator(".jp-Caesura-detail")
    detail.get_by_text("Hops between processes").wait_for()
    assert detail.locator(".jp-Caesura-calls > li").count() == 3
    picture(tab, "panel-detail")
    tab.cell(2).get_by_text("[0, 1, 4]").wait_for()
    badge.wait_for(state="detached")
    until(lambda: detail.locator(".jp-Caesura-chip").first.inner_text() == "done" or tab.at.wait_for_timeout(100), "")
    detail.locator(".jp-Caesura-hops").get_by_text(re.compile(r"\d+ → \d+")).first.wait_for()
    picture(tab, "panel-resumed")
    detail.get_by_role("button", name="Back to the list").click()
    tab.line("asyncio.gather").wait_for(state="detached")
    tab.panel.get_by_label("Which cells are shown").select_option("ended")
    tab.line("asyncio.gather").wait_for()
    tab.panel.get_by_label("Search cells").fill("nothing like it")
    tab.panel.get_by_text("No cell fits").wait_for()


def test_the_frames_of_a_suspended_cell_are_shown_with_their_variables(
    lab: Lab, page: OpenPage, picture: Picture
) -> None:
    fetching = """\
async def fetch_all(wanted, token):
    sizes = {"rows": 3, "columns": [1, 2]}
    return await asyncio.gather(*(caesura.event("go") for _ in wanted))
"""
    name = lab.notebook("frames.ipynb", "import asyncio, caesura", fetching, "await fetch_all(range(3), 'abc')")
    tab = page(name)
    tab.show_panel()
    for number in range(3):
        tab.run(number)
    line = tab.line("fetch_all")
    line.get_by_text("cell [3] → fetch_all() line 3 → gather 0/3 → 3 × event 'go'").wait_for()
    indicator = tab.at.locator(".jp-NotebookPanel .jp-Caesura-indicator[data-state=waiting]")
    assert "fetch_all() line 3" in indicator.get_attribute("title")
    line.get_by_role("button", name="Details").click()
    frames = tab.panel.locator(".jp-Caesura-frames")
    frames.get_by_text("(hidden)").wait_for()
    assert "'abc'" not in frames.inner_text()
    assert "{'rows': 3, 'columns': [1, 2]}" in frames.inner_text()
    frames.locator("summary").first.focus()
    tab.at.keyboard.press("Enter")
    assert not frames.get_by_text("(hidden)").is_visible()
    tab.at.keyboard.press("Enter")
    frames.scroll_into_view_if_needed()
    picture(tab, "panel-frames")
    lab.home.request("send_event", name="go", value=1)
    indicator.wait_for(state="detached")
    tab.panel.locator(".jp-Caesura-frames").wait_for(state="detached")


def test_variables_that_would_hold_a_notebook_are_marked_and_a_parked_one_says_so(
    lab: Lab, page: OpenPage, picture: Picture
) -> None:
    tab = page(lab.notebook("variables.ipynb", "import socket\nlistener = socket.socket()", "del listener"))
    tab.show_panel()
    tab.run(0)
    tab.panel.locator(".jp-Caesura-variableLine").get_by_text("listener").wait_for()
    indicator = tab.at.locator(".jp-NotebookPanel .jp-Caesura-indicator")
    indicator.get_by_text("1 variable holds").wait_for()
    assert "listener: " in indicator.get_attribute("title")
    picture(tab, "panel-variables")
    tab.run(1)
    indicator.wait_for(state="detached")
    tab.panel.locator(".jp-Caesura-variableLine").wait_for(state="detached")
    tab.idle()
    tab.command("caesura:park-notebook")
    indicator.get_by_text("parked").wait_for()
    picture(tab, "notebook-parked")


def test_an_event_is_answered_from_the_form(lab: Lab, page: OpenPage, picture: Picture) -> None:
    tab = page(lab.notebook("approve.ipynb", "import caesura", APPROVAL))
    tab.show_panel()
    tab.run(0)
    tab.run(1)
    tab.cell(1).get_by_role("button", name="Answer").click()
    form = tab.at.locator(".jp-Dialog")
    form.get_by_label("Comment").fill("no")
    picture(tab, "event-form")
    form.get_by_role("button", name="Send").click()
    form.get_by_role("alert").wait_for()
    assert "'no' is too short" in form.get_by_role("alert").inner_text()
    form.get_by_label("Approved").check()
    form.get_by_label("Comment").fill("fine")
    form.get_by_role("button", name="Send").click()
    tab.cell(1).get_by_text("{'approved': True, 'comment': 'fine'}").wait_for()


def test_a_suspended_cell_is_interrupted(lab: Lab, page: OpenPage) -> None:
    tab = page(lab.notebook("long.ipynb", "import asyncio\nawait asyncio.sleep(1000)"))
    tab.show_panel()
    tab.run(0)
    line = tab.line("sleep")
    line.locator("[data-phase=suspended]").wait_for()
    line.get_by_role("button", name="Interrupt").click()
    tab.cell(0).get_by_text("KeyboardInterrupt").first.wait_for()
    line.wait_for(state="detached")


def test_a_held_cell_says_what_holds_it(lab: Lab, page: OpenPage, picture: Picture) -> None:
    code = "import asyncio, socket\nconnection = socket.socket()\nawait asyncio.sleep(1000)"
    tab = page(lab.notebook("held.ipynb", code))
    tab.show_panel()
    tab.run(0)
    line = tab.line("connection")
    line.locator("[data-phase=held]").wait_for()
    line.get_by_role("button", name="Details").click()
    tab.panel.get_by_text("What holds it").wait_for()
    assert "connection" in tab.panel.inner_text()
    picture(tab, "panel-held")


def test_a_click_goes_to_the_cell_of_a_notebook_that_is_not_in_front(lab: Lab, page: OpenPage) -> None:
    name = lab.notebook("far.ipynb", *["pass"] * 30, "import asyncio\nawait asyncio.sleep(1000)")
    lab.notebook("other.ipynb", "pass")
    tab = page(name)
    tab.show_panel()
    tab.run(30)
    tab.line("sleep").locator("[data-phase=suspended]").wait_for()
    tab.at.evaluate("() => void jupyterapp.commands.execute('docmanager:open', {path: 'other.ipynb'})")
    tab.at.locator(".lm-TabBar-tab.jp-mod-current", has_text="other.ipynb").wait_for()
    tab.line("sleep").locator("[data-main]").click()
    tab.at.locator(".lm-TabBar-tab.jp-mod-current", has_text="far.ipynb").wait_for()
    tab.at.wait_for_function("jupyterapp.shell.currentWidget.content.activeCellIndex === 30")


def test_a_worker_is_replaced_and_its_notebook_keeps_its_variables(lab: Lab, page: OpenPage) -> None:
    tab = page(lab.notebook("replaced.ipynb", "kept = 41", "print(kept + 1)"))
    tab.show_panel()
    tab.run(0)
    tab.panel.get_by_role("tab", name="Workers").click()
    row = tab.panel.locator("tr", has_text="replaced.ipynb")
    before = row.locator("td").first.inner_text()
    row.get_by_role("button", name=f"Replace the worker {before}").click()
    row.locator("td").first.filter(has_not_text=before).wait_for()
    tab.run(1)
    tab.cell(1).get_by_text("42").wait_for()


def test_what_was_printed_while_the_tab_was_closed_is_in_its_cell(lab: Lab, page: OpenPage) -> None:
    code = "import asyncio\nfor n in range(8):\n    print('tick', n)\n    await asyncio.sleep(0.7)"
    name = lab.notebook("ticks.ipynb", code)
    tab = page(name)
    tab.run(0)
    tab.cell(0).get_by_text("tick 1").wait_for()
    tab.close()
    tab = page(name)
    tab.cell(0).get_by_text("tick 7").wait_for()
    text = tab.cell(0).locator(".jp-OutputArea").inner_text()
    assert re.findall(r"tick \d", text) == [f"tick {n}" for n in range(8)]
    tab.command("docmanager:save")
    until(lambda: "tick 7" in lab.outputs(name)[0] or tab.at.wait_for_timeout(100), "the notebook is saved")
    until(lambda: kept(lab, name) == 0 or tab.at.wait_for_timeout(100), "what is in the file is not kept any longer")


def kept(lab: Lab, name: str) -> int:
    """How many outputs of the notebook are kept."""
    found = lab.home.request("sessions", path=str(lab.notes / name))
    return sum(int(session["outputs"]["count"]) for session in found)


def test_after_a_restart_of_the_server_the_notebook_goes_on(lab: Lab, page: OpenPage, picture: Picture) -> None:
    name = lab.notebook(
        "kept.ipynb", "import caesura\nvalue = 41", "value += await caesura.event('more')\nprint('now', value)"
    )
    tab = page(name)
    tab.run(0)
    tab.run(1)
    tab.cell(1).locator(".jp-Caesura-waitLine").wait_for()
    tab.command("docmanager:save")
    tab.at.wait_for_timeout(500)
    tab.close()
    lab.stop()
    lab.home.request("send_event", name="more", value=1)
    lab.start()
    tab = page()
    tab.show_panel().get_by_text("kept", exact=True).wait_for()
    tab.at.evaluate("() => void jupyterapp.commands.execute('docmanager:open', {path: 'kept.ipynb'})")
    dialog = tab.at.locator(".jp-Dialog")
    dialog.get_by_text("Go on with this notebook?").wait_for()
    picture(tab, "reopening")
    dialog.get_by_role("button", name="Go on").click()
    tab.cell(1).get_by_text("now 42").wait_for()


def test_a_coordinator_that_was_killed_is_found_again(lab: Lab, page: OpenPage, picture: Picture) -> None:
    tab = page(lab.notebook("killed.ipynb", "import asyncio\nawait asyncio.sleep(1000)"))
    tab.show_panel()
    tab.run(0)
    tab.line("sleep").locator("[data-phase=suspended]").wait_for()
    tab.at.evaluate("window.seen = []; new MutationObserver(() => window.seen.push(document.querySelector("
                    "'#caesura-panel .jp-Caesura-notice')?.textContent)).observe(document.querySelector("
                    "'#caesura-panel'), {childList: true, subtree: true})")  # fmt: skip
    lab.home.kill_coordinator()
    tab.at.wait_for_function("window.seen.some(text => text?.includes('The connection is lost'))")
    tab.panel.get_by_text("The connection is lost").wait_for(state="detached")
    tab.line("sleep").locator("[data-phase=suspended]").wait_for()


def test_all_is_reached_with_the_keyboard(lab: Lab, page: OpenPage) -> None:
    tab = page(lab.notebook("keys.ipynb", "import asyncio\nawait asyncio.sleep(1000)", "await asyncio.sleep(2000)"))
    tab.run(0)
    tab.run(1)
    keyboard = tab.at.keyboard
    tab.at.locator(".jp-NotebookPanel").focus()
    keyboard.press("Alt+Shift+W")
    tab.panel.wait_for(state="visible")
    tab.line("sleep").first.locator("[data-phase=suspended]").wait_for()
    tab.panel.get_by_role("tab", name="Cells").focus()
    keyboard.press("ArrowRight")
    assert tab.panel.get_by_role("tab", name="Calls").get_attribute("aria-selected") == "true"
    keyboard.press("ArrowLeft")
    for _ in range(3):  # the search, the filter, the list
        keyboard.press("Tab")
    assert focused(tab) == "keys.ipynb"
    keyboard.press("ArrowDown")
    tab.at.wait_for_function("document.activeElement.textContent.includes('sleep(1000)')")
    keyboard.press("ArrowRight")
    tab.panel.locator(".jp-Caesura-detail").wait_for()
    tab.panel.get_by_role("button", name="Interrupt").focus()
    keyboard.press("Enter")
    tab.cell(0).get_by_text("KeyboardInterrupt").first.wait_for()
    keyboard.press("Escape")
    tab.panel.locator(".jp-Caesura-detail").wait_for(state="detached")


def focused(tab: Page) -> str:
    name: str = tab.at.evaluate("document.activeElement.querySelector('.jp-Caesura-name')?.textContent ?? ''")
    return name


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_no_serious_problem(lab: Lab, page: OpenPage, picture: Picture, theme: str) -> None:
    axe = PROJECT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("axe-core is not installed (make panel)")
    name = lab.notebook(f"axe-{theme[-4:].strip()}.ipynb", "import caesura", APPROVAL)
    tab = page(name)
    tab.at.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    tab.at.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    tab.show_panel()
    tab.run(0)
    tab.run(1)
    tab.cell(1).locator(".jp-Caesura-waitLine").wait_for()
    tab.at.add_script_tag(path=str(axe))
    found = problems(tab, "#caesura-panel") + problems(tab, ".jp-Caesura-badge")
    found += problems(tab, ".jp-Caesura-toolbarItem")
    tab.panel.get_by_role("tab", name="Calls").click()
    found += problems(tab, "#caesura-panel")
    tab.panel.get_by_role("tab", name="Cells").click()
    tab.line("answer").get_by_role("button", name="Details").click()
    tab.panel.get_by_text("Decisions").wait_for()
    found += problems(tab, "#caesura-panel")
    picture(tab, "panel-dark" if "Dark" in theme else "panel-light")
    assert found == []


def problems(tab: Page, selector: str) -> list[tuple[str, str]]:
    """What axe-core finds serious or critical."""
    found: dict[str, Any] = tab.at.evaluate("selector => axe.run(selector)", selector)
    return [
        (violation["id"], node["html"][:200] + " " + node.get("failureSummary", "")[:200])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
