"""How the documentation is built: Sphinx with MyST, and what `_ext/` makes out of the code."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "kernel"), str(HERE.parent / "extension")]

from caesura import __version__  # noqa: E402  after the path

project = "Caesura"
author = "The Caesura developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "from_the_code"]
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"

html_theme = "pydata_sphinx_theme"
html_title = f"Caesura {release}"
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["sphinx-version"],
    "footer_end": [],
}
