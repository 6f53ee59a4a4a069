"""Pages that are made out of the code at each build, so that they cannot say anything else than it.

Directives: ``caesura-settings``, ``caesura-command-line``, ``caesura-life-diagram``, ``caesura-life-table``,
``caesura-suites``. What lives
here: what Sphinx calls. What must not: how the texts are made (``settings_page.py``, ``command_page.py``,
``life_diagram.py``, ``suites_page.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import command_page
import life_diagram
import settings_page
import suites_page
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def _of_markdown(make: Callable[[], str]) -> type[SphinxDirective]:
    """A directive that stands for the Markdown that ``make`` gives; its headings begin at level 2."""

    class FromTheCode(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes(make(), allow_section_headings=True)

    return FromTheCode


class LifeDiagram(SphinxDirective):
    """The drawing of a cell's life, inside the page, so that it is there without a network."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", life_diagram.svg(), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("caesura-settings", _of_markdown(settings_page.markdown))
    app.add_directive("caesura-command-line", _of_markdown(command_page.markdown))
    app.add_directive("caesura-life-table", _of_markdown(life_diagram.table))
    app.add_directive("caesura-suites", _of_markdown(suites_page.markdown))
    app.add_directive("caesura-life-diagram", LifeDiagram)
    return {"version": "1", "parallel_read_safe": True}
