"""Descriptors without a file object: their numbers mean nothing in another process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from caesura.errors import CannotMove
from caesura.worker.open_files import flush_files, open_descriptors, refuse_bare_descriptors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.txt"
    path.write_text("some text\n")
    return path


@pytest.fixture
def ours() -> set[int]:
    return open_descriptors()


@pytest.fixture
def descriptor(ours: set[int], path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_variable_that_is_a_descriptor_of_a_file_is_named(ours: set[int], descriptor: int, path: Path) -> None:
    with pytest.raises(CannotMove, match=r"open descriptor") as refused:
        refuse_bare_descriptors(flush_files(ours), {"n": 100_000, "opened": descriptor})
    assert refused.value.path == "opened"
    assert str(path) in refused.value.kind or "a file" in refused.value.kind
    assert "os.close()" in refused.value.remedy


def test_the_ends_of_a_pipe_are_found_in_a_tuple(ours: set[int]) -> None:
    ends = os.pipe()
    try:
        with pytest.raises(CannotMove, match="a pipe") as refused:
            refuse_bare_descriptors(flush_files(ours), {"ends": ends})
        assert refused.value.path == "ends[0]"
    finally:
        for end in ends:
            os.close(end)


@pytest.mark.parametrize("mode", ["r", "rb", "r+"])
def test_the_number_of_a_file_object_is_no_obstacle(ours: set[int], path: Path, mode: str) -> None:
    with open(path, mode) as file:
        refuse_bare_descriptors(flush_files(ours), {"number": file.fileno(), "file": file})


def test_numbers_that_are_no_descriptors_are_no_obstacle(ours: set[int], descriptor: int) -> None:
    bare = flush_files(ours)
    assert bare == {descriptor}
    refuse_bare_descriptors(bare, {"a": descriptor + 1, "b": bool(descriptor), "c": float(descriptor), "d": "x"})


def test_descriptors_that_were_there_before_are_no_obstacle(descriptor: int) -> None:
    refuse_bare_descriptors(flush_files(open_descriptors()), {"opened": descriptor})
