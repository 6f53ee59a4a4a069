"""A kernelspec of one environment never runs cells in another one of the same home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from notebooks import Home

pytestmark = [pytest.mark.process, pytest.mark.slow]

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def other_python() -> str | None:
    """A python of another supported minor version in which Caesura's dependencies can be installed."""
    own = "{}.{}".format(*sys.version_info[:2])
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        folders += [str(path) for path in Path(root, "versions").glob("3.*/bin")]
    for version in VERSIONS:
        for folder in folders:
            python = Path(folder) / f"python{version}"
            if version != own and python.exists() and "shims" not in folder:
                return str(python)
    return None


@pytest.mark.timeout(300)
def test_two_environments_of_one_home(home: Home, tmp_path: Path) -> None:
    python = other_python()
    if python is None:
        pytest.skip("no second supported Python on this machine")
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", str(venv)], check=True)
    project = Path(__file__).parents[2]
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "-e", str(project), "traitlets==5.14.3"], check=True, env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"}
    )
    code = "import sys, traitlets; print(sys.version_info[:2], traitlets.__version__ == '5.14.3', sys.prefix)"
    mine = home.notebook().run(code).text
    theirs = home.notebook(python=str(venv / "bin" / "python")).run(code).text
    assert str(sys.version_info[:2]) in mine
    assert str(venv) in theirs
    assert "True" in theirs
    assert mine.split(")")[0] != theirs.split(")")[0]
