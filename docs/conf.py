"""Sphinx configuration; the pages are Markdown, so that they read well on a code host too."""

import json
import textwrap
from importlib import metadata

from myst_parser.parsers.sphinx_ import MystParser

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


class NotebookParser(MystParser):
    """A notebook as the Markdown page that it is: its cells are fences, with what they have shown.

    It runs nothing: `python -m tests.notebook` does, and writes the outputs into the notebook.
    """

    supported = ("notebook",)

    def parse(self, inputstring, document):
        """Parses the JSON of a notebook."""
        cells = json.loads(inputstring)["cells"]
        super().parse("\n\n".join(map(_page_of_cell, cells)), document)


def _page_of_cell(cell):
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([_fence("python", source), *map(_page_of_output, cell["outputs"])])


def _page_of_output(output):
    if "text" in output:
        return _fence("text", _wrapped(output["text"]))
    if "text/html" in output["data"]:
        return _fence("{raw} html", "".join(output["data"]["text/html"]))
    return _fence("text", _wrapped(output["data"]["text/plain"]))


def _wrapped(lines):
    """Text with no line longer than the page is wide, as Jupyter shows it."""
    return "\n".join(textwrap.fill(line.rstrip("\n"), 88, drop_whitespace=False) for line in lines)


def _fence(kind, text):
    return f"````{kind}\n{text.rstrip()}\n````"


def setup(app):
    """Tells Sphinx of notebooks."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
