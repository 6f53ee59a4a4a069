"""Blobs: durable, authenticated, mapped copy-on-write, collected only when nobody needs them."""

from __future__ import annotations

import errno
import mmap
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caesura.errors import HomeUnusable, SaveAborted, SnapshotRefused, StoreFull
from caesura.store import blob_layout, blob_room, blob_writer
from caesura.store import blobs as blobs_module
from caesura.store.blob_use import mapped_by, usage
from caesura.store.blobs import BlobRef, Blobs

KEY = b"k" * 32
MB = 1 << 20


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", KEY)


def files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "blobs").rglob("*") if path.is_file())


needs_pagemap = pytest.mark.skipif(not os.path.exists("/proc/self/pagemap"), reason="the system does not tell")


def no_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(Blobs, "_hash", refuse)


# --- what goes in comes out -----------------------------------------------------------------------------------------


def test_what_is_put_is_read_back_in_order(blobs: Blobs) -> None:
    buffers: list[blob_layout.Buffer] = [
        b"one",
        bytearray(b"two" * 5000),
        memoryview(b"three"),
        b"",
        pickle.PickleBuffer(b"five"),
    ]
    refs = blobs.put(buffers)
    assert [blobs.read(ref) for ref in refs] == [b"one", b"two" * 5000, b"three", b"", b"five"]
    assert [bytes(view) for view in blobs.map_all(refs)] == [bytes(memoryview(buffer)) for buffer in buffers]


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 40_000), max_size=12))
def test_another_process_finds_what_was_put_whatever_the_sizes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("blobs")
    buffers = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
    refs = [BlobRef.from_json(ref.to_json()) for ref in Blobs(directory, KEY).put(buffers)]
    assert [bytes(view) for view in Blobs(directory, KEY).map_all(refs)] == buffers


def test_small_buffers_share_a_page_aligned_file_and_a_large_one_has_its_own(blobs: Blobs, tmp_path: Path) -> None:
    refs = blobs.put([b"a" * 5000, bytes(8 * MB), b"b" * 100])
    assert refs[0].name == refs[2].name != refs[1].name
    assert [ref.offset for ref in refs] == [0, 0, 8192]
    assert len(files(tmp_path)) == 2


def test_a_pack_is_closed_before_it_grows_too_long(monkeypatch: pytest.MonkeyPatch, blobs: Blobs) -> None:
    monkeypatch.setattr(blob_layout, "PACK_BYTES", 10_000)
    refs = blobs.put([b"a" * 4096, b"b" * 4096, b"c" * 4096])
    assert refs[0].name == refs[1].name != refs[2].name


