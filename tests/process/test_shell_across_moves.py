"""IPython's own state is the same before and after a move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process

SETUP = """
import asyncio, os, sys, json, pprint
%load_ext autoreload
%autoreload 2
%load_ext noisy_extension
%precision 3
%xmode Minimal
%pdb off
%alias_magic shout noisy
%alias greet echo hello
%unalias ls
%env CHOSEN=yes
%logstart -o log.py append
%cd -q sub
%cd -q ..
%config InteractiveShell.ast_node_interactivity = 'last_expr_or_assign'
%config PlainTextFormatter.max_seq_length = 4
from IPython.core.magic import register_line_magic, Magics, magics_class, line_magic
@register_line_magic
def mine(line): return 'mine ' + line
@magics_class
class Counter(Magics):
    def __init__(self, shell): super().__init__(shell); self.count = 0
    @line_magic
    def counted(self, line): self.count += 1; return self.count
ip = get_ipython()
ip.register_magics(Counter);
calls = []
def after(result): calls.append('after')
class Listener:
    def before(self, info): calls.append('before')
listener = Listener()
ip.events.register('post_run_cell', after)
ip.events.register('pre_run_cell', listener.before)
def replace(lines): return [line.replace('EIGHT', '8') for line in lines]
ip.input_transformers_post.append(replace)
import ast
class Tens(ast.NodeTransformer):
    def visit_Constant(self, node): return ast.Constant(10) if node.value == 11 else node
ip.ast_transformers.append(Tens())
class Point: pass
def show_point(obj, p, cycle): p.text('a point')
ip.display_formatter.formatters['text/plain'].for_type(Point, show_point)
def show_half(obj, p, cycle): p.text('half')
ip.display_formatter.formatters['text/plain'].for_type_by_name('fractions', 'Fraction', show_half)
def on_odd(shell, kind, error, trace, tb_offset=None): print('handled', error); return ['handled']
class Odd(Exception): pass
ip.set_custom_exc((Odd,), on_odd)
ip.push({'hidden_one': 1}, interactive=False);
point = Point()
"""

QUESTIONS = (
    "3.14159265",
    "%mine a",
    "%counted",
    "EIGHT",
    "11",
    "point",
    "from fractions import Fraction; Fraction(1, 2)",
    "ip.InteractiveTB.mode",
    "raise Odd('x')",
    "x = [1, 2, 3, 4, 5, 6]",
    "os.environ['CHOSEN'], [os.path.basename(each) for each in _dh][1:]",
    "sorted(ip.extension_manager.loaded)",
    "ip.magics_manager.registry['AutoreloadMagics']._reloader.check_all",
    "%who str",
    "%who int",
    "%greet",
    "'ls' in dict(ip.alias_manager.aliases), 'greet' in dict(ip.alias_manager.aliases)",
    "calls[-2:], [type(each).__name__ for each in ip.events.callbacks['pre_run_cell']]",
    "ip.logger.log_active",
    "In[-2], _",
)


@pytest.fixture
def notebooks(make_home: Callable[..., Home], tmp_path: Path) -> list[Notebook]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "noisy_extension.py").write_text(
        "def load_ipython_extension(shell):\n    print('loaded')\n"
        "    shell.register_magic_function(lambda line: 'noise ' + line, 'line', 'noisy')\n"
    )
    home = make_home(CAESURA_WORKERS="2")
    return [home.notebook(cwd=tmp_path, CAESURA_POLICY=policy) for policy in ("never", "always")]


def test_it_answers_as_a_notebook_that_was_never_moved(notebooks: list[Notebook]) -> None:
    answers = []
    for notebook in notebooks:
        for code in (SETUP, "await asyncio.sleep(0.05)", "await asyncio.sleep(0.05)"):
            cell = notebook.submit(code)
            result = notebook.wait(cell)
            assert result.error is None, result.error
        found = {}
        for question in QUESTIONS:
            result = notebook.run(question)
            error = None if result.error is None else (result.error["ename"], result.error["evalue"])
            found[question] = (result.value, " ".join(result.text.split()), error)
        answers.append(found)
    assert len(notebooks[1].moves(cell)) == 1
    stayed, moved = answers
    for question in QUESTIONS:
        assert moved[question] == stayed[question], question
    assert stayed["%mine a"][0] == "'mine a'"
    assert stayed["point"][0] == "a point"


def test_autoreload_goes_on_and_an_extension_does_not_speak_twice(notebooks: list[Notebook], tmp_path: Path) -> None:
    notebook = notebooks[1]
    (tmp_path / "watched.py").write_text("def value(): return 1\n")
    first = notebook.run(
        "import asyncio\n%load_ext autoreload\n%autoreload 2\n%load_ext noisy_extension\nimport watched"
    )
    assert first.text == "loaded\n"
    assert notebook.run("await asyncio.sleep(0.05); print(watched.value())").text == "1\n"
    (tmp_path / "watched.py").write_text("def value(): return 2  # longer\n")
    assert notebook.run("watched.value()").value == "2"


def test_what_ran_a_script_does_not_hold_the_notebook(notebooks: list[Notebook]) -> None:
    notebook = notebooks[1]
    notebook.run("import asyncio, os")
    assert notebook.run("%%bash --out said\necho one").error is None
    moved = notebook.run("pid = os.getpid(); await asyncio.sleep(0.05); print(os.getpid() != pid, said)")
    assert moved.text == "True one\n\n"
    assert notebook.run("%%bash\necho two").text == "two\n"
