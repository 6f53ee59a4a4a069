"""Where a home is, and how its coordinator is found."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from caesura import config
from caesura.errors import HomeUnusable


def test_caesura_home_names_the_home() -> None:
    assert config.home_directory({"CAESURA_HOME": "/srv/c"}) == Path("/srv/c")


def test_a_relative_home_is_made_absolute() -> None:
    assert config.home_directory({"CAESURA_HOME": "c"}) == Path.cwd() / "c"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has another data directory")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/u"}, "/u/.local/share/jupyter/caesura"),
        ({"HOME": "/u", "XDG_DATA_HOME": "/x"}, "/x/jupyter/caesura"),
        ({"HOME": "/u", "XDG_DATA_HOME": "/x", "JUPYTER_DATA_DIR": "/j"}, "/j/caesura"),
    ],
)
def test_without_it_the_home_is_in_jupyters_data_directory(environ: dict[str, str], expected: str) -> None:
    assert config.home_directory(environ) == Path(expected)


def test_the_data_directory_is_the_one_that_jupyter_names(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = pytest.importorskip("jupyter_core.paths")
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_PLATFORM_DIRS", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert str(config.jupyter_data_directory(os.environ)) == paths.jupyter_data_dir()


def test_the_socket_is_in_the_home(tmp_path: Path) -> None:
    assert config.socket_path(Path("/h")) == Path("/h/run/coordinator.sock")


def test_a_home_too_long_for_a_socket_gets_a_private_short_directory(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    short = tmp_path.parent.parent
    found = config.socket_path(home, {"XDG_RUNTIME_DIR": str(short)})
    try:
        assert len(os.fsencode(found)) <= config.SOCKET_PATH_LIMIT_BYTES
        assert found.parent.parent == short
        assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
        assert found == config.socket_path(home, {"XDG_RUNTIME_DIR": str(short)})
        assert found != config.socket_path(home.with_name("y" * 120), {"XDG_RUNTIME_DIR": str(short)})
    finally:
        for made in short.glob(f"caesura-{os.geteuid()}-*"):
            made.rmdir()


def test_no_place_for_the_socket_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    with pytest.raises(HomeUnusable, match=r"too long.*shorter path"):
        _without_temporary_directory(home, tmp_path)


def _without_temporary_directory(home: Path, tmp_path: Path) -> None:
    real = os.access
    os.access = lambda path, mode, **kw: False if str(path) == "/tmp" else real(path, mode, **kw)  # type: ignore[assignment]
    try:
        config.socket_path(home, {"XDG_RUNTIME_DIR": str(tmp_path / "nothing")})
    finally:
        os.access = real


def test_a_directory_open_to_others_is_closed(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.mkdir(mode=0o755)
    config.make_private(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_file_in_the_place_of_a_home_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.touch()
    with pytest.raises(HomeUnusable, match="CAESURA_HOME"):
        config.make_private(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(HomeUnusable, match=str(tmp_path)):
            config.make_private(tmp_path / "home")
    finally:
        tmp_path.chmod(0o700)


def test_a_connection_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert config.read_connection(tmp_path) is None
    connection = {"pid": 12, "socket": "/s", "protocol": 1, "version": "0", "started": 1.5}
    config.write_connection(tmp_path, connection)
    assert config.read_connection(tmp_path) == connection
    assert stat.S_IMODE(config.connection_path(tmp_path).stat().st_mode) == 0o600


def test_a_damaged_connection_file_counts_as_none(tmp_path: Path) -> None:
    config.write_connection(tmp_path, {"socket": "/s"})
    config.connection_path(tmp_path).write_text('{"socket": ')
    assert config.read_connection(tmp_path) is None


def test_only_its_own_coordinator_takes_a_connection_away(tmp_path: Path) -> None:
    config.write_connection(tmp_path, {"pid": 12, "socket": "/s"})
    config.remove_connection(tmp_path, 11)
    assert config.read_connection(tmp_path) is not None
    config.remove_connection(tmp_path, 12)
    assert config.read_connection(tmp_path) is None


def test_finding_a_home_imports_neither_jupyter_nor_asyncio() -> None:
    code = (
        "import sys, os; from caesura import config; config.home_directory(os.environ);"
        "print(sorted({'asyncio', 'jupyter_core', 'traitlets', 'zmq'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