def test_files_are_private_lie_under_the_start_of_their_name_and_nothing_else_stays(
    blobs: Blobs, tmp_path: Path
) -> None:
    (ref,) = blobs.put([b"content"])
    (path,) = files(tmp_path)
    assert path == tmp_path / "blobs" / ref.name[:2] / ref.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_what_is_stored_already_is_not_written_again(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = blobs.put([b"content"])
    monkeypatch.setattr(blob_writer.BlobWriter, "start", lambda *_: pytest.fail("written again"))
    assert blobs.put([b"content"]) == refs
    reader = Blobs(tmp_path / "blobs", KEY)  # a process that has loaded a session and saves it again
    reader.map_all(refs)
    assert reader.put([b"content"]) == refs


@needs_pagemap
def test_what_was_mapped_and_not_written_to_is_not_even_read(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = blobs.put([os.urandom(9 * MB)])
    other = Blobs(tmp_path / "blobs", KEY)
    view = other.map(ref)
    assert view[5 * MB] == view[5 * MB]  # reading is not writing
    no_hashing(monkeypatch)
    assert other.put([view]) == other.put([view]) == [ref]


def test_what_was_mapped_and_written_to_is_stored_anew(blobs: Blobs) -> None:
    (ref,) = blobs.put([bytes(9 * MB)])
    view = blobs.map(ref)
    view[9 * MB - 1] = 7
    (changed,) = blobs.put([view])
    assert changed != ref
    assert blobs.map(changed)[9 * MB - 1] == 7
    view[9 * MB - 1] = 0
    assert blobs.put([view]) == [ref]


def test_the_memory_is_read_if_the_file_that_was_mapped_is_another_now(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = blobs.put([bytes(9 * MB)])
    view = blobs.map(ref)
    (path,) = files(tmp_path)
    path.unlink()
    path.write_bytes(b"x" * (9 * MB))
    no_hashing(monkeypatch)
    with pytest.raises(AssertionError, match="it was read"):
        blobs.put([view])


def test_other_memory_at_the_address_of_a_mapping_that_is_gone_is_read(blobs: Blobs) -> None:
    (ref,) = blobs.put([os.urandom(9 * MB)])
    view = blobs.map(ref)
    del view
    fresh = mmap.mmap(-1, 9 * MB)  # often at the same address, and none of its pages was touched
    (zeros,) = blobs.put([memoryview(fresh)])
    assert blobs.read(zeros) == bytes(9 * MB)


def test_the_name_depends_on_the_key(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.put([b"x"])[0].name != Blobs(tmp_path / "other", b"j" * 32).put([b"x"])[0].name


# --- mapping --------------------------------------------------------------------------------------------------------


def test_a_mapped_buffer_can_be_written_and_the_file_does_not_change(blobs: Blobs) -> None:
    refs = blobs.put([b"a" * 5000, b"b" * 5000])
    view, neighbour = blobs.map_all(refs)
    view[:3] = b"xyz"
    assert bytes(view[:4]) == b"xyza"
    assert bytes(neighbour) == b"b" * 5000
    assert blobs.read(refs[0]) == b"a" * 5000


@pytest.mark.parametrize("size", [5000, 8 * MB])
def test_buffers_that_are_equal_on_disk_do_not_share_memory(blobs: Blobs, size: int) -> None:
    (ref, other) = blobs.put([b"a" * size, b"a" * size])
    views = blobs.map_all([ref, ref, other])
    views[0][0] = 0
    assert [view[0] for view in views] == [0, ord("a"), ord("a")]


def test_arrays_come_back_as_arrays_that_can_be_changed(blobs: Blobs) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.asfortranarray(numpy.arange(20_000.0).reshape(100, 200))
    out_of_band: list[pickle.PickleBuffer] = []
    stream = pickle.dumps(array, protocol=5, buffer_callback=out_of_band.append)
    views = blobs.map_all(blobs.put(out_of_band))
    loaded = pickle.loads(stream, buffers=views)
    assert (loaded == array).all()
    loaded += 1
    assert loaded[0, 0] == 1.0


# --- what was changed is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 4999, 5000, 8191, 8192, -1])
def test_one_flipped_byte_is_refused_with_the_name_of_the_blob(blobs: Blobs, tmp_path: Path, position: int) -> None:
    refs = blobs.put([b"a" * 5000, b"b" * 5000])
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    for read in (lambda: blobs.map_all(refs), lambda: blobs.read(refs[1]), lambda: blobs.verify(refs[0].name)):
        with pytest.raises(SnapshotRefused, match=refs[0].name) as caught:
            read()
        assert caught.value.blob == refs[0].name


def test_a_missing_blob_is_refused_with_its_name(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"content"])
    files(tmp_path)[0].unlink()
    with pytest.raises(SnapshotRefused, match=ref.name) as caught:
        blobs.read(ref)
    assert caught.value.blob == ref.name


def test_a_shortened_blob_is_refused_even_without_hashing(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"content" * 1000])
    os.truncate(files(tmp_path)[0], 100)
    with pytest.raises(SnapshotRefused, match="100 bytes"):
        blobs.map(ref, verify=False)


def test_a_blob_made_under_another_key_is_refused(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"content"])
    with pytest.raises(SnapshotRefused, match="was changed"):
        Blobs(tmp_path / "blobs", b"j" * 32).read(ref)


@pytest.mark.parametrize("name", ["../../etc/passwd", "short", "A" * 64, "0" * 64])
def test_a_name_that_is_none_leads_nowhere(blobs: Blobs, name: str) -> None:
    with pytest.raises(SnapshotRefused):
        blobs.read(BlobRef(name, 1))


@pytest.mark.parametrize("value", [None, [], ["n", 1], ["n", -1, 0], ["n", "1", 0], [1, 1, 1], "n10"])
def test_what_is_no_ref_is_not_read_as_one(value: object) -> None:
    with pytest.raises(ValueError, match="not a reference"):
        BlobRef.from_json(value)


def test_a_proof_spares_the_hashing_until_the_file_changes(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = blobs.put([b"content"])
    proof = blobs.proof(ref.name)
    if not proof:
        pytest.skip("this system does not name its boots")
    fresh = Blobs(tmp_path / "blobs", b"j" * 32)  # any hashing would fail under this key
    assert bytes(fresh.map(ref, proof=proof)) == b"content"
    files(tmp_path)[0].write_bytes(b"CONTENT")
    os.utime(files(tmp_path)[0], (0, 0))
    with pytest.raises(SnapshotRefused):
        fresh.map(ref, proof=proof)


# --- giving up ------------------------------------------------------------------------------------------------------


def test_a_save_that_is_given_up_keeps_nothing_and_lets_go_of_the_memory(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (blob_writer, blobs_module):
        monkeypatch.setattr(module, "CHUNK_BYTES", 1000)
    buffer = bytearray(100_000)
    asked = iter([False] * 20)
    with pytest.raises(SaveAborted):
        blobs.put([buffer], aborted=lambda: next(asked, True))
    buffer.clear()  # BufferError if anybody still looked at it
    end_of_writer()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "buffers", [[b"content"], [bytes(8 * MB), b"1" * 8 * MB]], ids=["by its writer", "aside, of a large file"]
)
def test_a_save_is_given_up_while_the_disk_syncs(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffers: list[bytes]
) -> None:
    monkeypatch.setattr(blob_writer, "_SYNCED_ASIDE_BYTES", 8 * MB)
    is_syncing, may_end = threading.Event(), threading.Event()

    def sync(descriptor: int) -> None:
        is_syncing.set()
        assert may_end.wait(30)

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(SaveAborted):
        blobs.put(buffers, aborted=is_syncing.is_set)
    may_end.set()
    end_of_writer()
    assert files(tmp_path) == []


def test_a_large_file_is_synced_while_the_next_one_is_written(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sync ends only when the second file is being written."""
    monkeypatch.setattr(blob_writer, "_SYNCED_ASIDE_BYTES", 8 * MB)
    fsync, write, is_second = os.fsync, os.write, threading.Event()
    descriptors: list[int] = []

    def noted_write(descriptor: int, data: memoryview) -> int:
        if descriptor not in descriptors:
            descriptors.append(descriptor)
        if len(descriptors) == 2:
            is_second.set()
        return write(descriptor, data)

    def sync(descriptor: int) -> None:
        assert is_second.wait(30)
        fsync(descriptor)

    monkeypatch.setattr(os, "write", noted_write)
    monkeypatch.setattr(os, "fsync", sync)
    refs = blobs.put([bytes(8 * MB), b"1" * 8 * MB])
    monkeypatch.undo()
    assert [blobs.read(ref)[:1] for ref in refs] == [b"\0", b"1"]
    assert not any(thread.name.startswith("caesura-blobs") for thread in threading.enumerate())


def test_a_thread_that_cannot_start_is_an_error_at_once(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_writer, "_SYNCED_ASIDE_BYTES", 8 * MB)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(blob_writer.BlobThread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        blobs.put([bytes(8 * MB)])
    assert files(tmp_path) == []


def end_of_writer() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("caesura-blobs"):
            thread.join(30)
            assert not thread.is_alive()


def test_no_thread_is_left_after_a_save(blobs: Blobs) -> None:
    blobs.put([b"content"])
    assert "caesura-blobs" not in {thread.name for thread in threading.enumerate()}


def test_a_full_disk_is_an_error_that_names_the_directory(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(descriptor: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(HomeUnusable, match="No space left") as caught:
        blobs.put([b"content"])
    assert str(tmp_path) in str(caught.value)
    end_of_writer()
    assert files(tmp_path) == []


def test_a_write_that_takes_only_a_part_is_carried_on(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:700]))
    (ref,) = blobs.put([bytes(range(256)) * 20])
    assert blobs.read(ref) == bytes(range(256)) * 20


# --- what is mapped and was not written to ---------------------------------------------------------------------------


@needs_pagemap
def test_of_a_pack_only_what_was_written_to_is_stored_again(blobs: Blobs) -> None:
    views = blobs.map_all(blobs.put([bytes([i]) * 70_000 for i in range(20)]))
    refs = blobs.put(views)
    assert blobs.written_bytes == 0
    views[7][69_999] = 255
    again = blobs.put(views)
    assert blobs.written_bytes == 70_000
    assert [a == b for a, b in zip(refs, again, strict=True)] == [i != 7 for i in range(20)]
    assert [blobs.read(ref)[-1] for ref in again] == [*range(7), 255, *range(8, 20)]


@needs_pagemap
def test_a_pack_most_of_which_is_not_needed_is_written_anew(blobs: Blobs) -> None:
    views = blobs.map_all(blobs.put([bytes([i]) * 70_000 for i in range(20)]))
    (few,) = {ref.name for ref in blobs.put(views[:4])}
    assert blobs.written_bytes > 0
    (most,) = {ref.name for ref in blobs.put(views[:15])}
    assert blobs.written_bytes == 0
    assert few != most


def test_what_was_written_is_told(blobs: Blobs) -> None:
    blobs.put([b"a" * 1000])
    assert blobs.written_bytes == 1000
    blobs.put([b"a" * 1000])
    assert blobs.written_bytes == 0


# --- no room ---------------------------------------------------------------------------------------------------------


def test_more_than_the_quota_leaves_is_not_written(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(StoreFull, match=r"9\.0 MB are needed, the quota leaves 5\.0 MB"):
        blobs.put([b"a" * 9_000_000, b"b" * 100], room_bytes=5_000_000)
    end_of_writer()
    assert files(tmp_path) == []
    blobs.put([b"a" * 4_000_000], room_bytes=5_000_000)


def test_what_is_stored_already_needs_no_room(blobs: Blobs) -> None:
    refs = blobs.put([b"a" * 100_000])
    assert blobs.put([b"a" * 100_000], room_bytes=0) == refs


def test_a_save_leaves_the_disk_a_reserve(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(tmp_path)
    free = blob_room.RESERVE_BYTES + 1000
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((found[0], 1, found[2], free, free, *found[5:])))
    with pytest.raises(StoreFull, match="the disk has"):
        blobs.put([b"a" * 2000])
    end_of_writer()
    assert files(tmp_path) == []
    blobs.put([b"a" * 500])


def test_a_disk_that_is_full_in_the_middle_of_a_save_keeps_nothing(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.write, 0

    def fill(descriptor: int, data: memoryview) -> int:
        nonlocal written
        written += len(data)
        if written > 9_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(StoreFull, match="No space left"):
        blobs.put([b"a" * 100_000, b"b" * 9_000_000])
    end_of_writer()
    assert files(tmp_path) == []


# --- who uses what ---------------------------------------------------------------------------------------------------


@needs_pagemap
def test_what_a_process_has_mapped_is_known_to_others(blobs: Blobs, tmp_path: Path) -> None:
    first, second = blobs.put([b"a" * (9 * MB), b"b" * (9 * MB)])
    view = blobs.map(first)
    assert mapped_by([os.getpid(), 0], tmp_path / "blobs") == {first.name}
    (tmp_path / "blobs" / first.name[:2] / first.name).unlink()
    assert mapped_by([os.getpid()], tmp_path / "blobs") == {first.name}
    view.release()
    del view
    assert second.name not in mapped_by([os.getpid()], tmp_path / "blobs")


def test_what_lies_in_the_store_is_measured(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"a" * 1000])
    (tmp_path / "blobs" / f"{blob_writer.TEMPORARY_PREFIX}1-ab").write_bytes(b"1234")
    found = usage(tmp_path / "blobs")
    assert (found.sizes, found.other_bytes, found.total_bytes) == ({ref.name: 1000}, 4, 1004)
    assert usage(tmp_path / "nowhere").total_bytes == 0


@pytest.mark.parametrize("is_fast", [True, False])
def test_a_blob_is_verified_whichever_hash_the_machine_that_wrote_it_prefers(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr(blob_layout, "_has_sha_instructions", lambda: is_fast)
    (ref,) = blobs.put([b"content"])
    monkeypatch.setattr(blob_layout, "_has_sha_instructions", lambda: not is_fast)
    other = Blobs(tmp_path / "blobs", KEY)
    assert other.read(ref) == b"content"
    assert other.put([b"content"]) != [ref]
    with pytest.raises(SnapshotRefused):
        Blobs(tmp_path / "blobs", b"j" * 32).read(ref)


# --- collection -----------------------------------------------------------------------------------------------------


def test_only_what_nobody_needs_and_is_old_enough_is_collected(blobs: Blobs, tmp_path: Path) -> None:
    (needed,) = blobs.put([b"needed"])
    (unneeded,) = blobs.put([b"unneeded" * 10])
    assert blobs.collect({needed.name}, keep_newer_than_s=3600) == 0
    assert blobs.read(unneeded) == b"unneeded" * 10
    assert blobs.collect({needed.name}, keep_newer_than_s=-3600) == 80
    assert blobs.read(needed) == b"needed"
    with pytest.raises(SnapshotRefused):
        blobs.read(unneeded)


def test_what_a_broken_save_left_is_collected_when_it_is_old(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put([b"x"])
    left = tmp_path / "blobs" / f"{blob_writer.TEMPORARY_PREFIX}1-ab"
    left.write_bytes(b"1234")
    assert blobs.collect(set(), keep_newer_than_s=3600) == 0
    os.utime(left, (0, 0))
    assert blobs.collect(set(), keep_newer_than_s=3600) == 4
    assert not left.exists()


def test_a_blob_that_a_broken_collection_set_aside_comes_back_if_it_is_needed(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"needed"])
    path = files(tmp_path)[0]
    path.rename(path.with_name(f".old-{path.name}"))
    blobs.collect({ref.name}, keep_newer_than_s=0)
    assert blobs.read(ref) == b"needed"


def test_a_blob_that_is_saved_again_counts_as_new(blobs: Blobs, tmp_path: Path) -> None:
    (ref,) = blobs.put([b"content"])
    os.utime(files(tmp_path)[0], (0, 0))
    blobs.put([b"content"])
    assert blobs.collect(set(), keep_newer_than_s=3600) == 0
    assert blobs.read(ref) == b"content"


def test_a_mapped_blob_stays_readable_when_it_is_collected(blobs: Blobs) -> None:
    (ref,) = blobs.put([b"content"])
    view = blobs.map(ref)
    blobs.collect(set(), keep_newer_than_s=-3600)
    assert bytes(view) == b"content"


# --- what comes along -----------------------------------------------------------------------------------------------


def test_a_worker_gets_blobs_without_a_database_an_event_loop_or_sockets() -> None:
    code = (
        "import sys, caesura.store.blobs; "
        "print([name for name in ('sqlalchemy', 'sqlite3', 'asyncio', 'zmq', 'socket') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_goes_into_no_file_needs_a_directory_and_room_as_well(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable, match="Nothing can be stored"):
        Blobs(tmp_path / "file" / "blobs", KEY).ref_without_file(b"data")
    blobs = Blobs(tmp_path / "blobs", KEY)
    with pytest.raises(StoreFull):
        blobs.ref_without_file(b"data", room_bytes=3)
    ref = blobs.ref_without_file(b"data", room_bytes=4)
    blobs.check(ref, b"data")
    with pytest.raises(SnapshotRefused, match=ref.name):
        blobs.check(ref, b"Data")
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
