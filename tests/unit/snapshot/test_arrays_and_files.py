"""Arrays keep sharing memory; files stay open at their place."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy
import pytest
from snapshot_notebook import PRELUDE, Notebook

from caesura.errors import SnapshotRefused
from caesura.snapshot import files, restoring


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    made = Notebook(tmp_path / "blobs")
    made.execute(PRELUDE)
    made.namespace["np"] = numpy
    yield made
    made.loop.close()


ARRAYS = """
owner = np.arange(200_000.0).reshape(400, 500)
row, part, back, column = owner[3], owner[10:20:2, ::3], owner[::-1], owner.T
fortran = np.asfortranarray(np.arange(12.0).reshape(3, 4))
inside = fortran[1:, :2]
objects = np.array([1, "a", [2]], dtype=object)
some = objects[1:]
dates = np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]")
later = dates[1:]
frozen = np.arange(5); frozen.flags.writeable = False
raw = bytearray(b"abcdefgh")
over = np.frombuffer(raw, dtype="u1")[2:]
record = np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])
field = record["b"]
scalar, empty, bits = np.float64(2.5), np.zeros((0, 3)), owner.view("i8")
big = np.ones(400_000)
half = big[::2]
windows = np.lib.stride_tricks.sliding_window_view(frozen, 2)
"""
NAMES = (
    "owner row part back column fortran inside objects some dates "
    "later frozen over record field empty bits big half windows"
)


def test_arrays_come_back_equal_and_share_as_before(notebook: Notebook) -> None:
    notebook.execute(ARRAYS)
    before = {name: notebook.namespace[name].copy() for name in NAMES.split()}
    other = notebook.move().move()
    found = other.namespace
    for name, value in before.items():
        numpy.testing.assert_array_equal(found[name], value, err_msg=name)
        assert found[name].dtype == value.dtype
    found["owner"][3, 0] = -1
    assert found["row"][0] == found["column"][0, 3] == found["back"][-4, 0] == -1
    found["part"][0, 0] = -2
    assert found["owner"][10, 0] == -2
    assert numpy.shares_memory(found["bits"], found["owner"])
    found["fortran"][1, 0] = -3
    assert found["inside"][0, 0] == -3
    assert found["fortran"].flags.f_contiguous
    found["some"][0] = "b"
    assert found["objects"][1] == "b"
    found["dates"][1] = numpy.datetime64("2030-01-01")
    assert found["later"][0] == numpy.datetime64("2030-01-01")
    found["raw"][2] = 0
    assert found["over"][0] == 0
    found["field"][0] = 9
    assert found["record"]["b"][0] == 9
    found["big"][2] = 5
    assert found["half"][1] == 5
    assert numpy.shares_memory(found["windows"], found["frozen"])
    assert not found["frozen"].flags.writeable
    assert found["owner"].flags.writeable
    assert found["big"].flags.writeable
    other.loop.close()


def test_large_arrays_are_stored_beside_the_stream(notebook: Notebook) -> None:
    notebook.execute("big = np.arange(1_000_000)\nbig_view = big[5:]")
    saved = notebook.save()
    assert [size for _, size, _ in saved.manifest["buffers"]] == [8_000_000]
    assert saved.manifest["stream"][1] < 200_000


def test_of_many_small_arrays_some_are_left_in_the_file(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "COPIED_BYTES", 1_000_000)
    notebook.execute("many = [np.full(100_000, i, np.uint8) for i in range(20)]\nview = many[15][10:]")
    other = notebook.move()
    many = other.namespace["many"]
    assert [array.flags.owndata for array in many] == [i < 10 for i in range(20)]
    many[15][10] = 99
    assert other.namespace["view"][0] == 99
    third = other.move()
    assert [array[0] for array in third.namespace["many"]] == list(range(20))
    assert third.namespace["many"][15][10] == third.namespace["view"][0] == 99
    for each in (other, third):
        each.loop.close()


def test_what_is_written_before_and_after_a_move_is_in_the_file_once(notebook: Notebook, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("old\n")
    notebook.namespace.update(path=str(path), fresh=str(tmp_path / "fresh"), data=str(tmp_path / "data"))
    notebook.execute(
        "f = open(path, 'a'); n = f.write('line\\n')\n"
        "w = open(fresh, 'w', newline='\\r\\n'); n = w.write('written\\n')\n"
        "b = open(data, 'w+b'); n = b.write(b'0123456789'); n = b.seek(4)\n"
        "r = open(path); first = r.readline()\n"
        "over = open(path); over.close()\n"
        "looped = open(path); lines = [next(looped)]\n"
    )
    old = [notebook.namespace[name] for name in (*"fwbr", "looped")]
    other = notebook.move()
    for file in old:
        file.close()
    other.execute(
        "n = f.write('after\\n'); n = w.write('more\\n'); n = b.write(b'xy'); rest = b.read(); second = r.readline()"
    )
    other.execute("lines += looped; looped.close()")
    found = other.namespace
    modes = [found[name].mode for name in "fwbr"]
    for name in "fwbr":
        found[name].close()
    assert path.read_text() == "old\nline\nafter\n"
    assert (tmp_path / "fresh").read_bytes() == b"written\r\nmore\r\n"
    assert (tmp_path / "data").read_bytes() == b"0123xy6789"
    assert (found["rest"], found["first"], found["second"], found["over"].closed) == (b"6789", "old\n", "line\n", True)
    assert found["lines"] == ["old\n", "line\n"]
    assert modes == ["a", "w", "rb+", "r"]
    other.loop.close()


@pytest.mark.parametrize("change", ["gone", "shorter", "replaced"])
def test_a_file_that_is_not_the_same_any_more_is_refused(change: str, notebook: Notebook, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("0123456789")
    notebook.namespace["path"] = str(path)
    notebook.execute("r = open(path)")
    saved = notebook.save()
    if change == "shorter":
        path.write_text("0")
    else:
        path.rename(tmp_path / "elsewhere")
    if change == "replaced":
        path.write_text("0123456789")
    with pytest.raises(SnapshotRefused, match=r"data\.txt"):
        Notebook.load(saved.manifest, tmp_path / "blobs")
    notebook.namespace["r"].close()


def test_a_file_has_its_number_again_if_that_is_free(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("0123456789")
    with open(path) as was:
        identity = files.identity_of(os.fstat(was.fileno()))
        free, taken = was.fileno() + 100, was.fileno()
        made = [files.reopen(io.FileIO, str(path), str(path), "rb", 4, identity, number) for number in (free, taken)]
    numbers = [cast("io.FileIO", file).fileno() for file in made]
    assert numbers[0] == free
    assert numbers[1] not in (free, taken)
    for file in made:
        assert isinstance(file, io.FileIO)
        assert not os.get_inheritable(file.fileno())
        assert file.read() == b"456789"
        file.close()
