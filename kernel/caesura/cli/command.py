"""The command line: which subcommands there are and what they take.

What lives here: parsing, and errors as one line. What must not: what a subcommand does.

Exit codes: 0 fine, 1 an error said on stderr, 2 a wrong command line.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import caesura
from caesura import config
from caesura.cli import acting, doctor, install, learned, logs, looking, simulate
from caesura.cli import sessions as listing
from caesura.cli import store as storing
from caesura.cli.context import Context
from caesura.errors import CaesuraError
from caesura.model import PROTOCOL

_EXAMPLES = """examples:
  caesura status                            what runs, what waits, and what each cell waits for
  caesura events send approval --json true  answer `await caesura.event("approval")`
  caesura doctor                            is everything as it has to be?"""


def version(context: Context) -> int:
    context.give({"caesura": caesura.__version__, "python": platform.python_version(), "protocol": PROTOCOL})
    context.say(f"caesura {caesura.__version__} (protocol {PROTOCOL}, Python {platform.python_version()})")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: this process's); the exit code."""
    try:
        options = parser().parse_args(argv)
    except SystemExit as ended:  # argparse: 0 after --help, 2 after a wrong command line
        return int(ended.code or 0)
    home = getattr(options, "home", None)
    environ = {**os.environ, "CAESURA_HOME": home} if home else dict(os.environ)
    context = Context(config.home_directory(environ), getattr(options, "as_json", False), options, environ)
    try:
        return int(options.run(context))
    except CaesuraError as error:
        sys.stderr.write(f"caesura: {' '.join(str(error).split())}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away, as `head` does
        return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="caesura",
        description="Cells that leave their worker while they wait.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_home(), _json()],
    )
    commands = _Commands(top.add_subparsers(metavar="COMMAND", required=True))
    _looking(commands)
    _acting(commands)
    _kernelspec(commands)
    made = commands.add(
        "simulate", simulate.simulate, "what policies would have cost, on recorded or synthetic waits",
        "caesura simulate waits.csv --workers 4 --load 1 --load 3",
        "caesura simulate --workload 'exponential, mean 30' --policy auto --policy mean:10 --plot cost.png",
    )  # fmt: skip
    simulate.takes(made)
    made = commands.add(
        "history", learned.history, "how long each kind of call has taken, and what was decided about it; or forget it",
        "caesura history", "caesura history function:__main__.train", "caesura history function:__main__.train --clear",
    )  # fmt: skip
    learned.takes_history(made)
    made = commands.add(
        "savings", learned.savings, "what letting go of waiting cells has saved, beside what other policies would have",
        "caesura savings --days 7", "caesura savings --plot savings.png",
    )  # fmt: skip
    learned.takes_savings(made)
    commands.add("version", version, "the versions of Caesura, its protocol and Python", "caesura version --json")
    return top


