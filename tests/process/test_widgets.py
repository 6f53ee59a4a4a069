"""Widgets and comms made before a move go on working after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notebooks import Home, Notebook, Result, until

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home]) -> Notebook:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook()


def say(notebook: Notebook, comm_id: str, data: dict[str, Any]) -> str:
    """Send a message as the front end does; its id."""
    message = notebook.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
    notebook.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def heard(notebook: Notebook, msg_id: str) -> Result:
    """What the kernel sent because of a message, which has no reply."""

    def is_over() -> bool:
        notebook._pump(0.02)
        return msg_id in notebook._idle

    until(is_over, f"the message is dealt with; {notebook.home.describe()}")
    return Result({}, notebook._messages.get(msg_id, []))


def move(notebook: Notebook) -> None:
    cell = notebook.submit("await asyncio.sleep(0.05)")
    assert notebook.wait(cell).error is None
    assert notebook.moves(cell)


def test_a_comm_of_the_notebook_is_open_after_a_move(notebook: Notebook) -> None:
    notebook.run(
        "import asyncio\n"
        "from comm import create_comm\n"
        "heard = []\n"
        "mine = create_comm(target_name='mine', data={'a': 1})\n"
        "mine.on_msg(lambda message: heard.append(message['content']['data']))\n"
        "def target(comm, message):\n"
        "    comm.on_msg(lambda message: comm.send({'echo': message['content']['data']}))\n"
        "get_ipython().kernel.comm_manager.register_target('echo', target)"
    )
    comm_id = str(notebook.run("mine.comm_id").value).strip("'")
    move(notebook)
    heard(notebook, say(notebook, comm_id, {"x": 2}))
    assert notebook.run("heard").value == "[{'x': 2}]"
    client = notebook.client
    opened = client.session.msg("comm_open", {"comm_id": "theirs", "target_name": "echo", "data": {}})
    client.shell_channel.send(opened)
    heard(notebook, opened["header"]["msg_id"])
    move(notebook)
    answered = heard(notebook, say(notebook, "theirs", {"y": 3}))
    echoes = [each["content"] for each in answered.messages if each["msg_type"] == "comm_msg"]
    assert echoes == [{"comm_id": "theirs", "data": {"echo": {"y": 3}}}]
    assert notebook.run("len(get_ipython().kernel.comm_manager.comms)").value == "2"


def test_widgets_keep_their_state_and_their_callbacks(notebook: Notebook) -> None:
    pytest.importorskip("ipywidgets")
    made = notebook.run(
        "import asyncio\n"
        "import ipywidgets as widgets\n"
        "slider = widgets.IntSlider(value=3, max=20)\n"
        "label = widgets.Label()\n"
        "widgets.dlink((slider, 'value'), (label, 'value'), str)\n"
        "slider.observe(lambda change: print('now', change['new']), 'value')\n"
        "clicks = []\n"
        "def press(button):\n"
        "    clicks.append(button.description)\n"
        "    print('pressed')\n"
        "def panel():\n"
        "    button = widgets.Button(description='go')\n"
        "    button.on_click(press)\n"
        "    display(button)\n"
        "    return button.model_id\n"
        "box = widgets.HBox([slider, label])\n"
        "box"
    )
    assert made.error is None, made.error
    slider = str(notebook.run("slider.model_id").value).strip("'")
    button = str(notebook.run("panel()").value).strip("'")  # nobody has it but the front end
    move(notebook)
    move(notebook)
    moved = heard(notebook, say(notebook, slider, {"method": "update", "state": {"value": 7}, "buffer_paths": []}))
    assert moved.text == "now 7\n"
    updates = [each["content"]["data"] for each in moved.messages if each["msg_type"] == "comm_msg"]
    assert {"value": "7"} in [update["state"] for update in updates if update["method"] == "update"]
    pressed = heard(
        notebook,
        say(notebook, button, {"method": "custom", "content": {"event": "click"}}),
    )
    assert pressed.text == "pressed\n"
    assert notebook.run("slider.value, label.value, clicks, box.children[0] is slider").value == (
        "(7, '7', ['go'], True)"
    )
    set_here = notebook.run("slider.value = 9")
    assert set_here.text == "now 9\n"
    sent = [each["content"]["data"]["state"] for each in set_here.messages if each["msg_type"] == "comm_msg"]
    assert {"value": 9} in sent


def test_what_the_front_end_says_while_a_cell_is_suspended_reaches_its_widget(notebook: Notebook) -> None:
    pytest.importorskip("ipywidgets")
    notebook.run(
        "import asyncio, caesura\n"
        "import ipywidgets as widgets\n"
        "slider = widgets.IntSlider(value=3, max=20)\n"
        "slider.observe(lambda change: print('now', change['new']), 'value')"
    )
    slider = str(notebook.run("slider.model_id").value).strip("'")
    cell = notebook.submit("await caesura.event('go')\nprint(slider.value)")
    notebook.wait_for_state(cell, "released")
    said = say(notebook, slider, {"method": "update", "state": {"value": 8}, "buffer_paths": []})
    assert notebook.home.command("events", "send", "go").returncode == 0
    assert heard(notebook, said).text == "now 8\n"
    assert notebook.wait(cell).error is None
    assert notebook.run("slider.value").value == "8"


def test_progress_bars_of_tqdm_go_on(notebook: Notebook) -> None:
    pytest.importorskip("ipywidgets")
    notebook.run("import asyncio\nfrom tqdm.notebook import tqdm")
    cell = notebook.submit(
        "bar = tqdm(total=4)\nfor _ in range(4):\n    await asyncio.sleep(0.05)\n    bar.update()\nbar.close()"
    )
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert notebook.moves(cell)
    values = [
        each["content"]["data"]["state"]["value"]
        for each in result.messages
        if each["msg_type"] == "comm_msg" and "value" in each["content"]["data"].get("state", {})
    ]
    assert 4.0 in values
    assert notebook.run("bar.n, bar.container.children[1].value").value == "(4, 4.0)"


def test_a_cell_that_waits_for_its_widget_gets_the_answer_wherever_it_is(notebook: Notebook) -> None:
    cell = notebook.submit(
        "import asyncio, comm, os\n"
        "pid = os.getpid()\n"
        "answer = asyncio.get_running_loop().create_future()\n"
        "asked = comm.create_comm(target_name='question', comm_id='question')\n"
        "asked.on_msg(lambda message: answer.set_result(message['content']['data']))\n"
        "print(await answer, pid != os.getpid())"
    )
    notebook.wait_for_state(cell, "released")
    following = notebook.submit("'after'")
    say(notebook, "question", {"value": 42})
    assert notebook.wait(cell).text == "{'value': 42} True\n"
    assert notebook.wait(following).value == "'after'"


def test_a_figure_that_the_front_end_can_pan_and_zoom_answers_after_a_move(notebook: Notebook) -> None:
    pytest.importorskip("ipympl")
    made = notebook.run(
        "%matplotlib widget\n"
        "import asyncio\n"
        "import matplotlib.pyplot as plt\n"
        "figure, axes = plt.subplots()\n"
        "line, = axes.plot([1, 2, 3])\n"
        "figure.canvas.mpl_connect('button_press_event', lambda event: print('pressed', event.button))\n"
        "plt.show()"
    )
    assert made.error is None, made.error
    canvas = str(notebook.run("figure.canvas.model_id").value).strip("'")
    move(notebook)
    where = {"x": 320, "y": 240, "button": 0, "buttons": 1, "step": 0, "modifiers": [], "guiEvent": {}}
    press = {"type": "button_press", **where}
    pressed = heard(notebook, say(notebook, canvas, {"method": "custom", "content": press}))
    assert pressed.text == "pressed 1\n"
    drawn = heard(notebook, say(notebook, canvas, {"method": "custom", "content": {"type": "refresh"}}))
    assert [each["msg_type"] for each in drawn.messages if each["msg_type"] == "error"] == []
    assert notebook.run("plt.gcf() is figure, plt.get_backend(), line.axes is axes").value == "(True, 'widget', True)"
    redrawn = notebook.run("line.set_ydata([3, 2, 1])\nfigure.canvas.draw()")
    assert redrawn.error is None, redrawn.error
    assert any(each["msg_type"] == "comm_msg" for each in redrawn.messages)
