"""What is switched off around a pickler is as it was afterwards."""

from __future__ import annotations

import gc
import sys
import warnings

import pytest

from caesura.snapshot.quiet import RECURSION_LIMIT, quiet


def fails_inside() -> None:
    with quiet():
        warnings.warn("inside", DeprecationWarning, stacklevel=1)
        assert not gc.isenabled()
        assert sys.getrecursionlimit() >= RECURSION_LIMIT
        raise KeyError


def test_warnings_are_not_shown_inside_and_everything_is_back_afterwards() -> None:
    filters, limit = warnings.filters, sys.getrecursionlimit()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with pytest.raises(KeyError):
            fails_inside()
        assert shown == []
        warnings.warn("outside", UserWarning, stacklevel=1)
        assert [str(each.message) for each in shown] == ["outside"]
    assert gc.isenabled()
    assert (warnings.filters, sys.getrecursionlimit()) == (filters, limit)


def test_what_was_shown_once_is_not_shown_again_because_of_it() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        for _ in range(3):
            warnings.warn("the same", UserWarning, stacklevel=1)
            with quiet():
                pass
        assert len(shown) == 1
