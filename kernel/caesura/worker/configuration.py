"""A notebook's own settings for IPython: its profile, configuration files, the rest of the kernel's command line."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from IPython.core.application import BaseIPythonApplication

from caesura.worker.history import install_history
from caesura.worker.kernel import CaesuraKernel
from caesura.worker.spares import stamp

log = logging.getLogger(__name__)


class NotebookSettings(IPKernelApp):  # type: ignore[misc]
    """ipykernel's application without its sockets: it reads the settings and applies them to a shell that is there."""

    is_applied = False
    """Whether the kernel has been configured."""

    def _configure_logging(self) -> None:
        """Leave the logging of the user's process alone."""

    def load(self, argv: Sequence[str]) -> str:
        """Read profile, files and ``argv``. The empty string, or what is wrong with them, for the user."""
        self.log = log
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # it prints how it is used
                BaseIPythonApplication.initialize(self, list(argv))
        except SystemExit:
            BaseIPythonApplication.initialize(self, [])
            return f"The kernel's arguments {' '.join(argv)} were not understood and are ignored.\n"
        return ""

    def parse_command_line(self, argv: Any = None) -> None:
        """An empty command line says nothing; to find that out costs 15 ms, at each start and each resume."""
        if argv:
            super().parse_command_line(argv)

    def stamps(self) -> list[list[Any]]:
        """The configuration files that there are or could be, as :func:`~caesura.worker.spares.stamp` shows them."""
        names = dict.fromkeys(("ipython_config.py", *self.config_files))
        stems = [name.removesuffix(".py") for name in names]
        return [
            stamp(os.path.join(directory, stem + suffix))
            for directory in self.config_file_paths
            for stem in stems
            for suffix in (".py", ".json")
        ]

    def apply(self, kernel: CaesuraKernel) -> None:
        """Configure the kernel and its shell. A history is made here, because its file is a setting."""
        shell = kernel.shell
        self.kernel, self.shell = kernel, shell
        shell.profile_dir = self.profile_dir
        for configurable in (kernel, *shell.configurables):
            configurable.update_config(self.config)
        install_history(shell)
        _call(self.init_path)
        self.is_applied = True

    def make_debugger_interruptible(self) -> None:
        """``pdb.set_trace()`` is IPython's, as ipykernel has it: an interrupt ends it. Before :mod:`pdb` is watched."""
        _call(self.init_pdb)

    def choose_plot_backend(self) -> None:
        """As ipykernel does, unless the user has chosen one."""
        if not os.environ.get("MPLBACKEND"):
            os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

    def run_startup(self) -> None:
        """What the settings want to have run at the start of a session: not when it only changes its process."""
        for step in (self.init_gui_pylab, self.init_extensions, self.init_code):
            _call(step)
        sys.stdout.flush()
        sys.stderr.flush()


def _call(step: Any) -> None:
    step()


def make_settings() -> NotebookSettings:
    """Nothing is read yet. It is the application of this process: ``%matplotlib`` and others ask it for the kernel."""
    make: Any = NotebookSettings.instance
    settings: NotebookSettings = make()
    return settings
