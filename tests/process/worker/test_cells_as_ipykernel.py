# ruff: noqa: E501  # one cell a line
"""What a cell sends is what ipykernel sends: each cell is run by both, and the messages are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from process.worker.fake_coordinator import FakeCoordinator, content_of

pytestmark = pytest.mark.process

CELLS = {
    "nothing": "",
    "an expression": "1 + 1",
    "two expressions": "1\n2",
    "an awaited expression": "import asyncio\nawait asyncio.sleep(0, 'slept')",
    "output before and after an await": "print('a', end='')\nawait asyncio.sleep(0.01)\nprint('b')",
    "stderr": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nawait asyncio.sleep(0)",
    "an error": "1 / 0",
    "an error after an await": "await asyncio.sleep(0)\nx = 1\n1 / 0",
    "an error in an awaited function": "async def f():\n    await asyncio.sleep(0)\n    raise ValueError('v')\nawait f()",
    "a chained error": "async def f():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        raise KeyError('k') from e\nawait f()",
    "an exception group": "async with asyncio.TaskGroup() as g:\n    g.create_task(f())",
    "a syntax error": "await asyncio.sleep(0)\n)",
    "an indentation error": "if True:\nawait asyncio.sleep(0)",
    "sys.exit": "import sys\nsys.exit(3)",
    "sys.exit after an await": "await asyncio.sleep(0)\nsys.exit(3)",
    "a cancelled task": "t = asyncio.ensure_future(asyncio.sleep(10))\nt.cancel()\nawait t",
    "a magic": "%who_ls int",
    "a magic with an await": "await asyncio.sleep(0)\n%time y = 5\ny",
    "a cell magic": "%%capture out\nprint(5)",
    "what was captured": "out.stdout",
    "a shell command": "!echo hello",
    "a shell command with an await": "await asyncio.sleep(0)\nz = !echo hello\nz",
    "an unknown magic": "%nosuchmagic",
    "display": "from IPython.display import display, HTML\nh = display(HTML('<b>x</b>'), display_id='d')\nawait asyncio.sleep(0)\nh.update(HTML('<i>y</i>'))",
    "clear_output": "from IPython.display import clear_output\nprint('x')\nclear_output(wait=True)\nprint('y')",
    "a bash cell": "%%bash\necho out\necho error >&2\nexit 3",
    "a script in the background": "%%script --bg --out lines sh\necho from the background",
    "what the script has said": "print(await lines.read())",
    "the event loop of asyncio": "%gui asyncio",
    "no event loop": "%gui",
    "an unknown event loop": "%gui nosuch",
    "a file": "import pathlib, tempfile\npath = pathlib.Path(tempfile.gettempdir(), 'loaded.py')\n_ = path.write_text('4 + 5')",
    "load": "%load {path}",
    "run": "%run {path}",
    "edit": "%edit {path}",
    "source in the pager": "import asyncio\nasyncio.sleep??",
    "plots in the notebook": "%matplotlib inline",
    "set_next_input": "get_ipython().set_next_input('next'); await asyncio.sleep(0)",
    "help": "len?",
    "a broken repr": "class B:\n    def __repr__(self): raise ValueError('r')\nB()",
    "a broken repr after an await": "await asyncio.sleep(0)\nB()",
    "the last results": "(_, __, _i, len(In) > 3, sorted(Out)[:2])",
    "a semicolon": "await asyncio.sleep(0, 4);",
    "autoawait off": "%autoawait off",
    "an await without autoawait": "await asyncio.sleep(0)",
    "autoawait on": "%autoawait asyncio",
    "all expressions": "get_ipython().ast_node_interactivity = 'all'",
    "all of them": "1\nawait asyncio.sleep(0, 2)\n3",
    "last_expr_or_assign": "get_ipython().ast_node_interactivity = 'last_expr_or_assign'",
    "an assignment": "await asyncio.sleep(0)\nq = 9",
    "last_expr again": "get_ipython().ast_node_interactivity = 'last_expr'",
    "events": "get_ipython().events.register('post_run_cell', lambda r: print('post', r.success)); await asyncio.sleep(0)",
    "after events": "await asyncio.sleep(0)\nprint('body')",
    "events off": "for e in ('post_run_cell',): get_ipython().events.callbacks[e].pop()",
    "an input without stdin": "input('?')",
    "an await and an input without stdin": "await asyncio.sleep(0)\ninput('?')",
    "a future statement": "from __future__ import annotations\nawait asyncio.sleep(0)\ndef g(a: nosuch): ...\ng.__annotations__",
    "a warning": "import warnings\nawait asyncio.sleep(0)\nwarnings.warn('careful')",
    # Last: IPython leaves a coroutine behind that shows one more error when it is collected, at some later time.
    "a return outside a function": "await asyncio.sleep(0)\nreturn 1",
}


def normal(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"ipykernel_\d+/\d+", "ipykernel_N/N", text)
    text = re.sub(r"(?i)(wall time|cpu times).*", "", text)
    return re.sub(r"0x[0-9a-f]+", "0xN", text)


def joined(messages: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Neighbouring pieces of one stream are one."""
    found: list[tuple[str, Any]] = []
    for kind, content in messages:
        if kind == "stream" and found and found[-1][0] == "stream" and found[-1][1]["name"] == content["name"]:
            found[-1] = (kind, {**content, "text": found[-1][1]["text"] + content["text"]})
        else:
            found.append((kind, content))
    return found


