"""The source of the page: what every door serves."""

import pkgutil

# In the order in which they run: a later one uses what earlier ones define.
_SCRIPTS = (
    *("data.js", "colours.js", "scores.js", "view.js"),
    *("findings.js", "heatmap.js", "curves.js", "layer.js", "page.js"),
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


def page_files():
    """The static files of the page.

    Returns:
      A dict from the name of a file to a pair of its content type and its bytes. `index.html` names
      the others beside it, and holds nothing inline.
    """
    names = ("index.html", "page.css", *_SCRIPTS)
    return {name: (_TYPES[name.rpartition(".")[2]], _content(name)) for name in names}


def _content(name):
    return pkgutil.get_data("gtlog.looking", f"page/{name}")
