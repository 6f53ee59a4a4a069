"""A kernel without a process of its own, for ``jupyter_client``: the coordinator binds its sockets.

What lives here: what Jupyter asks of a kernel provisioner, answered by a kernel that the coordinator hosts. What must
not: the connection to the coordinator (``hosted.py``).

The kernelspec that ``caesura install --provisioner`` writes names this class; its ``argv`` is that of the stub, which
says with which Python the notebook's workers run.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from caesura import config
from caesura.errors import EnvironmentFault, UsageError
from caesura.hosted import HostedKernel, open_kernel

NAME: Final = "caesura"
"""Of the entry point, and so of ``kernel_provisioner`` in a kernelspec."""

_SIGNALS: Final = {
    signal.SIGINT: "interrupt",
    signal.SIGTERM: "terminate",
    signal.SIGHUP: "terminate",
    signal.SIGQUIT: "terminate",
    signal.SIGKILL: "kill",
}
_LOOK_S: Final = 0.02
_CHECK_LIMIT_S: Final = 30.0
_PORTS: Final = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")

_with_caesura: set[str] = {sys.executable}
"""Interpreters that are known to have this package."""


class CaesuraProvisioner(KernelProvisionerBase):
    """One kernel that the coordinator hosts. The coordinator is started if need be, and again when it was lost."""

    _kernel: HostedKernel | None = None
    _cwd = ""
    _home: Path | None = None

    # --- the kernel's life ------------------------------------------------------------------------------------------

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel, as with a process: from its launch until its end was waited for."""
        return self._kernel is not None

    async def poll(self) -> int | None:
        """None while the kernel is there, also while it is without a worker or the coordinator is started again."""
        return 0 if self._kernel is None else self._kernel.code

    async def wait(self) -> int | None:
        """Its exit code, when it has ended."""
        kernel = self._kernel
        if kernel is None:
            return 0
        while kernel.code is None:  # noqa: ASYNC110  # the loop may be another one each time
            await asyncio.sleep(_LOOK_S)
        if kernel.text:
            self.log.warning("caesura: %s", kernel.text)
        self._kernel = None
        return kernel.code

    async def send_signal(self, signum: int) -> None:
        """SIGINT interrupts, SIGTERM, SIGHUP and SIGQUIT end, SIGKILL kills; UsageError for others."""
        if self._kernel is None or signum == 0:
            return
        name = _SIGNALS.get(signal.Signals(signum))
        if name is None:
            raise UsageError(
                f"{signal.Signals(signum).name} cannot be sent to a kernel that has no process of its own. "
                "Use the kernelspec without the provisioner if it needs signals."
            )
        self._kernel.signal(name)

    async def kill(self, restart: bool = False) -> None:
        """The kernel is dead at once; its worker is killed by the coordinator."""
        if self._kernel is not None:
            self._kernel.signal("kill")

    async def terminate(self, restart: bool = False) -> None:
        """Ask the coordinator to end it."""
        if self._kernel is not None:
            self._kernel.signal("terminate")

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left to this process once the kernel has ended."""
        self._kernel = None

    # --- launching --------------------------------------------------------------------------------------------------

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Adds ``cmd``, as the kernelspec's ``argv`` says it, and what is known of the connection."""
        extra = kwargs.pop("extra_arguments", [])
        manager = self.parent
        if manager is None:
            cmd = [*self.kernel_spec.argv, *extra]
        else:
            if not manager.connection_file:  # the manager would choose a name when it writes it; the kernel is told now
                manager.connection_file = os.path.join(tempfile.gettempdir(), f"kernel-{secrets.token_hex(8)}.json")
            cmd = manager.format_kernel_cmd(extra_arguments=extra)
            self.connection_info = manager.get_connection_info()
        return dict(await super().pre_launch(cmd=cmd, **kwargs))

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """The content of the connection file. UsageError and EnvironmentFault say what is wrong with the kernelspec,
        its environment, or the coordinator."""
        environ: Mapping[str, str] = kwargs.get("env") or os.environ
        self._cwd = str(kwargs.get("cwd") or Path.cwd())
        self._home = config.home_directory(environ)
        environment = environment_of(cmd, environ, self._cwd)
        await asyncio.to_thread(_check_interpreter, environment)
        self._kernel = await asyncio.to_thread(
            open_kernel,
            self._home,
            environ,
            connection=self._wanted_connection(),
            environment=environment,
            name=environ.get("JPY_SESSION_NAME", ""),
        )
        self.connection_info = _for_jupyter(self._kernel.connection)
        if self.parent is not None:
            _tell_manager(self.parent, self.connection_info, environ.get("JPY_SESSION_NAME", ""))
        return self.connection_info

    def _wanted_connection(self) -> dict[str, Any]:
        """The manager's connection; ports that it has not chosen stay 0, for the coordinator to choose."""
        known = dict(self.connection_info)
        key = known.get("key", b"")
        ports = {name: known.get(name) or 0 for name in _PORTS}
        if not all(ports.values()):
            ports = dict.fromkeys(_PORTS, 0)
        return {
            "transport": known.get("transport", "tcp"),
            "ip": known.get("ip", "127.0.0.1"),
            "key": key.decode() if isinstance(key, bytes) else str(key),
            "signature_scheme": known.get("signature_scheme", "hmac-sha256"),
            **ports,
        }

    def resolve_path(self, path: str) -> str | None:
        """``path`` as the notebook means it, from its working directory; None if there is nothing."""
        found = Path(self._cwd, Path(path).expanduser())
        return found.resolve().as_posix() if found.exists() else None

    # --- for another process that goes on with the kernel -----------------------------------------------------------

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What :meth:`load_provisioner_info` needs in another process."""
        info = dict(await super().get_provisioner_info())
        if self._kernel is not None:
            info |= {"home": str(self._home), "session_id": self._kernel.session_id, "cwd": self._cwd}
        return info

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Go on with the kernel of another process; :meth:`poll` says 1 if it has ended meanwhile."""
        await super().load_provisioner_info(provisioner_info)
        if not provisioner_info.get("session_id"):
            return
        self._home, self._cwd = Path(provisioner_info["home"]), provisioner_info["cwd"]
        self._kernel = await asyncio.to_thread(
            open_kernel,
            self._home,
            {**os.environ, "CAESURA_HOME": str(self._home)},
            connection=self._wanted_connection(),
            environment={},
            session_id=provisioner_info["session_id"],
            is_known=True,
        )


