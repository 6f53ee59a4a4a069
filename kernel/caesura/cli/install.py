"""``caesura install`` and ``caesura uninstall``: the kernelspec of this interpreter, or the service of this user."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from argparse import Namespace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from caesura.cli import service
from caesura.cli.context import Context
from caesura.errors import EnvironmentFault, UsageError

PROVISIONED: Final = "caesura-provisioner"
"""The name of the kernelspec that starts no process."""


def install(context: Context) -> int:
    """Write the kernelspec where Jupyter finds it, with this interpreter as its ``argv[0]``."""
    from jupyter_client.kernelspec import KernelSpecManager

    options = context.options
    if options.service:
        return service.install(context)
    name = _name(options)
    prefix = sys.prefix if options.sys_prefix else options.prefix
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary, "caesura")
        with resources.as_file(resources.files("caesura.kernelspec") / "caesura") as shipped:
            shutil.copytree(shipped, source)
        (source / "kernel.json").write_text(
            json.dumps(spec(source, options.display_name, options.env, is_provisioned=options.provisioner), indent=2)
            + "\n"
        )
        try:
            written = KernelSpecManager().install_kernel_spec(
                str(source), kernel_name=name, user=options.user, prefix=prefix
            )
        except ValueError as error:
            raise UsageError(f"{name!r} cannot be the name of a kernel: {error}") from error
        except OSError as error:
            raise EnvironmentFault(
                f"The kernelspec cannot be written to {error.filename}: {error.strerror}. Try --user or --prefix PATH."
            ) from error
    context.give({"name": name, "path": str(written)})
    context.say(f"The kernelspec {name} is in {written}.")
    return 0


def _name(options: Namespace) -> str:
    return str(options.name or (PROVISIONED if options.provisioner else "caesura"))


def spec(
    source: Path,
    display_name: str | None,
    env: list[tuple[str, str]] | None,
    *,
    is_provisioned: bool = False,
) -> dict[str, Any]:
    """The content of ``kernel.json`` for this interpreter; with the provisioner no process is started for a kernel."""
    content: dict[str, Any] = json.loads((source / "kernel.json").read_text())
    content["argv"][0] = sys.executable
    if is_provisioned:
        content["display_name"] = "Python 3 (Caesura, no process)"
        content["metadata"]["kernel_provisioner"] = {"provisioner_name": "caesura"}
    if display_name:
        content["display_name"] = display_name
    if env:
        content["env"] = dict(env)
    return content


def uninstall(context: Context) -> int:
    """Remove a kernelspec that :func:`install` wrote; others are left alone."""
    from jupyter_client.kernelspec import KernelSpecManager

    if context.options.service:
        return service.uninstall(context)
    name = _name(context.options)
    found = KernelSpecManager().find_kernel_specs().get(name)
    if found is None:
        raise UsageError(f"There is no kernelspec {name!r}. `jupyter kernelspec list` shows those that there are.")
    path = Path(found)
    if not is_ours(path):
        raise UsageError(
            f"The kernelspec in {path} is not Caesura's. `jupyter kernelspec uninstall {name}` removes it."
        )
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be removed: {error.strerror}.") from error
    context.give({"name": name, "path": str(path)})
    context.say(f"The kernelspec {name} was removed from {path}.")
    return 0


def is_ours(path: Path) -> bool:
    """Whether the kernelspec in the folder ``path`` starts Caesura's stub."""
    try:
        argv = json.loads((path / "kernel.json").read_text()).get("argv", [])
    except (OSError, ValueError):
        return False
    return list(argv[1:3]) == ["-m", "caesura"]