def _home() -> argparse.ArgumentParser:
    """An option that may stand before or after the subcommand."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--home",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="the home directory (default: CAESURA_HOME, or caesura in Jupyter's data directory)",
    )
    return shared


def _json() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--json",
        dest="as_json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print JSON, whose fields stay the same from version to version",
    )
    return shared


class _Commands:
    """Adds subcommands, each with its help and examples."""

    def __init__(self, target: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        self._target = target

    def add(
        self, name: str, run: Callable[[Context], int], summary: str, *examples: str, takes_json: bool = True
    ) -> argparse.ArgumentParser:
        made = self._target.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog="\n  ".join(["examples:", *examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[_home(), _json()] if takes_json else [_home()],
        )
        made.set_defaults(run=run)
        return made


def _looking(commands: _Commands) -> None:
    commands.add(
        "status", looking.status, "workers, sessions and cells: what each waits for and why it is held",
        "caesura status", "caesura status --json | jq '.cells[].reason'",
    )  # fmt: skip
    commands.add("cells", looking.cells, "the cells that run, wait, or ended lately", "caesura cells")
    made = commands.add(
        "cell", looking.cell, "one cell, its moves, and the decisions about it", "caesura cell 1f0c9a3e_4"
    )
    _takes_cell(made)
    made = commands.add(
        "why", looking.why, "what holds a notebook in its worker: the way to it, what it is, and what can be done",
        "caesura why", "caesura why report.ipynb --variables",
    )  # fmt: skip
    made.add_argument("of", metavar="NOTEBOOK", nargs="?", default="", help="its name, or the id of a session or cell")
    made.add_argument("--variables", action="store_true", help="also the variables that would hold it")
    made = commands.add(
        "logs", logs.logs, "the end of the coordinator's log", "caesura logs --lines 20", "caesura logs --follow"
    )
    made.add_argument("--lines", type=_count, default=50, metavar="N", help="how many lines (default: 50)")
    made.add_argument("--follow", action="store_true", help="go on with what is added, until interrupted")
    commands.add(
        "doctor", doctor.doctor, "whether versions, paths, permissions and the kernelspec are as they have to be",
        "caesura doctor",
    )  # fmt: skip


def _acting(commands: _Commands) -> None:
    made = commands.add("cancel", acting.cancel, "give a cell up", "caesura cancel 1f0c9a3e_4")
    _takes_cell(made)
    made = commands.add(
        "resume", acting.resume, "take a failed cell up again from its last snapshot", "caesura resume 1f0c9a3e_4"
    )
    _takes_cell(made)
    made = commands.add(
        "park", acting.park, "save a notebook that runs no cell, and free its process",
        "caesura park report.ipynb",
    )  # fmt: skip
    made.add_argument("session", metavar="SESSION", help="the notebook's name or path, or the id of its session")
    made = commands.add(
        "restart", acting.restart, "replace a worker, after its session was saved, which goes on in a new one",
        "caesura restart 4711", "caesura restart 4711 --force",
    )  # fmt: skip
    made.add_argument("worker", metavar="WORKER", help="its pid, or the id that `status --json` shows")
    made.add_argument("--force", action="store_true", help="also if it cannot be saved: its variables are lost")
    _sessions(commands)
    made = commands.add(
        "events", looking.events, "the events that cells wait for; or answer one",
        "caesura events", "caesura events send approval --json true",
    )  # fmt: skip
    inner = _Commands(made.add_subparsers(metavar="COMMAND"))
    inner.add("list", looking.events, "the events that cells wait for", "caesura events list --json")
    sending = inner.add(
        "send", acting.send_event, "answer all cells that wait for an event",
        "caesura events send approval", "caesura events send approval --json '{\"by\": \"me\"}'",
        "caesura events send approval --error 'not this time'", takes_json=False,
    )  # fmt: skip
    sending.add_argument("name", metavar="NAME", help="the event's name")
    answer = sending.add_mutually_exclusive_group()
    answer.add_argument("--json", dest="value", metavar="VALUE", help="what the await gives (default: null)")
    answer.add_argument("--error", metavar="TEXT", help="the await raises an error with this text")
    made = commands.add(
        "store", storing.store, "how much snapshots take on the disk; or remove what nobody needs",
        "caesura store", "caesura store collect",
    )  # fmt: skip
    _Commands(made.add_subparsers(metavar="COMMAND")).add(
        "collect", storing.collect, "remove now what nobody needs", "caesura store collect --json"
    )
    commands.add("start", acting.start, "start the coordinator if it does not run", "caesura start")
    made = commands.add("stop", acting.stop, "stop the coordinator", "caesura stop", "caesura stop --force")
    made.add_argument("--force", action="store_true", help="also when notebooks are open; their kernels end")


def _sessions(commands: _Commands) -> None:
    made = commands.add(
        "sessions", listing.sessions, "the notebooks that are open, or kept since their server stopped",
        "caesura sessions", "caesura sessions attach s1 moved.ipynb", "caesura sessions drop report.ipynb",
    )  # fmt: skip
    inner = _Commands(made.add_subparsers(metavar="COMMAND"))
    inner.add("list", listing.sessions, "the notebooks that are open or kept", "caesura sessions list --json")
    attaching = inner.add(
        "attach", listing.attach, "have the next kernel of a notebook go on with a kept session",
        "caesura sessions attach s1", "caesura sessions attach s1 moved.ipynb",
    )  # fmt: skip
    dropping = inner.add(
        "drop", listing.drop, "give a kept session up, with its variables and outputs", "caesura sessions drop s1"
    )
    for each in (attaching, dropping):
        each.add_argument("session", metavar="SESSION", help="its id or a beginning of it, or the notebook's path")
    attaching.add_argument("notebook", metavar="NOTEBOOK", nargs="?", help="the notebook (default: the session's own)")


def _kernelspec(commands: _Commands) -> None:
    made = commands.add(
        "install", install.install, "write the kernelspec for this Python where Jupyter finds it",
        "caesura install --user", "caesura install --prefix /opt/jupyter --name caesura-gpu --env OMP_NUM_THREADS 4",
        "caesura install --user --provisioner", "caesura install --service",
    )  # fmt: skip
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--user", action="store_true", help="for this user")
    where.add_argument("--sys-prefix", action="store_true", help=f"for this environment ({sys.prefix})")
    where.add_argument("--prefix", metavar="PATH", type=_absolute, help="for the installation at PATH")
    _takes_service(where)
    _takes_kernelspec(made)
    made.add_argument("--display-name", metavar="NAME", help="what Jupyter shows (default: Python 3 (Caesura))")
    made.add_argument("--env", nargs=2, action="append", metavar=("NAME", "VALUE"), help="set a variable; repeatable")
    made = commands.add("uninstall", install.uninstall, "remove the kernelspec, or the service", "caesura uninstall")
    _takes_service(made)
    _takes_kernelspec(made)


def _takes_service(made: argparse._ActionsContainer) -> None:
    made.add_argument(
        "--service",
        action="store_true",
        help="instead: the service of this user that starts the coordinator at login, so that cells go on after it",
    )


def _takes_kernelspec(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--provisioner",
        action="store_true",
        help="the kernelspec whose kernels have no process (for Jupyter Servers that have Caesura installed too)",
    )
    named = f"the kernelspec's name (default: caesura, with --provisioner {install.PROVISIONED})"
    made.add_argument("--name", help=named)


def _takes_cell(made: argparse.ArgumentParser) -> None:
    made.add_argument("cell", metavar="CELL", help="its id, a beginning of it, or the short form that `cells` shows")


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _absolute(text: str) -> str:
    return str(Path(text).expanduser().absolute())
