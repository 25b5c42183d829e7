"""Percentiles of a histogram, the inverse of drawing one."""

import numpy as np


def percentiles(buckets, percents):
    """Where the given percentages of a histogram's elements lie below.

    Within a bucket the elements are taken to be spread evenly.

    Args:
      buckets: `[k, 3]` rows of left edge, right edge and count.
      percents: Sequence of numbers from 0 to 100.

    Returns:
      float64 array, one value for each of `percents`; NaN where the histogram holds nothing.

    >>> percentiles(np.array([[0.0, 1.0, 1.0], [1.0, 3.0, 1.0]]), [0, 25, 50, 75, 100])
    array([0. , 0.5, 1. , 2. , 3. ])
    """
    buckets = np.asarray(buckets, np.float64)
    counts = buckets[:, 2]
    if not counts.sum():
        return np.full(len(percents), np.nan)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum() * 100.0
    edges = np.append(buckets[:1, 0], buckets[:, 1])
    return np.interp(percents, below, edges)
