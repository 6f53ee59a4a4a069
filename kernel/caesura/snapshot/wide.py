"""The wide tier: single objects that neither pickle nor a reducer of this package can do, by dill.

Only for one object at a time, never for a session: dill's pickler is written in Python, copies arrays and ignores
buffer callbacks. It is imported when the first such object is met.
"""

from __future__ import annotations

import warnings
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.unmovable import kind_name, remedy_of_last_resort


def reduce_widely(pickler: Pickling, obj: Any) -> Reduced:
    """What the object gives itself, else dill's bytes for it; CannotMove if neither works."""
    try:
        return obj.__reduce_ex__(5)
    except TypeError as error:
        reason = error
    import dill

    if type(obj) not in dill.Pickler.dispatch:
        raise _refusal(obj, reason) from reason
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_widely, (dill.dumps(obj, protocol=5, byref=True, recurse=True),)
    except Exception as error:
        raise _refusal(obj, error) from error


def _refusal(obj: object, reason: Exception) -> CannotMove:
    remedy = remedy_of_last_resort(obj)
    says_no_more = str(reason).startswith("cannot pickle ")
    return CannotMove(kind_name(type(obj)), remedy=remedy if says_no_more else f"{reason}. {remedy}")


def load_widely(data: bytes) -> object:
    import dill

    found: object = dill.loads(data)
    return found
