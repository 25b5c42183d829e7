"""A run as the last line of a notebook's cell: findings, a picture, and the page."""

import html

from gtlog.looking.picture import is_level, picture_svg
from gtlog.looking.report import report_html
from gtlog.looking.shown import shown_run
from gtlog.notices.text import printable

_MOST_BYTES = 600_000  # of the page's data; base64 makes 800,000 of them
_MOST_NAME, _MOST_FINDINGS, _MOST_NOTES = 200, 8, 4
_HEIGHT = 820  # pixels
_LEVEL = "The gradient of each layer beside those of the others"
_CHANGE = "How the gradient of each layer changed beside the others"
_LEGEND = (
    ": <b style='color:#2d7dc3'>blue</b> "
    "smaller, <b style='color:#cd4b37'>red</b> larger, full colour 1,000 times; "
    "<b style='color:#7d7d8a'>grey</b> exactly zero, <b style='color:#d49a00'>yellow</b> NaN or "
    "infinite. &#9662; is where a finding begins."
)


def run_html(run):
    """A run as HTML for a notebook: below 1 MB, and of use where no script may run.

    Args:
      run: A `gtlog.Run`, or what else `shown_run` takes.

    Returns:
      A `str`: findings in words, a picture as SVG, and the page in a frame that may do nothing but
      run its own scripts.
    """
    shown = shown_run(run)
    parts = [_head(shown), _findings(shown), _notes(shown)]
    picture = picture_svg(shown)
    if picture:
        legend = (_LEVEL if is_level(shown) else _CHANGE) + _LEGEND
        parts.append(f"<div style='margin:8px 0'>{picture}</div><p>{legend}</p>")
    parts.append(_frame(shown))
    return f"<div>{''.join(parts)}</div>"


def _head(shown):
    table = shown.table
    name = html.escape(printable(printable(shown.name), most=_MOST_NAME))
    steps = f"{len(table):,} logged steps"
    if len(table):
        steps += f", {table.steps[0]:,} to {table.steps[-1]:,}"
    return f"<p><b>{name}</b>: {len(table.variables):,} variables, {steps}</p>"


def _findings(shown):
    if not shown.findings:
        return "<p>No rule of the diagnosis sees a fault.</p>" if shown.table.variables else ""
    said = [f"<b>{one.severity}</b> {html.escape(str(one))}" for one in shown.findings]
    more = len(said) - _MOST_FINDINGS
    said = said[:_MOST_FINDINGS] + ([f"and {more} more"] if more > 0 else [])
    return f"<ul>{''.join(f'<li>{one}</li>' for one in said)}</ul>"


def _notes(shown):
    notes = shown.notes[:_MOST_NOTES]
    more = len(shown.notes) - len(notes)
    said = [html.escape(printable(one, most=500)) for one in notes]
    said += [f"and {more} more notes"] if more else []
    return "".join(f"<p><i>{one}</i></p>" for one in said)


def _frame(shown):
    page = html.escape(report_html([shown], _MOST_BYTES), quote=True)
    return (
        f'<iframe sandbox="allow-scripts" srcdoc="{page}" title="gtlog" '
        f'style="width:100%;height:{_HEIGHT}px;border:1px solid rgba(128,128,128,.4)"></iframe>'
    )
