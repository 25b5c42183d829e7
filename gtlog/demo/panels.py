"""The panels of the demo's picture, each drawn into axes of its own."""

import numpy as np

from gtlog.demo.distribution import percentiles

INK = "#30343b"
PALETTE = ("#1f6fb4", "#e07b16", "#2a9d55", "#c0392b", "#7d5ba6", "#8a6d5a")

# Pairs of percentages between which a ribbon lies, and how opaque it is: the median in the middle.
_RIBBONS = ((0, 100, 0.13), (5, 95, 0.22), (25, 75, 0.35))


def draw_lines(axes, title, series, scale="linear"):
    """Draws numbers over the steps.

    Args:
      axes: Axes of matplotlib.
      title: Text above them.
      series: List of pairs: a dict from steps to numbers, and the style of the line.
      scale: `"linear"` or `"log"`.
    """
    for values, style in series:
        marker = "o" if len(values) == 1 else None
        axes.plot(list(values), list(values.values()), marker=marker, **style)
    axes.set_title(title)
    axes.set_yscale(scale)


def draw_distribution(axes, title, histograms, color):
    """Draws a distribution over the steps: ribbons hold all, 90 % and 50 %, a line the median.

    Args:
      axes: Axes of matplotlib.
      title: Text above them.
      histograms: Dict from steps to `[k, 3]` rows of left edge, right edge, count.
      color: Colour of matplotlib.
    """
    steps = list(histograms)
    for low, high, alpha in _RIBBONS:
        bounds = np.array([percentiles(rows, (low, high)) for rows in histograms.values()])
        axes.fill_between(steps, bounds[:, 0], bounds[:, 1], color=color, alpha=alpha, linewidth=0)
    medians = [percentiles(rows, (50,))[0] for rows in histograms.values()]
    marker = "o" if len(steps) == 1 else None
    axes.plot(steps, medians, color=color, linewidth=1.4, marker=marker)
    axes.set_title(title)


def draw_gates(axes, title, gates):
    """Draws the distributions of all gates into one panel, each ending in its name.

    Args:
      axes: Axes of matplotlib.
      title: Text above them.
      gates: Dict from the names of the gates to histograms, as `draw_distribution` takes them.
    """
    for (name, histograms), color in zip(gates.items(), PALETTE):
        draw_distribution(axes, title, histograms, color)
        axes.plot([], [], color=color, label=name)
    axes.legend(ncol=len(gates), frameon=False, handlelength=1.0, columnspacing=1.0)


def draw_pictures(axes, title, pictures):
    """Shows the first and the last of the pictures that were written, side by side.

    Args:
      axes: Axes of matplotlib.
      title: Text above them.
      pictures: Dict from steps to uint8 pixels `[height, width, channels]`.
    """
    axes.set_axis_off()
    for left, step in zip((0.0, 0.52), sorted({min(pictures), max(pictures)})):
        inset = axes.inset_axes([left, 0.0, 0.48, 1.0])
        inset.imshow(pictures[step])
        inset.set_anchor("NW")
        inset.set_axis_off()
        inset.set_title(f"{title}, step {step}")
