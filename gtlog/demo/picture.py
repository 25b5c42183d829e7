"""One picture of what happened to each layer of each model, drawn from the event files alone."""

import functools
from typing import Dict

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gtlog.demo import panels

_WIDTH, _RUN_HEIGHT, _FOOT_HEIGHT = 17.0, 6.6, 0.5  # inches
_DPI = 90  # pixels to an inch
_FOOT = (
    "All over the training steps. Ribbons hold all, 90 % and 50 % of the elements, the line among "
    "them is the median. Kernels: red is positive, white zero, blue negative."
)
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8b929c",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": panels.INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.size": 8.5,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.7,
    "text.color": panels.INK,
    "xtick.color": "#8b929c",
    "ytick.color": "#8b929c",
}
_MODEL_STYLE = {"color": panels.INK, "linewidth": 1.7}
_DASHES = {"bias": ":", "recurrent_kernel": "--"}
_OF_THE_MODEL = (
    ("loss", "loss", "log"),
    ("held_out_accuracy", "accuracy on held-out digits", "linear"),
)
_OF_EACH_VARIABLE = (
    ("weight_norm", "weight norm", "log"),
    ("gradient_norm", "gradient norm", "log"),
    ("update_ratio", "update ratio: change / weight", "log"),
)


def draw(runs, path):
    """Draws every run into one PNG file.

    Args:
      runs: Dict from a title to the `gtlog.testing.Events` of one run.
      path: Path of the file.
    """
    height = _RUN_HEIGHT * len(runs) + _FOOT_HEIGHT
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
        margins = {"left": 0.035, "right": 0.99, "top": 1 - 1.05 / height, "bottom": 0.8 / height}
        rows = figure.add_gridspec(len(runs), 1, hspace=0.3, **margins)
        for row, (title, events) in zip(rows, runs.items()):
            _draw_run(figure, row, title, events)
        figure.text(0.035, 0.25 / height, _FOOT, fontsize=10)
        figure.savefig(path)


def _draw_run(figure, row, title, events):
    styles = _line_styles(events)
    _head(figure, row.get_position(figure), title, styles)
    lines_row, distributions_row = row.subgridspec(2, 1, hspace=0.3)
    _fill(figure, lines_row, _line_panels(events, styles))
    _fill(figure, distributions_row, _distribution_panels(events, styles))


def _head(figure, box, title, styles):
    inch = 1.0 / figure.get_figheight()
    figure.text(box.x0, box.y1 + 0.72 * inch, title, fontsize=14, fontweight="bold")
    figure.legend(
        handles=[Line2D([], [], label=path, **style) for path, style in styles.items()],
        loc="lower left",
        bbox_to_anchor=(box.x0, box.y1 + 0.38 * inch),
        borderaxespad=0.0,
        borderpad=0.0,
        ncol=len(styles),
        frameon=False,
        fontsize=10,
    )


def _fill(figure, row, draw_functions):
    # A pair of pictures takes the room of two panels.
    widths = [2 if one.func is panels.draw_pictures else 1 for one in draw_functions]
    grid = row.subgridspec(1, len(widths), wspace=0.2, width_ratios=widths)
    for cell, draw_panel in zip(grid, draw_functions):
        draw_panel(figure.add_subplot(cell))


def _line_styles(events):
    """Of each variable: colour by its layer, dashes by what it is in the layer."""
    paths = list(_by_rest_of_tag(events, "weight_norm/"))
    layers = list(dict.fromkeys(_layer_and_name(path)[0] for path in paths))
    styles = {}
    for path in paths:
        layer, name = _layer_and_name(path)
        color = panels.PALETTE[layers.index(layer) % len(panels.PALETTE)]
        styles[path] = {"color": color, "linestyle": _DASHES.get(name, "-"), "linewidth": 1.7}
    return styles


def _line_panels(events, styles):
    """Panels of numbers: of the whole model, and of each variable."""
    drawn = []
    for tag, title, scale in _OF_THE_MODEL:
        series = [(events.of(tag), _MODEL_STYLE)]
        drawn.append(functools.partial(panels.draw_lines, title=title, series=series, scale=scale))
    for tag, title, scale in _OF_EACH_VARIABLE:
        by_path = _by_rest_of_tag(events, f"{tag}/")
        series = [(values, styles[path]) for path, values in by_path.items()]
        drawn.append(functools.partial(panels.draw_lines, title=title, series=series, scale=scale))
    return drawn


def _distribution_panels(events, styles):
    """Panels of the kernels, and of what there is to see in this kind of model beside them."""
    kernels = _distributions(events, "weights/", styles)
    gradients = _distributions(events, "gradients/", styles)
    return kernels + (_pictures(events) or _bias_gates(events) or gradients)


def _distributions(events, prefix, styles):
    return [
        functools.partial(
            panels.draw_distribution,
            title=prefix + path,
            histograms=histograms,
            color=styles[path]["color"],
        )
        for path, histograms in _by_rest_of_tag(events, prefix).items()
        if not path.endswith("/bias")
    ]


def _pictures(events):
    """The kernel of the first convolution; the others are too finely grained for a panel."""
    return [
        functools.partial(panels.draw_pictures, title=f"images/{path}", pictures=pictures)
        for path, pictures in _by_rest_of_tag(events, "images/").items()
    ][:1]


def _bias_gates(events):
    by_bias: Dict[str, dict] = {}
    for rest, histograms in _by_rest_of_tag(events, "gates/").items():
        path, _, gate = rest.rpartition("/")
        if path.endswith("/bias"):
            by_bias.setdefault(path, {})[gate] = histograms
    return [
        functools.partial(panels.draw_gates, title=f"gates/{path}", gates=gates)
        for path, gates in by_bias.items()
    ]


def _by_rest_of_tag(events, prefix):
    """The values of each tag with a prefix, by the rest of the tag, in the order written."""
    tags = dict.fromkeys(one.tag for one in events if one.tag.startswith(prefix))
    return {tag[len(prefix) :]: events.of(tag) for tag in tags}


def _layer_and_name(path):
    layer, _, name = path.rpartition("/")
    return layer, name
