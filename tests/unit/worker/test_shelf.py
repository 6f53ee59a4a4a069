"""Modules that were imported beforehand are as if they were not, until somebody imports them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import caesura

PACKAGES = {
    "base/__init__.py": "",
    "base/used.py": "import random\nchosen = random.Random()\n",
    "base/more.py": "",
    "user/__init__.py": "import base.used, base.more, leaf\ncount = [0]\n",
    "user/part.py": "",
    "leaf.py": "value = []\n",
    "threads.py": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    "breaks.py": "raise RuntimeError\n",
    "crashes.py": "import os\nos._exit(3)\n",
    "sets_env.py": "import os\nos.environ['SET_BY_IMPORT'] = '1'\n",
    "big.py": "data = bytearray(80_000_000)\ndata[::4096] = b'x' * len(data[::4096])\n",
}

BEGINNING = """
import os, sys, sysconfig
sys.path.insert(0, {installed!r})
sysconfig.get_path = lambda kind: {installed!r}
import importlib.util
from caesura.worker.preloading import Preloading
from caesura.worker.shelf import shelf
preloading = Preloading()

def preload(*names, budget_mb=1000):
    preloading.want(names, budget_mb * 10**6)
    while preloading.is_wanted:
        preloading.next()
"""


@pytest.fixture
def said(tmp_path: Path) -> Callable[..., str]:
    """What a program prints that has these packages installed."""
    installed = tmp_path / "installed"
    for name, text in PACKAGES.items():
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text(text)

    def run(program: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(Path(caesura.__file__).parents[1]), "PYTHONWARNINGS": "ignore"}
        script = BEGINNING.format(installed=str(installed)) + textwrap.dedent(program)
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_what_was_preloaded_does_not_show_and_comes_with_its_import(said: Callable[..., str]) -> None:
    program = """
    preload("user")
    print([name for name in ("user", "base", "base.used", "leaf") if name in sys.modules], sys.meta_path[0] is shelf)
    shelf._modules["user"].count.append(1)
    import user
    print(user.count, user.__spec__.loader is not shelf, sys.modules["base.used"] is user.base.used)
    import user.part
    print(user.part.__name__, shelf.names, shelf in sys.meta_path)
    """
    assert said(program) == "[] True\n[0, 1] True True\nuser.part [] False"


def test_an_import_of_a_part_brings_what_was_imported_with_it(said: Callable[..., str]) -> None:
    program = """
    preload("user")
    import leaf
    print("user" in sys.modules)
    import user
    print(user.leaf is leaf)
    """
    assert said(program) == "True\nTrue"


def test_a_package_does_not_show_parts_that_are_not_imported(said: Callable[..., str]) -> None:
    program = """
    preload("base", "user")
    import base
    print("base.used" in sys.modules, hasattr(base, "used"))
    import user
    print(base.used is sys.modules["base.used"], user.base is base)
    """
    assert said(program) == "False False\nTrue True"


def test_a_module_of_the_user_comes_before_one_that_was_preloaded(said: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "leaf.py").write_text("value = 'the own one'\n")
    program = """
    preload("user")
    sys.path.insert(0, os.getcwd())
    import leaf, user
    print(leaf.value, user.leaf is leaf, shelf in sys.meta_path)
    """
    assert said(program) == "the own one True False"


def test_what_is_not_installed_is_never_imported(said: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("print('it ran')\n")
    program = """
    sys.path.insert(0, os.getcwd())
    preload("own", "json", "nowhere", "base.used")
    print(shelf.names, sorted(preloading.refused), "own" in sys.modules)
    """
    assert said(program) == "[] ['base.used', 'nowhere', 'own'] False"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("threads", "a zygote has threads"),
        ("breaks", "its import fails: RuntimeError"),
        ("crashes", "its import crashed"),
        ("sets_env", "its import changes the environment"),
        ("big", "it takes more memory than is left"),
    ],
)
def test_what_does_not_suit_a_fork_is_refused_and_the_zygote_unharmed(
    said: Callable[..., str], name: str, reason: str
) -> None:
    if name == "big" and not os.path.exists("/proc/self/statm"):
        pytest.skip("the system does not say how large a process is")
    program = f"""
    preload({name!r}, "leaf", budget_mb=40)
    print(shelf.names, {name!r} in sys.modules, "SET_BY_IMPORT" in os.environ)
    print(preloading.refused[{name!r}])
    """
    names, why = said(program).split("\n")
    assert names == "['leaf'] False False"
    assert why.startswith(reason)


def test_without_a_budget_nothing_is_imported(said: Callable[..., str]) -> None:
    assert said("preload('leaf', budget_mb=0)\nprint(shelf.names, preloading.refused)").startswith("[]")


def test_workers_do_not_draw_the_same_numbers(said: Callable[..., str]) -> None:
    program = """
    preload("user")
    from caesura.worker.start import draw_new_random_numbers
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            draw_new_random_numbers()
            import base.used
            print(base.used.chosen.random(), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
    """
    first, second = said(program).split("\n")
    assert first != second
