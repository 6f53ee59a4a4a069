"""The kernelspec: as it is shipped, and as `caesura install` writes it."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from caesura.cli import main

FOLDER = Path("share", "jupyter", "kernels")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data directory of Jupyter, the only one looked at: the environment may have a kernelspec too."""
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [])
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "more"))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    return tmp_path / "data"


def test_the_shipped_kernelspec_starts_the_stub_with_any_python() -> None:
    spec = json.loads((resources.files("caesura.kernelspec") / "caesura" / "kernel.json").read_text())
    assert spec["argv"] == ["python", "-m", "caesura", "-f", "{connection_file}"]
    assert spec["display_name"] == "Python 3 (Caesura)"
    assert spec["interrupt_mode"] == "message"
    assert "kernel_provisioner" not in spec["metadata"]


@pytest.mark.parametrize("size", [32, 64])
def test_the_logos_have_their_sizes(size: int) -> None:
    png = (resources.files("caesura.kernelspec") / "caesura" / f"logo-{size}x{size}.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack("!II", png[16:24]) == (size, size)


def test_install_for_the_user_is_found_by_jupyter_with_this_python(data: Path) -> None:
    assert main(["install", "--user"]) == 0
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec("caesura")
    assert spec.argv == [sys.executable, "-m", "caesura", "-f", "{connection_file}"]
    assert Path(spec.resource_dir) == data / "kernels" / "caesura"
    assert sorted(path.name for path in Path(spec.resource_dir).iterdir()) == [
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    ]


def test_install_under_a_prefix_with_a_name_and_variables(tmp_path: Path) -> None:
    words = ["install", "--prefix", str(tmp_path), "--name", "mine", "--display-name", "My Python"]
    assert main([*words, "--env", "CAESURA_POLICY", "never", "--env", "A", "b=c"]) == 0
    spec = json.loads((tmp_path / FOLDER / "mine" / "kernel.json").read_text())
    assert spec["display_name"] == "My Python"
    assert spec["env"] == {"CAESURA_POLICY": "never", "A": "b=c"}


def test_the_kernelspec_without_a_process_is_a_second_one(data: Path) -> None:
    assert main(["install", "--user"]) == 0
    assert main(["install", "--user", "--provisioner"]) == 0
    first, second = (
        json.loads((data / "kernels" / name / "kernel.json").read_text()) for name in ("caesura", "caesura-provisioner")
    )
    assert "kernel_provisioner" not in first["metadata"]
    assert second["metadata"]["kernel_provisioner"] == {"provisioner_name": "caesura"}
    assert second["argv"] == first["argv"]
    assert second["display_name"] != first["display_name"]
    assert main(["uninstall", "--provisioner"]) == 0
    assert (data / "kernels" / "caesura").exists()
    assert not (data / "kernels" / "caesura-provisioner").exists()


def test_installing_again_replaces(data: Path) -> None:
    assert main(["install", "--user", "--display-name", "One"]) == 0
    assert main(["install", "--user"]) == 0
    spec = json.loads((data / "kernels" / "caesura" / "kernel.json").read_text())
    assert spec["display_name"] == "Python 3 (Caesura)"


def test_a_bad_name_is_one_clear_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--user", "--name", "no blanks"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unwritable_place_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "share").touch()
    assert main(["install", "--prefix", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "--user" in said
    assert said.count("\n") == 1


def test_uninstall_removes_what_install_wrote(data: Path) -> None:
    assert main(["install", "--user"]) == 0
    assert main(["uninstall"]) == 0
    assert not (data / "kernels" / "caesura").exists()


def test_uninstall_leaves_other_kernels_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data / "kernels" / "other"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text('{"argv": ["python", "-m", "other"], "display_name": "O", "language": "x"}')
    assert main(["uninstall", "--name", "other"]) == 1
    assert main(["uninstall", "--name", "nothing"]) == 1
    assert folder.exists()
    assert "not Caesura's" in capsys.readouterr().err


Findings = Callable[..., dict[str, dict[str, str]]]


@pytest.fixture
def doctor(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Findings:
    def run(home: Path = tmp_path / "home") -> dict[str, dict[str, str]]:
        code = main(["doctor", "--json", "--home", str(home)])
        found = json.loads(capsys.readouterr().out)
        assert found["ok"] == (code == 0)
        assert found["ok"] == all(finding["level"] != "bad" for finding in found["findings"])
        return {finding["name"]: finding for finding in found["findings"]}

    return run


def test_the_doctor_finds_nothing_bad_after_an_installation(
    doctor: Findings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    main(["install", "--user", "--json"])
    capsys.readouterr()
    found = doctor()
    assert [finding["name"] for finding in found.values() if finding["level"] == "bad"] == []
    assert set(found) == {
        "versions", "packages", "frames", "home", "socket", "kernelspec", "hash seed", "policy", "coordinator"
    }  # fmt: skip


def test_the_doctor_misses_the_kernelspec(doctor: Findings) -> None:
    found = doctor()["kernelspec"]
    assert found["level"] == "bad"
    assert "caesura install" in found["remedy"]


def test_the_doctor_sees_a_home_that_cannot_be_made(doctor: Findings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor(tmp_path / "file" / "home")["home"]["level"] == "bad"


def test_the_doctor_notes_a_home_open_to_others(doctor: Findings, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert doctor(tmp_path / "open")["home"]["level"] == "note"


@pytest.mark.parametrize(
    ("name", "value", "finding"), [("PYTHONHASHSEED", "random", "hash seed"), ("CAESURA_POLICY", "perhaps", "policy")]
)
def test_the_doctor_sees_variables_that_cannot_work(
    name: str, value: str, finding: str, doctor: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert doctor()[finding]["level"] == "bad"
