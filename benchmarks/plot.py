"""The plot: what a logged step costs, by the size of the model."""

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.figures import BARE, GTLOG, KERAS, USUAL_EAGER, USUAL_IN_GRAPH, Case
from benchmarks.model_size import GTLOG_GRADIENTS

_INK, _GREY = "#24292f", "#8b929c"
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": _GREY,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 11,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.7,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_LINES = {
    USUAL_IN_GRAPH: {"color": "#9467bd", "marker": "v"},
    USUAL_EAGER: {"color": "#c1272d", "marker": "s"},
    KERAS: {"color": "#e0a100", "marker": "D", "linestyle": "--"},
    GTLOG_GRADIENTS: {"color": "#5aa9e6", "marker": "o"},
    GTLOG: {"color": "#0b5394", "marker": "o", "linewidth": 2.6},
    BARE: {"color": _GREY, "linestyle": ":"},
}
_LABELS = {
    BARE: "the bare step itself",
    GTLOG: "gtlog: weights and biases",
    GTLOG_GRADIENTS: "gtlog: gradients, norms,\nupdate ratio as well",
}
_UNITS = ((1e3, "s", 1e-3), (1, "ms", 1), (0, "µs", 1e3))


def draw(points, path):
    """Draws the points into a PNG file.

    Args:
      points: `model_size.Point` list, rising in size.
      path: Path of the file.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(12, 5.6), dpi=110, facecolor="white", constrained_layout=True)
        axes = figure.add_subplot()
        axes.set(xscale="log", yscale="log")
        for name, style in _LINES.items():
            _draw_line(axes, points, name, style)
        _label(axes)
        figure.savefig(path)


def _draw_line(axes, points, name, style):
    """One case; a size at which noise hid what it adds has no point."""
    measured = [
        (point.parameters, case.spread)
        for point in points
        for case in point.cases
        if case.name == name and isinstance(case, Case) and case.spread.median > 0
    ]
    if not measured:
        return
    sizes, spreads = zip(*measured)
    style = {"linewidth": 1.8, "markersize": 6, "label": _LABELS.get(name, name), **style}
    axes.plot(sizes, [spread.median for spread in spreads], **style)
    low = [max(spread.low, spread.median / 100) for spread in spreads]
    axes.fill_between(
        sizes, low, [spread.high for spread in spreads], color=style["color"], alpha=0.15, lw=0
    )


def _label(axes):
    axes.set_title("What logging adds to one training step", loc="left", fontweight="bold")
    axes.set_xlabel("weights and biases of the model (8 dense layers, batch 32)")
    axes.set_ylabel("time, lower is better")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _parameters(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _time(value)))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0)


def _parameters(value):
    if value >= 1e6:
        return f"{value / 1e6:g} million"
    return f"{value / 1e3:g} thousand"


def _time(milliseconds):
    _, unit, factor = next(one for one in _UNITS if milliseconds >= one[0])
    return f"{milliseconds * factor:g} {unit}"
