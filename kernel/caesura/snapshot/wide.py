"""The wide tier: single objects that neither pickle nor a reducer of this package can do, by dill.

Only for one object at a time, never for a session: dill's pickler is written in Python, copies arrays and ignores
buffer callbacks. It is imported when the first such object is met.
"""

from __future__ import annotations

import warnings
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.unmovable import kind_name


def reduce_widely(pickler: Pickling, obj: Any) -> Reduced:
    """What the object gives itself, else dill's bytes for it; CannotMove if neither works."""
    try:
        return obj.__reduce_ex__(5)
    except TypeError as error:
        reason = error
    import dill

    if type(obj) not in dill.Pickler.dispatch:
        raise CannotMove(kind_name(type(obj)), remedy=f"{reason}.") from reason
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_widely, (dill.dumps(obj, protocol=5, byref=True, recurse=True),)
    except Exception as error:
        raise CannotMove(kind_name(type(obj)), remedy=f"{error}.") from error


def load_widely(data: bytes) -> object:
    import dill

    found: object = dill.loads(data)
    return found
