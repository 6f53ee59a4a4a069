"""Outputs of many megabytes go through a file, in order with the others, and leave none behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook, until

pytestmark = pytest.mark.process

MEGABYTES = "import asyncio\nfrom IPython.display import display\nlarge = 'small' * 1_000_000\n"


def files(home: Home) -> list[Path]:
    return [path for path in (home.path / "outputs").rglob("*") if path.is_file()]


def shown(notebook: Notebook, msg_id: str) -> list[str]:
    """What the cell showed, in order; large texts by their length and hash."""
    texts = []
    for message in notebook.wait(msg_id).messages:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                texts.append(content["text"].strip())
            case "display_data":
                text = content["data"]["text/html"]
                texts.append(f"{len(text)} {hashlib.sha256(text.encode()).hexdigest()[:8]}")
    return texts


EXPECTED = f"5000000 {hashlib.sha256(b'small' * 1_000_000).hexdigest()[:8]}"


def test_a_large_output_stands_between_the_others_over_a_move_and_its_file_goes(
    make_home: Callable[..., Home],
) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")
    notebook = home.notebook()
    cell = notebook.submit(
        MEGABYTES + "print('before', flush=True)\n"
        "display({'text/html': large}, raw=True)\n"
        "await asyncio.sleep(0.05)\n"
        "display({'text/html': large}, raw=True)\n"
        "print('after')"
    )
    assert shown(notebook, cell) == ["before", EXPECTED, EXPECTED, "after"]
    assert len(notebook.moves(cell)) >= 1
    until(lambda: not files(home), "the files of what was sent are gone")


def test_one_that_a_killed_coordinator_had_not_sent_comes_once_from_the_next_one(
    make_home: Callable[..., Home],
) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="never")
    notebook = home.notebook()
    cell = notebook.submit(
        MEGABYTES + "import caesura\n"
        "print('ready', flush=True)\n"
        f"while not __import__('os').path.exists({str(home.path / 'go')!r}): await asyncio.sleep(0.02)\n"
        "display({'text/html': large}, raw=True)\n"
        "print('after')"
    )
    notebook.wait_for_text(cell, "ready")
    home.kill_coordinator()
    (home.path / "go").touch()
    assert shown(notebook, cell) == ["ready", EXPECTED, "after"]


def test_a_kept_one_is_given_whole_until_it_is_confirmed(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2")
    notebook = home.notebook(JPY_SESSION_NAME="/somewhere/notebook.ipynb")
    cell = notebook.submit(MEGABYTES + "display({'text/html': large}, raw=True)")
    assert shown(notebook, cell) == [EXPECTED]
    (session,) = home.status()["sessions"]
    with home.client() as client:
        reply = client.call("outputs", {"session_id": session["session_id"]})
        sizes = [len(buffer) for buffer in reply.buffers]
        assert max(sizes) > 5_000_000
        assert len(files(home)) == 1
        client.request("confirm", session_id=session["session_id"], up_to=reply.result["last"])
    until(lambda: not files(home), "the file of a confirmed output is gone")
