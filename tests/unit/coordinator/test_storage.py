"""The coordinator keeps the store within its limits and takes nothing away that somebody needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from caesura.coordinator.limits import StoreLimits
from caesura.coordinator.storage import Storage
from caesura.store.blobs import Blobs
from caesura.store.home import Home, open_home
from caesura.store.records import Records
from caesura.store.rows import SessionRow, SnapshotRow
from caesura.store.writer import Writer


class Place:
    """A home with records and blobs; ``pids`` are the live workers."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.writer = Writer(home.records_path)
        self.blobs = Blobs(home.blobs_path, home.key)
        self.pids: list[int] = []
        self.do(
            lambda records: records.add_session(
                SessionRow(id="s", kind="notebook", state="open", created=0.0, updated=0.0)
            )
        )

    def do(self, act: Callable[[Records], Any]) -> Any:
        return self.writer.submit(act, durable=False).result()

    def snapshot(self, name: str, content: bytes, created: float = 1.0) -> str:
        """A snapshot that no session lives in; the name of its blob, which is old."""
        (ref,) = self.blobs.put([content])
        row = SnapshotRow(
            id=name, session_id="s", cell_id="", epoch=0, manifest={}, created=created, blobs=[ref.name],
            size_bytes=len(content), last_number=0,
        )  # fmt: skip
        self.do(lambda records: records.add_snapshot(row))
        self.do(lambda records: records.pass_snapshot(name))
        self.age(ref.name)
        return ref.name

    def age(self, name: str) -> None:
        os.utime(self.home.blobs_path / name[:2] / name, (0, 0))

    def run(self, limits: StoreLimits, act: Callable[[Storage], Coroutine[Any, Any, Any]]) -> Any:
        async def main() -> Any:
            return await act(Storage(self.home, self.writer, limits, lambda: self.pids))

        return asyncio.run(main())

    def names(self) -> set[str]:
        return {path.name for path in self.home.blobs_path.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(open_home(tmp_path / "home"))
    yield made
    made.writer.close()


def test_what_a_snapshot_needs_and_what_a_worker_has_mapped_stays(place: Place) -> None:
    needed = place.snapshot("n", b"needed")
    mapped, gone = (ref.name for ref in place.blobs.put([b"m" * (9 << 20), b"g" * (9 << 20)]))
    place.age(mapped)
    place.age(gone)
    view = place.blobs.map(place.blobs.put([b"m" * (9 << 20)])[0])
    place.age(mapped)
    if os.path.exists("/proc/self/maps"):
        place.pids.append(os.getpid())
        assert place.run(StoreLimits(), Storage.collect) == 9 << 20
        assert place.names() == {needed, mapped}
        place.pids.clear()
    assert bytes(view[:1]) == b"m"
    place.run(StoreLimits(), Storage.collect)
    assert place.names() == {needed}


def test_snapshots_beyond_the_maximum_age_are_forgotten(place: Place) -> None:
    place.snapshot("old", b"old")
    young = place.snapshot("young", b"young", created=4e9)
    place.run(StoreLimits(), Storage.collect)
    assert len(place.names()) == 2
    place.run(StoreLimits(max_age_s=3600), Storage.collect)
    assert place.names() == {young}


def test_under_a_quota_the_oldest_that_nobody_lives_in_go_first(place: Place) -> None:
    for at in range(1, 6):
        place.snapshot(f"n{at}", bytes([at]) * 1000, created=at)
    kept = {place.snapshot(f"n{at}", bytes([at]) * 1000, created=at) for at in (6, 7)}
    place.run(StoreLimits(quota_bytes=2500), Storage.collect)
    assert place.names() == kept


def test_what_a_quota_leaves_is_known_before_a_save(place: Place) -> None:
    place.snapshot("n", b"x" * 1000)

    async def look(storage: Storage) -> list[int | None]:
        await storage.collect()
        before = storage.room_bytes()
        storage.wrote(400)
        return [before, storage.room_bytes()]

    assert place.run(StoreLimits(quota_bytes=1500), look) == [500, 100]
    assert place.run(StoreLimits(), look) == [None, None]


def test_the_report_says_what_is_shared(place: Place) -> None:
    place.snapshot("a", b"x" * 1000)
    place.snapshot("b", b"x" * 1000)
    found = place.run(StoreLimits(quota_bytes=10**6, max_age_s=60.0), Storage.report)
    assert (found["bytes"], found["live_bytes"], found["blobs"]) == (1000, 1000, 1)
    assert (found["snapshots"], found["snapshot_bytes"], found["shared_fraction"]) == (2, 2000, 0.5)
    assert (found["quota_bytes"], found["max_age_s"]) == (10**6, 60.0)
