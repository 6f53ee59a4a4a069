"""What is referred to instead of being copied, and what of modules is looked at."""

from __future__ import annotations

import ast
import fractions
import functools
import importlib
import io
import pickle
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snapshot_notebook import Notebook
from watched_modules import watched_modules

from caesura.errors import CannotMove
from caesura.snapshot import functions, reducing, replaced
from caesura.snapshot.seeds import ALWAYS, used
from caesura.snapshot.syntax_trees import MARKS

NAMESPACE: dict[str, Any] = {"__name__": "__main__"}
exec("def of_the_notebook(*args): return 'fake'", NAMESPACE)


class Stays:
    def __reduce__(self) -> Any:
        raise CannotMove("what stays", remedy="nothing")


@pytest.fixture
def watched() -> Iterator[None]:
    with watched_modules():
        yield


@pytest.fixture
def mark() -> Any:
    """The parser's one ``ast.Load``, with the attribute that executing leaves on it."""
    found: Any = ast.parse("x").body[0].value.ctx  # type: ignore[attr-defined]
    found.parent = Stays()
    yield found
    del found.parent


def test_a_mark_of_the_parser_does_not_take_along_what_hangs_on_it(mark: Any, tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute("import ast; tree = ast.parse('x + y')")
    other = notebook.move()
    tree = other.namespace["tree"]
    assert ast.unparse(tree) == "x + y"
    assert tree.body[0].value.left.ctx is mark
    other.forget()


def test_a_mark_of_the_users_own_is_copied(mark: Any, tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute("import ast; own = ast.Load(); own.of_the_user = [1]; pair = [own, own]")
    other = notebook.move()
    own = other.namespace["own"]
    assert type(own) is ast.Load
    assert own is not mark
    assert own.of_the_user == [1]
    assert other.namespace["pair"][0] is own
    other.forget()


def test_each_kind_of_mark_is_the_parsers_again(tmp_path: Path) -> None:
    kinds = [cls for base in MARKS for cls in base.__subclasses__() if not cls.__name__.startswith(("Aug", "Param"))]
    source = "del x\nx and y or x\nx + y - x * y @ x / y % x ** y << x >> y | x ^ y & x // y\n(~x, not x, +x, -x)\n"
    source += "x == y != x < y <= x > y >= x is y is not x in y not in x\nx = y"
    nodes = {type(node): node for node in ast.walk(ast.parse(source)) if isinstance(node, MARKS)}
    assert set(nodes) == set(kinds)
    notebook = Notebook(tmp_path)
    notebook.namespace["nodes"] = list(nodes.values())
    other = notebook.move()
    assert all(one is two for one, two in zip(other.namespace["nodes"], nodes.values(), strict=True))
    other.forget()


def test_the_open_of_every_notebook_travels_by_reference(tmp_path: Path) -> None:
    interactiveshell: Any = pytest.importorskip("IPython.core.interactiveshell")
    function = vars(interactiveshell)["_modified_open"]
    assert function.__module__ != interactiveshell.__name__  # it says that it is io.open
    place = (interactiveshell.__name__, "_modified_open")
    assert functions.reduce_function(None, function) == (functions.import_global, place)  # type: ignore[arg-type]
    notebook = Notebook(tmp_path)
    notebook.namespace["open"] = function
    other = notebook.move()
    assert other.namespace["open"] is function
    other.forget()


def test_a_wrapper_of_the_notebook_is_not_the_function_that_it_says_it_is(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(
        "import functools, textwrap\n@functools.wraps(textwrap.dedent)\ndef dedent(text): return 'wrapped', text"
    )
    other = notebook.move()
    assert other.namespace["dedent"]("x") == ("wrapped", "x")
    assert other.namespace["dedent"].__wrapped__ is textwrap.dedent
    other.forget()


@pytest.mark.parametrize("place", [ALWAYS, ALWAYS + 10, 362, 512 + ord("j"), 512 + ord("]"), 512 + ord("\\"), 0x5D5C])
def test_a_place_is_found_wherever_its_bytes_look_like_something_else(place: int) -> None:
    names = [""] * ALWAYS + ["module:some"] * (1 << 16)
    get = b"j" + place.to_bytes(4, "little")
    for before in (b"", b"j", b"jj", b"j\n", b"\x80\x05j\x00"):
        assert place in used(names, before + get + b"."), before


def test_places_are_found_in_a_stream_of_the_real_pickler() -> None:
    objects = [object() for _ in range(700)]
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, 5)
    pickler.memo = {id(each): (place, each) for place, each in enumerate(objects)}
    pickler.dump([objects[3], "jump", objects[266], objects[699], b"j\n\x02\x00\x00"])
    found = used([""] * ALWAYS + ["module:some"] * 444, stream.getvalue())
    assert {266, 699} <= set(found)
    assert 3 not in found


@pytest.mark.usefixtures("watched")
def test_a_class_that_was_put_into_a_module_after_its_import_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "unittest.mock", raising=False)  # with it all classes are looked at
    monkeypatch.setattr(fractions.Fraction, "limit_denominator", NAMESPACE["of_the_notebook"])
    look = functools.partial(replaced.changes, {**NAMESPACE, "textwrap": textwrap})
    assert [change.name for change in look() if change.qualname] == []
    monkeypatch.setattr(textwrap, "Number", fractions.Fraction, raising=False)
    assert [change.name for change in look() if change.qualname] == ["limit_denominator"]


@pytest.mark.usefixtures("watched")
def test_a_class_of_a_module_that_is_as_it_was_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "unittest.mock", raising=False)
    monkeypatch.setattr(textwrap.TextWrapper, "fill", NAMESPACE["of_the_notebook"])
    changes = replaced.changes({**NAMESPACE, "textwrap": textwrap})
    assert [change.name for change in changes if change.qualname] == ["fill"]
    assert [change.name for change in replaced.changes(NAMESPACE) if change.qualname] == []


def test_a_class_whose_module_its_package_loads_late_is_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``numpy.recarray``, which says that it is from ``numpy.rec``."""
    package = tmp_path / "loads_late"
    package.mkdir()
    (package / "__init__.py").write_text("class Late:\n    pass\nLate.__module__ = 'loads_late.part'\n")
    (package / "part.py").write_text("from loads_late import Late\n")
    (package / "other.py").write_text("raise OSError('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with watched_modules():
        late = importlib.import_module("loads_late").Late
        try:
            assert reducing.global_name(late) == ("loads_late.part", "Late")
            late.__module__ = "loads_late.other"
            assert reducing.global_name(late) is None
            late.__module__ = "loads_late.nowhere"
            assert reducing.global_name(late) is None
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == "loads_late"]:
                del sys.modules[name]
