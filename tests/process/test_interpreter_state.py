"""What the user has set in the interpreter is set in the next process too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process

SETTINGS = {
    "hooks": (
        "def hook(*args): pass\nsys.unraisablehook = sys.breakpointhook = threading.excepthook = hook",
        "[sys.unraisablehook is hook, sys.breakpointhook is hook, threading.excepthook is hook]",
        "[True, True, True]",
    ),
    "a trace function": (
        "seen = []\n"
        "def trace(frame, event, arg): seen.append(frame.f_code.co_name)\n"
        "def called(): pass\n"
        "sys.settrace(trace); sys.setprofile(trace)",
        "[called(), sys.gettrace() is trace, sys.getprofile() is trace, 'called' in seen, "
        "sys.settrace(None), sys.setprofile(None)]",
        "[None, True, True, True, None, None]",
    ),
    "signal handlers": (
        "def handle(*args): pass\n"
        "signal.signal(signal.SIGUSR1, handle); signal.signal(signal.SIGUSR2, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]);",
        "[signal.getsignal(signal.SIGUSR1) is handle, signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN,"
        " signal.SIGALRM in signal.pthread_sigmask(signal.SIG_BLOCK, [])]",
        "[True, True, True]",
    ),
    "the process": (
        "os.umask(0o27); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()\n"
        "os.nice(1); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "locale.setlocale(locale.LC_ALL, 'C');",
        "[oct(os.umask(0o27)), resource.getrlimit(resource.RLIMIT_CORE), time.timezone, os.nice(0), "
        "len(os.sched_getaffinity(0)), locale.setlocale(locale.LC_ALL)]",
        "['0o27', (0, 0), -32400, 1, 1, 'C']",
    ),
    "settings": (
        "gc.disable(); gc.set_threshold(123, 4, 5); sys.setswitchinterval(0.25)\n"
        "def on_collection(phase, info): pass\n"
        "gc.callbacks.append(on_collection)\n"
        "sys.set_int_max_str_digits(5000); sys.setrecursionlimit(1234)\n"
        "faulthandler.enable(open('fault.log', 'w'))\n"
        "socket.setdefaulttimeout(7); csv.field_size_limit(99); sys.tracebacklimit = 9\n"
        "sys.dont_write_bytecode = True\n"
        "decimal.getcontext().prec = 7\n"
        "import contextvars; variable = contextvars.ContextVar('variable'); variable.set(3);",
        "[gc.isenabled(), gc.get_threshold()[0], gc.callbacks.count(on_collection), sys.getswitchinterval(), "
        "sys.get_int_max_str_digits(), sys.getrecursionlimit(), socket.getdefaulttimeout(), csv.field_size_limit(), "
        "sys.tracebacklimit, sys.dont_write_bytecode, decimal.getcontext().prec, variable.get()]",
        "[False, 123, 1, 0.25, 5000, 1234, 7.0, 99, 9, True, 7, 3]",
    ),
    "registries": (
        "def search(name): return codecs.lookup('latin-1') if name == 'of_the_user' else None\n"
        "codecs.register(search); codecs.register_error('of_the_user', lambda error: ('!', error.end))\n"
        "class Odd: pass\n"
        "def reduce_odd(odd): return Odd, ()\n"
        "copyreg.pickle(Odd, reduce_odd); builtins.shout = lambda text: text.upper()",
        "['\\xe4'.encode('of_the_user'), '\\xe4'.encode('ascii', 'of_the_user'), "
        "copyreg.dispatch_table[Odd] is reduce_odd, shout('x')]",
        "[b'\\xe4', b'!', True, 'X']",
    ),
    "logging": (
        "logging.disable(15); logging.addLevelName(17, 'LOUD'); logging.captureWarnings(True)\n"
        "class Mine(logging.Logger): pass\n"
        "logging.setLoggerClass(Mine)",
        "[logging.root.manager.disable, logging.getLevelName(17), logging.getLoggerClass() is Mine, "
        "warnings.showwarning is logging._showwarning]",
        "[15, 'LOUD', True, True]",
    ),
}
MODULES = (
    "asyncio, builtins, codecs, copyreg, csv, decimal, faulthandler, gc, locale, logging, os, resource, signal, "
    "socket, sys, threading, time, tracemalloc, warnings, caesura"
)


@pytest.fixture
def notebook(make_home: Callable[..., Home], tmp_path: Path) -> Notebook:
    made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook(cwd=tmp_path)
    made.run(f"import {MODULES}")
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="some of these settings are Linux's")
def test_it_is_as_it_was_after_a_move_and_after_a_second_one(notebook: Notebook) -> None:
    for name, (code, _, _) in SETTINGS.items():
        result = notebook.run(code)
        assert result.error is None, (name, result.error)
    for _ in range(2):
        cell = notebook.submit("pid = os.getpid(); await asyncio.sleep(0.1); print(os.getpid() != pid)")
        assert notebook.wait(cell).text == "True\n"
    for name, (_, question, answer) in SETTINGS.items():
        result = notebook.run(question)
        assert result.error is None, (name, result.error)
        assert result.value is not None
        assert " ".join(result.value.split()) == answer, name


def test_warnings_that_are_recorded_go_on_to_be_and_what_was_shown_is_not_shown_again(notebook: Notebook) -> None:
    cell = notebook.submit(
        "def once(): warnings.warn('once')\n"
        "once()\n"
        "shown = vars(csv).setdefault('__warningregistry__', {})\n"
        "warnings.warn_explicit('elsewhere', UserWarning, 'csv.py', 1, 'csv', shown)\n"
        "await asyncio.sleep(0.01)\n"
        "once()\n"
        "warnings.warn_explicit('elsewhere', UserWarning, 'csv.py', 1, 'csv', csv.__warningregistry__)\n"
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        "    for number in range(3):\n"
        "        warnings.warn(f'warning {number}')\n"
        "        await asyncio.sleep(0.01)\n"
        "print([str(each.message) for each in seen])\n"
        "once()\n"  # other filters have been in force: it is shown again
    )
    result = notebook.wait(cell)
    assert result.text == "['warning 0', 'warning 1', 'warning 2']\n"
    assert result.stream("stderr").count("UserWarning: once") == 2
    assert result.stream("stderr").count("UserWarning: elsewhere") == 1
    assert len(notebook.moves(cell)) >= 4


def test_a_display_hook_counts_until_the_end_of_its_cell(notebook: Notebook) -> None:
    result = notebook.run(
        "%config InteractiveShell.ast_node_interactivity = 'all'\n"
        "def show(value): print('shown', value)\n"
        "sys.displayhook = show\n1\nawait asyncio.sleep(0.1)\n2"
    )
    result = notebook.run("sys.displayhook = show\n1\nawait asyncio.sleep(0.1)\n2")
    assert result.text == "shown 1\nshown None\nshown 2\n"
    assert notebook.run("3").value == "3"


def test_what_is_registered_for_the_end_runs_once_at_the_end_of_the_session(notebook: Notebook, tmp_path: Path) -> None:
    notebook.run("import atexit\ndef bye(*args): open('ends.txt', 'a').write(f'{args}\\n')\natexit.register(bye, 1);")
    notebook.run("await asyncio.sleep(0.1)")
    notebook.run("atexit.register(bye, 2)\nawait asyncio.sleep(0.1)")
    assert not (tmp_path / "ends.txt").exists()
    notebook.run("exit()")
    notebook.run("1")  # another worker, for the session as good as new
    assert (tmp_path / "ends.txt").read_text() == "(2,)\n(1,)\n"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("tracemalloc.start()", "tracemalloc"),
        ("signal.setitimer(signal.ITIMER_REAL, 1000);", "signal.setitimer"),
    ],
)
def test_what_has_no_state_that_could_be_restored_holds_the_cell(notebook: Notebook, code: str, kind: str) -> None:
    notebook.run(code)
    cell = notebook.submit("await caesura.event('go')")
    reason = notebook.wait_for_state(cell, "held")["reason"]
    assert kind in reason
    assert "before the await" in reason
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None
