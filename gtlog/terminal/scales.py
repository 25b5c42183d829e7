"""How the numbers of a column compare: by their logarithms, or as they are."""

from typing import Callable, NamedTuple

import numpy as np

from gtlog.vitals.columns import COUNTS, FLAGS, MAGNITUDES, SHARES


class Scale(NamedTuple):
    """How the numbers of a column compare.

    Attributes:
      unit: What a difference is counted in, as the heading of its column.
      height: From an array of numbers to heights.
      has_zeros: Whether an exact zero has no height, and is worth a mark.
      least_span: The least difference of heights that a sparkline shows in full.
      far: A row that is so far from the others of its role stands out.
      moved: A row that has moved so far against the others stands out.
    """

    unit: str
    height: Callable
    has_zeros: bool
    least_span: float
    far: float
    moved: float


def _logarithm(numbers):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(numbers > 0, np.log10(numbers), np.nan)


def _of_counts(numbers):
    return np.log10(1.0 + numbers)


def _unchanged(numbers):
    return numbers


_MAGNITUDE = Scale("decades", _logarithm, True, 2.0, 2.0, 1.0)
_COUNT = Scale("decades", _of_counts, False, 2.0, 0.3, 0.3)
_SHARE = Scale("apart", _unchanged, False, 1.0, 0.3, 0.3)
_NUMBER = Scale("apart", _unchanged, False, 0.1, np.inf, np.inf)


def scale_of(column):
    """The scale of a column of the vitals table."""
    if column in MAGNITUDES:
        return _MAGNITUDE
    if column in COUNTS:
        return _COUNT
    return _SHARE if column in (*SHARES, *FLAGS, "descent") else _NUMBER


def scale_of_losses(numbers):
    """The scale of a loss: decades where all of it is positive."""
    known = numbers[np.isfinite(numbers)]
    return _MAGNITUDE._replace(least_span=0.3) if (known > 0).all() else _NUMBER
