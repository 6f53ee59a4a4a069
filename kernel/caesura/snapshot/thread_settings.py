"""Settings that libraries keep for each thread, as sklearn does what ``set_config`` sets.

What lives here: the plain values in the ``threading.local`` objects of installed modules, as the main thread has them.
What else such an object holds belongs to the process (connections, caches), and is made again where it is needed. What
must not: objects of the user's, which are pickled where they are found.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Final

from caesura.snapshot import imported, warm_modules
from caesura.snapshot.capturing import Capturer
from caesura.snapshot.loaded_modules import OfLoadedModules
from caesura.snapshot.reducing import NOTEBOOK_MODULES
from caesura.snapshot.thread_locals import Place, found_in, plain_values

_of_others: Final = OfLoadedModules(lambda: found_in(warm_modules.others()))


def _capture() -> dict[Place, dict[str, Any]] | None:
    """What is not as it was before the session; of a module that the session imported, all."""
    warm, own = warm_modules.known(), imported.sources()
    found = {}
    for place, local in {**warm.thread_locals, **_of_others.value()}.items():
        if place[0] in NOTEBOOK_MODULES or place[0] in own:
            continue
        before = warm.thread_settings.get(place, {})
        changed = {name: value for name, (value, print_) in plain_values(local).items() if before.get(name) != print_}
        if changed:
            found[place] = changed
    return found or None


def _restore(saved: dict[Place, dict[str, Any]]) -> None:
    """Set them in the main thread. A module that has no such object any more needs none."""
    for (module, name), values in saved.items():
        local = getattr(importlib.import_module(module), name, None)
        if issubclass(type(local), threading.local):
            vars(local).update(values)


CAPTURER: Final = Capturer("settings of libraries for each thread", _capture, _restore)
