"""Sphinx configuration; the pages are Markdown, so that they read well on a code host too."""

from importlib import metadata

project = "gtlog"
author = "The gtlog authors"
copyright = author
version = release = metadata.version("gtlog")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "gtlog"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Docstrings are read in the source as often as here: one backtick, as in Markdown, is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_numpy_docstring = False

# Names of others, which are not linked: their inventories would have to be fetched at each build.
nitpick_ignore_regex = [(r"py:.*", r"(keras|np|numpy|os|tensorflow|tf|typing)\..*")]
# A type variable, which autodoc links as if it were a class.
nitpick_ignore = [("py:class", "gtlog.decorator.StepFunction")]
