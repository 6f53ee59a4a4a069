"""What matplotlib knows of a session: its backend, settings, open figures, and what is still to be shown.

Nothing is imported for it: without ``matplotlib.pyplot`` there is nothing to keep. A figure that is pickled while
pyplot knows it registers itself again when it is loaded, under the next free number
(https://matplotlib.org/stable/api/figure_api.html); so the backend is put in place before, the numbers after.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_PYPLOT = "matplotlib.pyplot"
_INLINE = "matplotlib_inline.backend_inline"


def capture_backend() -> dict[str, Any] | None:
    """The backend by name, if one was chosen; None without pyplot."""
    pyplot = sys.modules.get(_PYPLOT)
    if pyplot is None:
        return None
    import matplotlib

    chosen = getattr(pyplot, "_backend_mod", None) is not None
    inline = sys.modules.get(_INLINE)
    return {
        "backend": matplotlib.get_backend() if chosen else None,
        "interactive": matplotlib.is_interactive(),
        "inline": getattr(inline.configure_inline_support, "current_backend", None) if inline is not None else None,
    }


def restore_backend(state: dict[str, Any]) -> None:
    import matplotlib

    pyplot = importlib.import_module(_PYPLOT)
    if state["backend"] is not None:
        matplotlib.use(state["backend"])
    inline = sys.modules.get(_INLINE)
    if inline is not None and state["inline"] == "inline" and (shell := inline.get_ipython()) is not None:
        # So that the shell shows at the end of a cell what was drawn; ``%matplotlib inline`` does the same.
        inline.configure_inline_support(shell, state["backend"])
    pyplot.interactive(state["interactive"])


def capture_plots() -> dict[str, Any] | None:
    """Settings that differ from the defaults, figures by number, and which of them the inline backend will show."""
    pyplot = sys.modules.get(_PYPLOT)
    if pyplot is None:
        return None
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    defaults, now = matplotlib.rcParamsDefault, matplotlib.rcParams
    figures = [(number, manager.canvas.figure) for number, manager in Gcf.figs.items()]
    inline = sys.modules.get(_INLINE)
    return {
        "settings": {
            name: now[name]
            for name in now
            if name not in ("backend", "backend_fallback") and now[name] != defaults[name]
        },
        "figures": figures,
        "to_draw": list(inline.show._to_draw) if inline is not None else [],
        "draw_called": bool(inline.show._draw_called) if inline is not None else False,
    }


def restore_plots(state: dict[str, Any]) -> None:
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    pyplot = importlib.import_module(_PYPLOT)
    matplotlib.rcParams.update(state["settings"])
    Gcf.figs.clear()
    for number, figure in state["figures"]:
        manager = getattr(figure.canvas, "manager", None)
        if manager is None:
            manager = pyplot._get_backend_mod().new_figure_manager_given_figure(number, figure)
        manager.num = number
        Gcf.figs[number] = manager  # the last is the current one
    inline = sys.modules.get(_INLINE)
    if inline is not None:
        inline.show._to_draw = state["to_draw"]
        inline.show._draw_called = state["draw_called"]
