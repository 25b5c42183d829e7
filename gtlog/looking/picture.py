"""The picture of all layers against all steps, drawn without a script."""

import base64
import html

import numpy as np

from gtlog.looking.changes import changes, columns, levels
from gtlog.looking.page_data.codes import ABSENT, INFINITE, ZERO
from gtlog.looking.png import png
from gtlog.notices.text import printable

_MOST_COLUMNS, _MOST_ROWS = 480, 240
_DEAD_ZONE, _CLIP = 30, 300  # hundredths of a decade
_LESS, _MORE = np.array([45, 125, 195]), np.array([205, 75, 55])
_ZERO, _INFINITE, _ABSENT = (125, 125, 138, 255), (255, 194, 26, 255), (128, 128, 128, 40)
_WIDTH, _GUTTER, _TOP, _AXIS = 900, 220, 12, 22  # pixels
_TALLEST, _HEIGHT = 14, 420
_LABEL, _MOST_LABEL = 11, 34
_FONT = "font-family='ui-monospace,Menlo,Consolas,monospace' font-size='10' fill='currentColor'"


def picture_svg(run, statistic="gradient_rms"):
    """A picture of all layers against all steps, as SVG.

    Where a layer is at fault from the first step on, it shows how large the statistic is beside
    the layer's peers, else how it has changed beside them. The page does likewise.

    Its middle is transparent and its text has the colour of the text around it, so that it stands
    on a dark page as on a light one.

    Args:
      run: A `ShownRun`.
      statistic: A column of magnitudes.

    Returns:
      A `str`; empty where the run has no vitals.
    """
    table = run.table
    if not table.variables or not len(table) or statistic not in table.columns:
        return ""
    compared = levels if is_level(run) else changes
    changed, steps = columns(compared(table, statistic), table.steps, _MOST_COLUMNS)
    per_band = -(-len(changed) // _MOST_ROWS)
    pixels = _evenly_spaced(_coloured(_bands(changed, per_band)), steps, int(table.steps[-1]))
    row_height = min(_TALLEST, _HEIGHT / len(pixels))
    height = row_height * len(pixels)
    parts = [
        _image(pixels, height),
        *_labels(table.variables, per_band, row_height),
        *_axis(int(steps[0]), int(table.steps[-1]), _TOP + height),
        *_onsets(run, per_band, row_height),
    ]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} "
        f"{_TOP + height + _AXIS:.0f}' style='max-width:{_WIDTH}px;width:100%' role='img' "
        f"aria-label='{statistic} of all layers against all steps'>{''.join(parts)}</svg>"
    )


def is_level(run):
    """Whether the picture shows the level of each layer: a change has no past to begin from."""
    of_layers = [finding for finding in run.findings if finding.layer]
    return bool(of_layers) and of_layers[0].first_step <= run.table.steps[0]


def _bands(changed, per_band):
    """The worst of several rows."""
    if per_band == 1:
        return changed
    starts = np.arange(0, len(changed), per_band)
    distance = np.abs(changed.astype(np.int32))
    distance[changed == ABSENT] = -1
    distance[changed == ZERO] = 70_000
    distance[changed == INFINITE] = 80_000
    bands = []
    for start in starts:
        worst = distance[start : start + per_band].argmax(axis=0)
        bands.append(changed[start + worst, np.arange(changed.shape[1])])
    return np.array(bands)


def _coloured(changed):
    """uint8 `[rows, columns, 4]`: the larger a change, the less transparent."""
    size = np.minimum(np.abs(changed.astype(np.int32)), _CLIP)
    pixels = np.empty((*changed.shape, 4), np.uint8)
    pixels[..., :3] = np.where((changed < 0)[..., None], _LESS, _MORE)
    pixels[..., 3] = np.where(size < _DEAD_ZONE, 0, 255 * size // _CLIP)
    for code, colour in ((ZERO, _ZERO), (INFINITE, _INFINITE), (ABSENT, _ABSENT)):
        pixels[changed == code] = colour
    return pixels


def _evenly_spaced(pixels, steps, last):
    """Columns by the number of the step: one lasts until the next begins."""
    width = min(_MOST_COLUMNS, 2 * len(steps)) if len(steps) > 1 else 1
    places = np.searchsorted(steps, np.linspace(steps[0], last, width), side="right") - 1
    return pixels[:, places]


def _image(pixels, height):
    data = base64.b64encode(png(pixels)).decode("ascii")
    width = _WIDTH - _GUTTER
    return (
        f"<image x='{_GUTTER}' y='{_TOP}' width='{width}' height='{height:.1f}' "
        f"preserveAspectRatio='none' style='image-rendering:pixelated' "
        f"href='data:image/png;base64,{data}'/>"
        f"<rect x='{_GUTTER}' y='{_TOP}' width='{width}' height='{height:.1f}' fill='none' "
        "stroke='currentColor' stroke-opacity='.3'/>"
    )


def _labels(variables, per_band, row_height):
    free = 0.0
    for place in range(0, len(variables), per_band):
        top = _TOP + place // per_band * row_height
        if top < free:
            continue
        free = top + max(row_height, _LABEL)
        name = printable(variables[place].path)
        if len(name) > _MOST_LABEL:
            name = "…" + name[-_MOST_LABEL + 1 :]
        yield _text(_GUTTER - 6, top + min(row_height, _LABEL) / 2 + 4, name, "end")


def _axis(first, last, bottom):
    yield _text(_GUTTER, bottom + 14, f"step {first:,}", "start")
    if last > first:
        yield _text(_WIDTH, bottom + 14, f"{last:,}", "end")


def _onsets(run, per_band, row_height):
    steps, rows = run.table.steps, {row.path: row.order for row in run.table.variables}
    layers = {row.layer: row.order for row in reversed(run.table.variables)}
    span = max(int(steps[-1]) - int(steps[0]), 1)
    for finding in run.findings:
        place = rows.get(finding.variable, layers.get(finding.layer))
        top = _TOP + (0 if place is None else place // per_band * row_height)
        x = _GUTTER + (finding.first_step - int(steps[0])) / span * (_WIDTH - _GUTTER)
        yield (
            f"<path d='M{x - 5:.1f} {top - 8:.1f}h10l-5 8z' fill='currentColor'>"
            f"<title>{_escaped(finding.fault)}</title></path>"
        )


def _text(x, y, words, anchor):
    return f"<text x='{x}' y='{y:.1f}' text-anchor='{anchor}' {_FONT}>{_escaped(words)}</text>"


def _escaped(words):
    return html.escape(words, quote=True)
