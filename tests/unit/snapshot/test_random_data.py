"""Random data is the same after it was saved and loaded: equal, and shared where it was shared."""

from __future__ import annotations

import os
import tempfile
import types
from pathlib import Path

import pytest
from snapshot_graphs import CLASSES, KINDS, Node, build, difference
from snapshot_notebook import PRELUDE, Notebook

from caesura import frames

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

EXAMPLES = int(os.environ.get("CAESURA_EXAMPLES", "50"))
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

NODES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 30), st.lists(st.integers(0, 11), max_size=4)),
    min_size=1,
    max_size=12,
)


def test_the_comparison_sees_what_it_is_for() -> None:
    shared: list[object] = []
    assert difference([shared, shared], [[], []]) is not None
    assert difference([[], []], [shared, shared]) is not None
    assert difference({"a": [1]}, {"a": [2]}) is not None
    cyclic: list[object] = []
    cyclic.append(cyclic)
    assert difference(cyclic, [cyclic]) is not None
    assert difference([cyclic], [cyclic]) is None


@pytest.mark.timeout(120 + 2 * EXAMPLES)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(NODES)
def test_data_is_equal_and_shared_as_before(nodes: list[Node]) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        notebook = Notebook(Path(folder))
        notebook.execute(PRELUDE + CLASSES)
        notebook.namespace["made"] = made = build(nodes, notebook.namespace)
        other = Notebook.load(notebook.save().manifest, Path(folder))
        try:
            assert difference(made, other.namespace["made"]) is None
        finally:
            for each in (*made, *other.namespace["made"]):
                if isinstance(each, types.CoroutineType | types.GeneratorType):
                    frames.drop(each)
            notebook.forget()
            other.forget()
