"""Objects of ``itertools`` that do not pickle themselves: ``pairwise`` and ``batched``, and from 3.14 on all of them.

Each kind is tried on an object made for the purpose before it is first used, and holds where that fails.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot import itertools_making as making
from caesura.snapshot import itertools_reading as reading
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.unmovable import kind_name

_Kind = tuple[Callable[[Any], reading.Parts], Callable[..., object], Callable[[], Any]]
"""How to read one, how to make one from what was read, and one to try that on."""

_PRIVATE: Final[Any] = vars(itertools)
_LETTERS: Final = "abcde"


def _kinds() -> dict[str, _Kind]:
    flagged, both, picked = reading.read_with_flag, reading.read_both, reading.read_combinations
    kinds: dict[str, _Kind] = {
        "count": (reading.read_count, itertools.count, lambda: itertools.count(5)),
        "repeat": (reading.read_repeat, itertools.repeat, lambda: itertools.repeat("x", 9)),
        "cycle": (reading.read_cycle, making.make_cycle, lambda: itertools.cycle(_LETTERS)),
        "chain": (reading.read_chain, making.make_chain, lambda: itertools.chain(_LETTERS, _LETTERS)),
        "compress": (both, itertools.compress, lambda: itertools.compress(_LETTERS, (1, 1, 0, 1, 1))),
        "starmap": (both, itertools.starmap, lambda: itertools.starmap(pow, zip((1, 2, 3), (4, 5, 6), strict=True))),
        "filterfalse": (both, itertools.filterfalse, lambda: itertools.filterfalse(str.isupper, _LETTERS)),
        "dropwhile": (
            flagged,
            making.maker_with_flag(itertools.dropwhile),
            lambda: itertools.dropwhile(str.isupper, "AbcDe"),
        ),
        "takewhile": (
            flagged,
            making.maker_with_flag(itertools.takewhile),
            lambda: itertools.takewhile(str.islower, "abcDe"),
        ),
        "islice": (reading.read_islice, itertools.islice, lambda: itertools.islice(range(20), 1, 18, 3)),
        "pairwise": (reading.read_pairwise, making.make_pairwise, lambda: itertools.pairwise(_LETTERS)),
        "accumulate": (reading.read_accumulate, making.make_accumulate, lambda: itertools.accumulate(range(9))),
        "zip_longest": (
            reading.read_zip_longest,
            making.make_zip_longest,
            lambda: itertools.zip_longest(_LETTERS, "x", fillvalue=0),
        ),
        "groupby": (reading.read_groupby, making.make_groupby, lambda: itertools.groupby(range(9))),
        "_grouper": (reading.read_grouper, making.make_grouper, _make_group),
        "_tee": (reading.read_tee, making.make_tee, lambda: itertools.tee(range(9))[0]),
        "_tee_dataobject": (reading.read_tee_data, _PRIVATE["_tee_dataobject"], _make_data),
        "product": (reading.read_product, making.make_product, lambda: itertools.product("ab", "xyz")),
        "combinations": (
            picked,
            making.maker_of_combinations(itertools.combinations),
            lambda: itertools.combinations(_LETTERS, 3),
        ),
        "combinations_with_replacement": (
            picked,
            making.maker_of_combinations(itertools.combinations_with_replacement),
            lambda: itertools.combinations_with_replacement(_LETTERS, 2),
        ),
        "permutations": (
            reading.read_permutations,
            making.make_permutations,
            lambda: itertools.permutations(_LETTERS, 3),
        ),
    }
    if "batched" in _PRIVATE:
        kinds["batched"] = (reading.read_batched, making.make_batched, lambda: _PRIVATE["batched"](range(20), 2))
    return kinds


def _make_group() -> Any:
    groups = itertools.groupby("aaaaaa")
    group = next(groups)[1]
    next(group)
    return group


def _make_data() -> Any:
    """What a ``tee`` object has taken. It is no iterator: another one that reads it shows what it holds."""
    taker = itertools.tee(range(9))[0]
    next(taker)
    return reading.read_tee(taker)[0]


_KINDS: Final = _kinds()


def reduce_itertools_object(pickler: Pickling, obj: Any) -> Reduced:
    name = type(obj).__name__
    if not _is_proved(name):
        raise CannotMove(kind_name(type(obj)), remedy="Take what it gives into a list before the await.")
    return make_itertools_object, (name, _KINDS[name][0](obj))


def make_itertools_object(name: str, parts: reading.Parts) -> object:
    return _KINDS[name][1](*parts)


@functools.cache
def _is_proved(name: str) -> bool:
    """Whether one that was read and made again gives what one gives that was left alone."""
    read, make, sample = _KINDS.get(name, (None, None, None))
    if read is None or make is None or sample is None:
        return False
    try:
        moved, left = sample(), sample()
        if name == "_tee_dataobject":
            again: Any = make(*read(moved))
            again, left = making.make_tee(again, 0), making.make_tee(left, 0)
        else:
            next(moved), next(left)
            again = make(*read(moved))
        return _shown(again) == _shown(left)
    except (LookupError, TypeError, ValueError, StopIteration):
        return False


def _shown(iterator: Any) -> list[Any]:
    found = itertools.islice(iterator, 6)
    return [key for key, _ in found] if isinstance(iterator, itertools.groupby) else list(found)