def environment_of(cmd: Sequence[str], environ: Mapping[str, str], cwd: str) -> dict[str, Any]:
    """What the notebook's workers need, from a stub's command line; UsageError if it is none."""
    found = config.kernel_connection_file(cmd[3:]) if list(cmd[1:3]) == ["-m", "caesura"] else None
    if found is None:
        raise UsageError(
            f"The kernel provisioner {NAME!r} only starts kernels with the command PYTHON -m caesura -f FILE, "
            f"not {' '.join(cmd[:4])!r}. `caesura install --provisioner` writes such a kernelspec."
        )
    executable = shutil.which(cmd[0], path=environ.get("PATH")) or ""
    if not executable:
        raise EnvironmentFault(
            f"The interpreter {cmd[0]} of this kernelspec is not there. Make the environment again and run "
            "`caesura install --provisioner` in it, or choose another kernel."
        )
    return {
        "executable": os.path.abspath(executable),
        "prefix": _prefix(os.path.abspath(executable)),
        "cwd": cwd,
        "env": dict(environ),
        "argv": found[1],
        "connection_file": os.path.abspath(found[0]),
    }


def _prefix(executable: str) -> str:
    """``sys.prefix`` of an interpreter, without starting it."""
    if executable == sys.executable:
        return sys.prefix
    here = Path(executable).parent.parent
    return str(here if (here / "pyvenv.cfg").exists() else Path(executable).resolve().parent.parent)


def _check_interpreter(environment: Mapping[str, Any]) -> None:
    """EnvironmentFault if the kernelspec's Python, which is not this one, cannot import this package."""
    executable = environment["executable"]
    if executable in _with_caesura:
        return
    try:
        done = subprocess.run(
            [executable, "-c", "import caesura"],
            env=environment["env"],
            cwd=os.path.dirname(executable),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_CHECK_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(
            f"The interpreter {executable} of this kernelspec cannot be started: {error}."
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EnvironmentFault(
            f"Caesura cannot be imported by {executable}, which this kernelspec uses: {last}. "
            f"Install it there: {executable} -m pip install caesura"
        )
    _with_caesura.add(executable)


def _for_jupyter(connection: Mapping[str, Any]) -> KernelConnectionInfo:
    """As ``KernelManager`` compares it: the key as bytes."""
    return cast(KernelConnectionInfo, {**connection, "key": str(connection["key"]).encode()})


def _tell_manager(manager: Any, connection: KernelConnectionInfo, name: str) -> None:
    """Write the connection file, unless there is one as after a restart, with the notebook's name."""
    if os.path.exists(manager.connection_file):
        return
    for port in _PORTS:  # what is set already would not be loaded
        setattr(manager, port, 0)
    manager.load_connection_info(connection)
    manager.write_connection_file(jupyter_session=name)
