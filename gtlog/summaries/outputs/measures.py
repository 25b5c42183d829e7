"""The numbers of what one layer puts out, by numpy alone."""

from typing import NamedTuple, Optional

import numpy as np

from gtlog import statistics

# How near to a bound an output is saturated, as a share of the way from one bound to the other: the
# slope of a sigmoid or a tanh is there less than a twenty-fifth of what it is in the middle.
MARGIN = 0.01


class OutputNumbers(NamedTuple):
    """The numbers of one layer's outputs.

    Attributes:
      histogram: `[buckets, 3]` rows of left edge, right edge and count, of the finite outputs.
      zeros: Share of the outputs that are exactly zero.
      silent_units: Share of the units whose outputs are all exactly zero; None where there are no
        units.
      saturation: Share of the finite outputs that lie near to a bound; None without bounds, or
        where no output is finite.
    """

    histogram: np.ndarray
    zeros: float
    silent_units: Optional[float]
    saturation: Optional[float]


def measure(arrays, unit_axis, bounds, buckets):
    """Measures what a layer puts out.

    Args:
      arrays: List of float arrays, one for each call of the layer, with an element each at least.
      unit_axis: The axis along which its units stand.
      bounds: The lowest and the highest value of an output, a pair; None without bounds.
      buckets: Number of buckets of the histogram.

    Returns:
      `OutputNumbers`.
    """
    elements = np.concatenate([array.reshape(-1) for array in arrays])
    return OutputNumbers(
        statistics.histogram(elements, buckets),
        float(np.mean(elements == 0)),
        _silent_units(arrays, unit_axis),
        None if bounds is None else _saturation(elements, *bounds),
    )


def _silent_units(arrays, axis):
    """The share of units that are zero everywhere.

    >>> _silent_units([np.array([[0.0, 1.0], [0.0, 0.0]])], -1)
    0.5
    """
    if any(array.ndim < 2 for array in arrays):
        return None
    rows = [np.moveaxis(array, axis, -1) for array in arrays]
    if len({array.shape[-1] for array in rows}) > 1:
        return None
    is_silent = [np.all(one.reshape(-1, one.shape[-1]) == 0, axis=0) for one in rows]
    return float(np.mean(np.all(is_silent, axis=0)))


def _saturation(elements, low, high):
    """The share of finite elements that lie within the margin of a bound.

    >>> _saturation(np.array([0.001, 0.5, 0.995, np.nan]), 0.0, 1.0)
    0.6666666666666666
    """
    finite = elements[np.isfinite(elements)].astype(np.float64)
    if not finite.size:
        return None
    margin = MARGIN * (high - low)
    return float(np.mean((finite <= low + margin) | (finite >= high - margin)))
