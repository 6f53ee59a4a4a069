"""pandas: which frames, series and indexes share their values is known after a move, so that a write copies first.

pandas lets objects share memory until one of them is written to, and keeps a list of who shares
(https://pandas.pydata.org/docs/user_guide/copy_on_write.html). It does not pickle that list, since a pickled array is
a copy; here it is not one.
"""

from __future__ import annotations

import importlib
from typing import Any

from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced, Reducer


def reducer_of(cls: type) -> Reducer | None:
    """The reducer for a type of pandas, or None if pandas pickles it well."""
    for base in cls.__mro__:
        place = f"{base.__module__}.{base.__qualname__}"
        if place in _REDUCERS:
            return _REDUCERS[place]
    return None


def _reduce_manager(pickler: Pickling, manager: Any) -> Reduced:
    """What holds the values of a frame or a series."""
    make, arguments, state = (*manager.__reduce_ex__(5), None)[:3]
    return make, arguments, (state, [block.refs for block in manager.blocks]), None, None, fill_manager


def fill_manager(manager: Any, state: tuple[Any, list[Any]]) -> None:
    own, all_references = state
    if own is not None:
        if hasattr(manager, "__setstate__"):
            manager.__setstate__(own)
        else:
            set_state(manager, own)
    for block, references in zip(manager.blocks, all_references, strict=True):
        block.refs = references
        references.add_reference(block)


def _reduce_index(pickler: Pickling, index: Any) -> Reduced:
    references = index._references
    if references is None:
        return NotImplemented
    make, arguments = index.__reduce_ex__(5)[:2]
    return make, arguments, references, None, None, fill_index


def fill_index(index: Any, references: Any) -> None:
    index._references = references
    references.add_index_reference(index)


def _reduce_references(pickler: Pickling, references: Any) -> Reduced:
    return make_references, ()


def make_references() -> Any:
    """An empty list of who shares some values: each enters itself."""
    internals = importlib.import_module("pandas._libs.internals")
    references = internals.BlockValuesRefs()
    references.referenced_blocks.clear()
    return references


_REDUCERS: dict[str, Reducer] = {
    "pandas.core.internals.managers.BlockManager": _reduce_manager,
    "pandas.core.internals.managers.SingleBlockManager": _reduce_manager,
    "pandas.core.indexes.base.Index": _reduce_index,
    "pandas._libs.internals.BlockValuesRefs": _reduce_references,
}
