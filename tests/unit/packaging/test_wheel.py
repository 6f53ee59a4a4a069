"""What the wheel and the source distribution hold."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions, built by the installed hatchling without any network."""
    folder = tmp_path_factory.mktemp("dist")
    for target in ("wheel", "sdist"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)],
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        )
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_both_packages_with_their_type_marks(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for package in ("caesura", "caesura_server"):
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names


def test_every_module_of_the_work_tree_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    sources = {
        str(path.relative_to(root))
        for root in (PROJECT / "kernel", PROJECT / "extension")
        for path in root.rglob("*.py")
    }
    assert sources <= set(wheel.namelist())


def test_the_schemas_of_events_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    folder = "caesura_server/event_schemas/"
    found = {name.removeprefix(folder) for name in wheel.namelist() if name.startswith(folder)}
    assert found == {f"cell-{what}.yaml" for what in ("suspended", "resumed", "held", "done")}


def test_the_kernelspec_is_installed_where_jupyter_looks(wheel: zipfile.ZipFile) -> None:
    folder = f"caesura-{version(wheel)}.data/data/share/jupyter/kernels/caesura/"
    spec = json.loads(wheel.read(f"{folder}kernel.json"))
    assert spec["argv"] == ["python", "-m", "caesura", "-f", "{connection_file}"]
    assert spec["display_name"] == "Python 3 (Caesura)"
    assert spec["interrupt_mode"] == "message"
    assert {f"{folder}logo-32x32.png", f"{folder}logo-64x64.png", f"{folder}logo-svg.svg"} <= set(wheel.namelist())


def test_the_server_extension_is_enabled_by_being_installed(wheel: zipfile.ZipFile) -> None:
    folder = f"caesura-{version(wheel)}.data/data/etc/jupyter/jupyter_server_config.d/"
    config = json.loads(wheel.read(f"{folder}caesura_server.json"))
    assert config == {"ServerApp": {"jpserver_extensions": {"caesura_server": True}}}


def test_the_panel_is_installed_where_jupyterlab_looks(wheel: zipfile.ZipFile) -> None:
    if not (PROJECT / "extension/caesura_server/labextension/package.json").is_file():
        pytest.skip("the panel is not built, which needs Node (make panel)")
    folder = f"caesura-{version(wheel)}.data/data/share/jupyter/labextensions/@caesura/labextension/"
    names = {name.removeprefix(folder) for name in wheel.namelist() if name.startswith(folder)}
    package = json.loads(wheel.read(f"{folder}package.json"))
    assert package["jupyterlab"]["_build"]["load"] in names
    assert "schemas/@caesura/labextension/plugin.json" in names
    assert not [name for name in wheel.namelist() if name.startswith("caesura_server/labextension")]
    scripts = b"".join(wheel.read(folder + name) for name in sorted(names) if name.endswith(".js"))
    assert len(gzip.compress(scripts)) < 150_000


def test_the_commands_are_there_under_both_names(wheel: zipfile.ZipFile) -> None:
    points = wheel.read(f"caesura-{version(wheel)}.dist-info/entry_points.txt").decode()
    assert "caesura = caesura.cli:main" in points
    assert "jupyter-caesura = caesura.cli:main" in points


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    own = f"caesura-{version(wheel)}"
    assert tops == {"caesura", "caesura_server", f"{own}.data", f"{own}.dist-info"}
    assert not [name for name in wheel.namelist() if "__pycache__" in name]


def test_the_source_distribution_holds_what_a_developer_needs(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml"} <= names
    assert {"tests/conftest.py", "examples/fan-out.ipynb", "docs/architecture.md", "benchmarks/latency.py"} <= names


def version(wheel: zipfile.ZipFile) -> str:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if name.split("/")[0].endswith(".dist-info")}
    return info.removeprefix("caesura-").removesuffix(".dist-info")
