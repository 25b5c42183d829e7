"""Histograms of elements of many magnitudes, on a scale that is linear at zero only."""

import math

import numpy as np

from gtlog.statistics.on_host import blocks_of, counts_of, extremes
from gtlog.statistics.results import Extremes, bucket_rows


def signed_log_histogram(array, buckets, floor, known=None):
    """The `histogram` of `sign(x) * log10(1 + abs(x) / floor)`, for elements x of many magnitudes.

    Magnitudes above 1e300 count as 1e300.

    Args:
      array: Array of any shape.
      buckets: Positive number of buckets, k, uniform in the logarithm.
      floor: Positive float, the magnitude where the scale goes from linear to logarithmic.
      known: What `extremes` or `describe` returned for the array, where it was asked before.

    Returns:
      `[k, 3]` float64 array of left edge, right edge and count; the edges are logarithms.

    >>> signed_log_histogram(np.array([-99.9, 0.5, 5.0, 99.9]), buckets=2, floor=0.1)
    array([[-3.,  0.,  1.],
           [ 0.,  3.,  3.]])
    """
    flat = np.asarray(array).reshape(-1)
    known = known or extremes(flat)
    ends = _signed_log(np.array([known.minimum, known.maximum]), floor)

    def count(low, width, scale):
        counts = np.zeros(buckets, np.int64)
        for block in blocks_of(flat):
            if known.nonfinite:
                block = block[np.isfinite(block)]
            if block.size:
                logs = _signed_log(block, floor)
                counts += counts_of(logs, low, width, buckets, scale, has_nonfinite=False)
        return counts

    known_of_logs = Extremes(known.size, known.nonfinite, float(ends[0]), float(ends[1]))
    return bucket_rows(known_of_logs, buckets, count)


def _signed_log(block, floor):
    magnitudes = np.minimum(np.abs(block), 1e300)
    magnitudes /= floor
    np.log1p(magnitudes, out=magnitudes)
    magnitudes /= math.log(10.0)
    return np.copysign(magnitudes, block, out=magnitudes)
