"""The home directory: private, ours, with two secrets drawn once."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from caesura.errors import HomeUnusable
from caesura.store.home import Home, open_home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_made_private_with_everything_in_it(tmp_path: Path) -> None:
    home = open_home(tmp_path / "deep" / "home")
    assert [mode(path) for path in (home.path, home.blobs_path, home.run_path, home.logs_path)] == [0o700] * 4
    assert mode(home.path / "home.key") == mode(home.path / "home.hash_seed") == 0o600
    assert len(home.key) == 32
    assert 1 <= home.hash_seed < 2**32


def test_a_home_keeps_its_secrets_and_no_two_homes_share_them(tmp_path: Path) -> None:
    first, again, other = open_home(tmp_path / "a"), open_home(tmp_path / "a"), open_home(tmp_path / "b")
    assert first == again
    assert first.key != other.key
    assert repr(first.key) not in repr(first)


def test_many_that_come_at_once_find_the_same_secrets(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[Home] = []

    def come() -> None:
        start.wait()
        found.append(open_home(tmp_path / "home"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({(home.key, home.hash_seed) for home in found}) == 1
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [
        "blobs",
        "home.hash_seed",
        "home.key",
        "logs",
        "run",
    ]


def test_a_home_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_home(tmp_path)
    assert mode(tmp_path) == 0o700


def test_a_home_that_cannot_be_closed_to_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)  # as file systems without permissions do
    with pytest.raises(HomeUnusable, match="another file system") as caught:
        open_home(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_somebody_elses_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(HomeUnusable, match="belongs to another user"):
        open_home(tmp_path)


def test_a_file_in_the_place_of_the_home_is_refused_with_the_remedy(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.write_text("no directory")
    with pytest.raises(HomeUnusable, match="CAESURA_HOME") as caught:
        open_home(place)
    assert str(place) in str(caught.value)


def test_an_unwritable_home_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setattr(os, "access", lambda path, how: False)  # also for root, who may write everywhere
    with pytest.raises(HomeUnusable, match="CAESURA_HOME") as caught:
        open_home(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"), [("home.key", b"short"), ("home.hash_seed", b"0"), ("home.hash_seed", b"x")]
)
def test_a_damaged_secret_is_not_replaced_but_named(tmp_path: Path, name: str, content: bytes) -> None:
    open_home(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HomeUnusable, match=name):
        open_home(tmp_path)
    assert (tmp_path / name).read_bytes() == content
