"""The numbers of a tensor, wherever they are computed."""

import math
from typing import NamedTuple

import numpy as np

# Squares of larger and smaller numbers come near the ends of float64.
LARGE_MAGNITUDE, SMALL_MAGNITUDE = 1e140, 1e-140


class Extremes(NamedTuple):
    """What the quickest pass over a tensor finds.

    Attributes:
      size: Number of elements.
      nonfinite: How many of them are NaN or infinite.
      minimum: Smallest finite element, 0.0 where there is none.
      maximum: Largest finite element, 0.0 where there is none.
    """

    size: int
    nonfinite: int
    minimum: float
    maximum: float

    @property
    def finite(self):
        """Number of finite elements."""
        return self.size - self.nonfinite


class TensorStatistics(NamedTuple):
    """What a pass with sums finds: the numbers of `Extremes`, and two more.

    Attributes:
      size: Number of elements.
      nonfinite: How many of them are NaN or infinite.
      minimum: Smallest finite element, 0.0 where there is none.
      maximum: Largest finite element, 0.0 where there is none.
      mean: Mean of the finite elements, 0.0 where there is none.
      norm: L2 norm of the finite elements, in the units of the tensor.
    """

    size: int
    nonfinite: int
    minimum: float
    maximum: float
    mean: float
    norm: float

    @property
    def finite(self):
        """Number of finite elements."""
        return self.size - self.nonfinite


def with_sums(known, total, squares, shift=0):
    """The `TensorStatistics` of `Extremes` and the sums of the elements times `2**shift`."""
    return TensorStatistics(
        *known,
        mean=shifted(total / max(known.finite, 1), -shift),
        norm=shifted(math.sqrt(squares), -shift),
    )


def bucket_rows(known, buckets, count):
    """The rows of `histogram`, given a function that counts.

    Args:
      known: `Extremes` of the elements.
      buckets: Positive number of buckets.
      count: Function of (lowest edge, width of a bucket, scale) that returns how many of the finite
        elements, each multiplied by `scale` first, lie in each bucket.
    """
    rows = np.zeros((buckets, 3))
    if not known.finite:
        return rows
    low, high = known.minimum, known.maximum
    if low == high:
        rows[:, :2] = low
        rows[-1, 2] = known.finite
        return rows
    scale = _safe_scale(low, high, buckets)
    width = (high * scale - low * scale) / buckets
    rows[:, 2] = count(low * scale, width, scale)
    edges = edges_of_buckets(low * scale, width, buckets)
    if scale != 1.0:
        edges /= scale
    rows[:, 0], rows[:-1, 1] = edges, edges[1:]
    # The ends themselves: computed, they may be rounded to zero or beyond the largest float64.
    rows[0, 0], rows[-1, 1] = low, high
    return rows


def edges_of_buckets(low, width, buckets):
    """The left edges of uniform buckets.

    Args:
      low: The lowest edge; a number, or `[n, 1]` of several histograms.
      width: Width of a bucket, in the shape of `low`.
      buckets: Positive number of buckets, k.

    Returns:
      `[k]` or `[n, k]` float64 array.
    """
    edges = np.arange(buckets) * width
    edges += low
    return edges


def scale_for_sums(known):
    """Exponent of the power of two by which elements are scaled so that squares stay in range."""
    largest = max(abs(known.minimum), abs(known.maximum))
    if not largest or SMALL_MAGNITUDE < largest < LARGE_MAGNITUDE:
        return 0
    return _exponent_to_one(largest)


def shifted(value, shift):
    """`value * 2**shift`; infinite, where math.ldexp would raise, if that is beyond float64."""
    half = shift // 2
    return value * math.ldexp(1.0, half) * math.ldexp(1.0, shift - half)


def _exponent_to_one(number):
    """Exponent of a power of two, itself no denormal number, that brings a number near to one."""
    _, exponent = math.frexp(number)
    return max(-1000, min(-exponent, 1000))


def _safe_scale(low, high, buckets):
    """A power of two that keeps the bucket width clear of overflow and of denormal numbers."""
    if needs_no_scale(low, high, buckets):
        return 1.0
    return math.ldexp(1.0, _exponent_to_one(max(abs(low), abs(high))))


def needs_no_scale(low, high, buckets):
    """Whether bucket widths between two extremes are clear of overflow and denormal numbers."""
    width = high / buckets - low / buckets
    return 1e-290 < width < 1e290 and max(abs(low), abs(high)) < 1e290
