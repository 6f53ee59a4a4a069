"""What is refused before anything is unpickled, and what a failed or aborted save and load leave behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snapshot_notebook import PRELUDE, Notebook, _drive

import caesura
from caesura.errors import CannotMove, SaveAborted, SnapshotRefused
from caesura.snapshot import Anchors, load, seal
from caesura.store.blobs import Blobs

WAITING = """
log = []
import threading, random
class Bomb:
    def __reduce__(self):
        return exploding, ()
def exploding():
    raise OSError("boom")
async def careful():
    try:
        await turn()
    finally:
        log.append("finally")
async def agen():
    try:
        yield 1
    finally:
        log.append("generator")
half = agen()
await anext(half)
task = asyncio.create_task(careful())
await asyncio.gather(careful(), task)
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    made = Notebook(tmp_path)
    made.execute(PRELUDE)
    made.execute(WAITING)
    yield made
    made.forget()


def manifest_of(notebook: Notebook) -> dict[str, Any]:
    return json.loads(json.dumps(notebook.save().manifest))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_flipped_byte_anywhere_is_refused_and_names_the_blob(notebook: Notebook, tmp_path: Path) -> None:
    notebook.namespace["big"] = bytearray(b"x" * 10)
    saved = notebook.save()
    for name in saved.blob_names:
        path = tmp_path / name[:2] / name
        for at in (0, path.stat().st_size // 2, path.stat().st_size - 1):
            flip(path, at)
            with pytest.raises(SnapshotRefused) as refused:
                Notebook.load(saved.manifest, tmp_path)
            assert refused.value.blob == name
            flip(path, at)


@pytest.mark.parametrize("key", ["stream", "buffers", "size_bytes", "seeds", "python"])
def test_a_changed_manifest_is_refused(key: str, notebook: Notebook, tmp_path: Path) -> None:
    manifest = manifest_of(notebook)
    manifest[key] = [3, 0, 0] if key == "python" else None
    with pytest.raises(SnapshotRefused, match="was changed"):
        Notebook.load(manifest, tmp_path)


def test_the_key_of_another_home_is_refused(notebook: Notebook, tmp_path: Path) -> None:
    anchors = Anchors({"namespace": {}})
    with pytest.raises(SnapshotRefused, match="another home"):
        load(manifest_of(notebook), anchors=anchors, loop=notebook.loop, blobs=Blobs(tmp_path, b"other" * 8))


def test_another_minor_version_of_python_is_refused_and_both_are_named(notebook: Notebook, tmp_path: Path) -> None:
    manifest = seal({**manifest_of(notebook), "python": [3, 9, 1]}, notebook.blobs)
    with pytest.raises(SnapshotRefused, match=r"Python 3\.9\.1 .* Python 3\.1\d"):
        Notebook.load(manifest, tmp_path)


def test_another_format_is_refused_and_both_are_named(notebook: Notebook, tmp_path: Path) -> None:
    manifest = seal({**manifest_of(notebook), "format": 99}, notebook.blobs)
    with pytest.raises(SnapshotRefused, match=r"format 99, this Caesura reads format 1"):
        Notebook.load(manifest, tmp_path)


def test_a_load_that_fails_says_which_packages_had_other_versions(notebook: Notebook, tmp_path: Path) -> None:
    notebook.namespace["zz"] = notebook.namespace["Bomb"]()
    manifest = manifest_of(notebook)
    assert manifest["packages"]["caesura"] == caesura.__version__
    older = {**manifest["packages"], "caesura": "0.0.1", "not_imported_here": "1.0"}
    with pytest.raises(
        SnapshotRefused, match=r"boom\. It was made with other versions: caesura 0\.0\.1 \(now [^,]+\)\.$"
    ):
        Notebook.load(seal({**manifest, "packages": older}, notebook.blobs), tmp_path)


def test_other_versions_of_packages_and_another_patch_release_are_told_and_do_not_hinder(notebook: Notebook) -> None:
    manifest = manifest_of(notebook)
    assert load_here(manifest, notebook).notices == ()
    python = [*manifest["python"][:2], 99]
    older = {**manifest["packages"], "caesura": "0.0.1", "not_imported_here": "1.0"}
    loaded = load_here(seal({**manifest, "packages": older, "python": python}, notebook.blobs), notebook)
    (notice,) = loaded.notices
    assert f"Python {python[0]}.{python[1]}.99 (now " in notice
    assert f"caesura 0.0.1 (now {caesura.__version__})" in notice
    assert "not_imported_here" not in notice


def load_here(manifest: dict[str, Any], notebook: Notebook) -> Any:
    other = Notebook(notebook.blobs._directory)
    driver = _drive(other.cell)
    anchors = Anchors({"loop": other.loop, "namespace": other.namespace, "driver": driver})
    session = load(manifest, anchors=anchors, loop=other.loop, blobs=other.blobs)
    other.task, other.cell["coroutine"] = session.root["cell"]["task"], session.root["cell"]["coroutine"]
    other.loop.settle()
    other.forget()
    return session


def test_a_manifest_can_be_read_without_unpickling(notebook: Notebook) -> None:
    manifest = manifest_of(notebook)
    assert {
        "format",
        "python",
        "version",
        "stream",
        "buffers",
        "size_bytes",
        "hash_seed",
        "packages",
        "tag",
    } <= set(manifest)


def test_a_load_that_fails_runs_no_finally(notebook: Notebook, tmp_path: Path) -> None:
    # The last thing of the namespace: everything else has been loaded when it explodes.
    notebook.namespace["zz"] = notebook.namespace["Bomb"]()
    manifest = manifest_of(notebook)
    loop = asyncio.new_event_loop()
    namespace: dict[str, Any] = {}
    with pytest.raises(SnapshotRefused, match="boom"):
        load(manifest, anchors=Anchors({"namespace": namespace, "driver": None}), loop=loop, blobs=notebook.blobs)
    log = namespace.get("log", [])
    del namespace
    assert log == []
    assert not asyncio.all_tasks(loop)
    loop.close()


def test_a_load_that_fails_in_its_last_step_runs_no_finally(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_of(notebook)
    loop = asyncio.new_event_loop()

    def fail(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("caesura.snapshot.asyncio_objects.fill_task", fail)
    namespace: dict[str, Any] = {}
    driver = asyncio.sleep(0)
    with pytest.raises(SnapshotRefused, match="MemoryError"):
        load(manifest, anchors=Anchors({"namespace": namespace, "driver": driver}), loop=loop, blobs=notebook.blobs)
    driver.close()
    log = namespace["log"]
    namespace.clear()
    assert log == []
    loop.close()


def test_a_save_can_be_aborted_and_the_cell_goes_on(notebook: Notebook) -> None:
    with pytest.raises(SaveAborted):
        notebook.save(aborted=lambda: True)
    asked = iter([False] * 3)
    notebook.namespace["big"] = list(range(200_000))
    with pytest.raises(SaveAborted):
        notebook.save(aborted=lambda: next(asked, True))
    finish(notebook)


def test_a_save_that_fails_leaves_the_cell_as_it_was(notebook: Notebook) -> None:
    notebook.namespace["held"] = notebook.namespace["threading"].Lock()
    notebook.namespace["held"].acquire()
    with pytest.raises(CannotMove):
        notebook.save()
    finish(notebook)


def finish(notebook: Notebook) -> None:
    while not notebook.task.done():
        notebook.step()
    notebook.task.result()
    assert notebook.namespace["log"] == ["finally", "finally"]


def test_random_numbers_go_on(notebook: Notebook) -> None:
    random = notebook.namespace["random"]
    random.seed(7)
    first = random.random()
    manifest = manifest_of(notebook)
    expected = random.random()
    random.seed(8)
    other = Notebook.load(manifest, notebook.blobs._directory)
    assert (random.random(), first) == (expected, random.Random(7).random())
    other.forget()


def test_the_names_of_the_namespace_keep_their_order(notebook: Notebook) -> None:
    names = list(notebook.namespace)
    other = Notebook.load(manifest_of(notebook), notebook.blobs._directory)
    assert list(other.namespace) == names
    other.forget()


def test_a_session_without_a_cell_can_be_moved(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute("x = [1]; f = lambda: x; import json; d = vars(json)\nexec('y = 2', z := {})")
    other = notebook.move()
    namespace = other.namespace
    assert namespace["f"]() is namespace["x"]
    assert namespace["d"] is vars(json)
    assert namespace["z"]["y"] == 2
    assert namespace["z"]["__builtins__"] is vars(namespace["__builtins__"])
    other.forget()


def test_levels_and_handlers_of_loggers_are_those_of_the_session(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(
        "import io, logging\ntext = io.StringIO()\nlogger = logging.getLogger('some.notebook')\n"
        "handler = logging.StreamHandler(text); logger.addHandler(handler); logger.setLevel('INFO')"
    )
    logger, handler = notebook.namespace["logger"], notebook.namespace["handler"]
    saved = notebook.save()
    logger.removeHandler(handler)
    logger.setLevel("NOTSET")
    other = Notebook.load(saved.manifest, tmp_path)
    other.execute("logger.info('once')")
    text = other.namespace["text"].getvalue()
    logger.removeHandler(other.namespace["handler"])
    logger.setLevel("NOTSET")
    notebook.forget()
    other.forget()
    assert text == "once\n"
