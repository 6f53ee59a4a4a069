"""Make the golden snapshot of the interpreter that runs this: ``python tests/golden/make_snapshot.py``.

It goes to ``snapshots/format-N/3.M``: the manifest, its blobs, and the source of the cell. Those of a released version
stay as they are; a change after which they cannot be loaded needs another ``ARCHIVE_FORMAT``, and new ones beside them.
`make golden` runs this on every supported Python that is found.
"""

from __future__ import annotations

import json
import marshal
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "kernel"), str(HERE), str(HERE.parent / "unit" / "snapshot")]

from snapshot_cell import CELL  # noqa: E402
from snapshot_notebook import PRELUDE, Notebook  # noqa: E402

from caesura.model import ARCHIVE_FORMAT  # noqa: E402
from caesura.snapshot import choosing, interpreter, seal  # noqa: E402

OF_THE_MACHINE = ("environment", "directory", "path")
STEPS = 2


def without_the_machine(code: types.CodeType) -> types.CodeType:
    """The same code, which says of files of the standard library only where they lie in it."""
    library = os.path.dirname(os.__file__) + os.sep
    consts = [without_the_machine(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    return code.replace(co_filename=code.co_filename.removeprefix(library), co_consts=tuple(consts))


def reduce_code(_pickler: object, code: types.CodeType) -> Any:
    return marshal.loads, (marshal.dumps(without_the_machine(code)),)


def make(folder: Path) -> None:
    os.environ.pop("PYTHONHASHSEED", None)
    choosing._EXACT[types.CodeType] = reduce_code
    capture = interpreter.capture
    interpreter.capture = lambda *, early: {  # type: ignore[assignment]
        name: state for name, state in capture(early=early).items() if name not in OF_THE_MACHINE
    }
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    notebook = Notebook(folder)
    notebook.execute(PRELUDE)
    notebook.execute(CELL)
    for _ in range(STEPS):
        notebook.step()
    saved = notebook.save()
    manifest = seal({**saved.manifest, "proofs": {}}, notebook.blobs)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    (folder / "cell.txt").write_text(CELL)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.chmod(0o644)
        named = [
            word for word in (sys.prefix, sys.base_prefix, str(HERE.parents[1])) if word.encode() in path.read_bytes()
        ]
        if named:
            sys.exit(f"{path} names {', '.join(named)}")
    notebook.forget()


if __name__ == "__main__":
    make(HERE / "snapshots" / f"format-{ARCHIVE_FORMAT}" / "{}.{}".format(*sys.version_info[:2]))