def strip_colours(content: Any) -> Any:
    if isinstance(content, str):
        return normal(content)
    if isinstance(content, list):
        return [strip_colours(each) for each in content]
    if isinstance(content, dict):
        return {name: strip_colours(each) for name, each in content.items() if name != "engine_info"}
    return content


class Plain:
    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(
            kernel_name="python3", extra_arguments=["--HistoryManager.hist_file=:memory:"]
        )

    def run(self, code: str, **options: Any) -> tuple[list[tuple[str, Any]], Any]:
        msg_id = self.client.execute(code, allow_stdin=False, **options)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=20)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            messages.append((message["msg_type"], strip_colours(message["content"])))
            if messages[-1] == ("status", {"execution_state": "idle"}):
                break
        reply = self.client.get_shell_msg(timeout=20)
        while reply["parent_header"].get("msg_id") != msg_id:
            reply = self.client.get_shell_msg(timeout=20)
        return joined(messages), strip_colours(reply["content"])


class Ours:
    def __init__(self, coordinator: FakeCoordinator) -> None:
        self.coordinator = coordinator
        coordinator.attach()

    def run(self, code: str, **options: Any) -> tuple[list[tuple[str, Any]], Any]:
        reply = self.coordinator.run(code, user_expressions={}, **options)
        iopub = [(m.msg_type, strip_colours(content_of(m))) for m in reply.messages if m.channel == "iopub"]
        return joined(iopub), strip_colours(reply.reply)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plain, Ours]]:
    coordinator = FakeCoordinator(tmp_path_factory.mktemp("caesura") / "home")
    plain = Plain()
    try:
        yield plain, Ours(coordinator)
    finally:
        coordinator.close()
        plain.client.stop_channels()
        plain.manager.shutdown_kernel(now=True)
        plain.manager.context.destroy()


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_sends_what_ipykernel_sends(name: str, kernels: tuple[Plain, Ours]) -> None:
    plain, ours = kernels
    for kernel in kernels:
        kernel.run("pass")  # in ipykernel a cell with an await can reply with the traceback of an earlier one
    assert ours.run(CELLS[name]) == plain.run(CELLS[name])


def test_a_silent_cell_sends_what_ipykernel_sends(kernels: tuple[Plain, Ours]) -> None:
    plain, ours = kernels
    for code in ("1", "print('x')", "await asyncio.sleep(0, 3)"):
        assert ours.run(code, silent=True) == plain.run(code, silent=True)


def test_a_cell_outside_the_history_sends_what_ipykernel_sends(kernels: tuple[Plain, Ours]) -> None:
    plain, ours = kernels
    for code in ("await asyncio.sleep(0, 3)", "5"):
        assert ours.run(code, store_history=False) == plain.run(code, store_history=False)
