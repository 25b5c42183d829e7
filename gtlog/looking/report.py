"""The page as one file: it opens from disk, without a network."""

import base64
import hashlib
import html
import re

from gtlog.looking.page_data.fitting import bytes_for, page_bytes
from gtlog.looking.shown import shown_run
from gtlog.looking.static_files import page_files
from gtlog.notices.text import printable

# Base64 adds a third: about 3 MB for a model of 300 variables.
_LEAST_BYTES, _MOST_BYTES = 2_100_000, 9_000_000
_MOST_TITLE = 200
_STYLE = re.compile(r'<link rel="stylesheet" href="([\w.]+)">')
_SCRIPT = re.compile(r'<script src="([\w.]+)"></script>')
_HEAD = '<meta charset="utf-8">'


def report_html(runs, most_bytes=None):
    """The page with its data inside, as HTML.

    It needs no other file and no network: its content security policy forbids both, and lets only
    the scripts of the page run.

    Args:
      runs: A list of one or more runs, each as `shown_run` takes it.
      most_bytes: About as many bytes of data are put in at most, before base64 makes four of three.
        None takes 2.1 MB for up to 300 variables, and more in proportion up to 9 MB.

    Returns:
      A `str`.

    Raises:
      OSError, ValueError: a log directory cannot be read.
      TypeError: one of the runs is something else.
    """
    shown = [shown_run(one) for one in runs]
    if most_bytes is None:
        most_bytes = bytes_for(shown, _LEAST_BYTES, _MOST_BYTES)
    files = {name: data.decode("utf-8") for name, (_, data) in page_files().items()}
    page = files["index.html"]
    styles = [files[name] for name in _STYLE.findall(page)]
    scripts = [files[name] for name in _SCRIPT.findall(page)]
    # Replaced by functions: in a pattern's place, backslashes would have a meaning.
    page = _STYLE.sub(lambda match: f"<style>{files[match.group(1)]}</style>", page)
    page = page.replace(_HEAD, _HEAD + _policy(styles, scripts), 1)
    page = _SCRIPT.sub(lambda match: f"<script>{files[match.group(1)]}</script>", page)
    names = ", ".join(printable(one.name) for one in shown)
    title = html.escape(f"gtlog: {names}"[:_MOST_TITLE])
    page = page.replace("<title>gtlog</title>", f"<title>{title}</title>", 1)
    return page.replace("</body>", _embedded(page_bytes(shown, most_bytes)) + "</body>", 1)


def _embedded(data):
    # Base64 has no `<`, so nothing of the users' can end the element.
    text = base64.b64encode(data).decode("ascii")
    return f'<script type="application/octet-stream;base64" id="gtlog-data">{text}</script>'


def _policy(styles, scripts):
    """The content security policy, by which what is inline is named by its hash."""
    rules = (
        "default-src 'none'",
        f"style-src {' '.join(map(_hash, styles))}",
        f"script-src {' '.join(map(_hash, scripts))}",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def _hash(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
