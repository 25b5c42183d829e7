"""The numbers of many small tensors at once, the same to the last bit as one by one.

numpy needs longer to begin a pass than for the elements of a small tensor. So tensors of one size
and type are stacked, and each pass goes over all of them.
"""

import numpy as np

from gtlog.statistics.results import (
    LARGE_MAGNITUDE,
    SMALL_MAGNITUDE,
    Extremes,
    edges_of_buckets,
    needs_no_scale,
)

# `statistics.norm` sums up as many elements in one product.
SMALL = 8192
# With more elements a histogram takes no longer alone than among others.
_SMALL_HISTOGRAM = 2048
# Elements that are measured together: 128 KiB of float64, which stay in a second-level cache.
_TOGETHER = 16384


def is_small(array):
    """Whether an array is one of those that are measured together.

    Args:
      array: `np.ndarray`.
    """
    return 0 < array.size <= SMALL and array.dtype.char in "fd" and array.dtype.isnative


def extremes(arrays):
    """As `statistics.extremes`, of each of many small arrays.

    Args:
      arrays: List of arrays that are small.

    Returns:
      List of `Extremes`. None in place of those that must be asked alone: of arrays with an
      element that is not finite; and of those with an extreme of zero, which may have two signs.
    """
    found = [None] * len(arrays)
    for positions, rows in _stacks(arrays):
        lows = np.minimum.reduce(rows, axis=1).astype(np.float64)
        highs = np.maximum.reduce(rows, axis=1).astype(np.float64)
        is_told = np.isfinite(lows) & np.isfinite(highs) & (lows != 0.0) & (highs != 0.0)
        told = zip(positions, is_told.tolist(), lows.tolist(), highs.tolist())
        for position, is_known, low, high in told:
            if is_known:
                found[position] = Extremes(rows.shape[1], 0, low, high)
    return found


def norms(arrays, known):
    """As `statistics.norm`, of each of many small arrays.

    Args:
      arrays: List of arrays that are small.
      known: List of the `Extremes` of each.

    Returns:
      List of floats. None in place of those that must be asked alone: with an element that is not
      finite, or with squares that float64 cannot tell.
    """
    found = [None] * len(arrays)
    usual = [position for position, one in enumerate(known) if _has_usual_squares(one)]
    for places, rows in _stacks([arrays[position] for position in usual]):
        of_rows = _norms(_widened(rows)).tolist()
        for place, norm in zip(places, of_rows):
            found[usual[place]] = norm
    return found


def norms_of_differences(afters, befores):
    """As `statistics.norm_of_difference`, of each of many pairs of small arrays.

    Args:
      afters: List of arrays that are small.
      befores: List of arrays of the same shapes and types.

    Returns:
      List of floats. None in place of those that must be asked alone.
    """
    found = [None] * len(afters)
    for positions, rows in _stacks(afters):
        with np.errstate(invalid="ignore", over="ignore"):
            updates = _widened(rows)
            updates -= _stacked([befores[position] for position in positions])
            largest = np.maximum(
                np.maximum.reduce(updates, axis=1), -np.minimum.reduce(updates, axis=1)
            )
            of_rows = _norms(updates).tolist()
        is_told = [_is_usual_magnitude(one) for one in largest.tolist()]
        for position, is_known, norm in zip(positions, is_told, of_rows):
            if is_known:
                found[position] = norm
    return found


def _has_usual_squares(known):
    _, nonfinite, low, high = known
    return not nonfinite and _is_usual_magnitude(max(-low, high))


def _is_usual_magnitude(largest):
    return largest == 0.0 or SMALL_MAGNITUDE < largest < LARGE_MAGNITUDE


def _widened(rows):
    """The rows in float64, each aligned as an array by itself would be.

    Where 16 bytes begin, BLAS sums up in another order.
    """
    count, size = rows.shape
    wide = np.empty((count, size + size % 2))[:, :size]
    wide[...] = rows
    return wide


def _norms(rows):
    # What `np.dot` would give for each row.
    return np.sqrt(np.matmul(rows[:, np.newaxis, :], rows[:, :, np.newaxis]).reshape(-1))


def histograms(arrays, known, buckets):
    """As `statistics.histogram`, of each of many small arrays.

    Args:
      arrays: List of arrays that are small.
      known: List of the `Extremes` of each.
      buckets: Positive number of buckets, k.

    Returns:
      List of `[k, 3]` float64 arrays of left edge, right edge and count. None in place of those
      that are better asked alone: with an element that is not finite, or all of them equal, or
      nearly too large or too small for float64, or with many elements.
    """
    found = [None] * len(arrays)
    usual = [
        position
        for position, one in enumerate(known)
        if one.size <= _SMALL_HISTOGRAM and _has_usual_width(one, buckets)
    ]
    counter = _Counter(buckets)
    for places, rows in _stacks([arrays[position] for position in usual], buckets):
        positions = [usual[place] for place in places]
        counted = counter.histograms(rows, [known[position] for position in positions])
        for position, of_one in zip(positions, counted):
            found[position] = of_one
    return found


def _has_usual_width(known, buckets):
    _, nonfinite, low, high = known
    return not nonfinite and low < high and needs_no_scale(low, high, buckets)


class _Counter:
    """Counts stack after stack in arrays that are used again.

    Args:
      buckets: Positive number of buckets.
    """

    def __init__(self, buckets):
        self._buckets = buckets
        size = max(_TOGETHER, SMALL)
        self._places, self._whole = np.empty(size), np.empty(size, np.int32)
        self._indices = np.empty(size, np.intp)

    def histograms(self, rows, known):
        """`[n, buckets, 3]` histograms of the rows of a stack, given the `Extremes` of each."""
        lows = np.array([[one.minimum] for one in known])
        highs = np.array([[one.maximum] for one in known])
        widths = (highs - lows) / self._buckets
        result = np.empty((len(rows), self._buckets, 3))
        result[:, :, 2] = self._counts(rows, lows, widths)
        edges = edges_of_buckets(lows, widths, self._buckets)
        result[:, :, 0], result[:, :-1, 1] = edges, edges[:, 1:]
        result[:, 0, :1], result[:, -1, 1:2] = lows, highs
        return result

    def _counts(self, rows, lows, widths):
        """How many elements of each row fall into each of its buckets: `[n, buckets]`."""
        places, whole, indices = (
            buffer[: rows.size].reshape(rows.shape)
            for buffer in (self._places, self._whole, self._indices)
        )
        np.copyto(places, rows)
        np.subtract(places, lows, out=places)
        np.divide(places, widths, out=places)
        np.copyto(whole, places, casting="unsafe")
        # The index of the maximum is the number of buckets, so each row has one place more.
        size = len(rows) * (self._buckets + 1)
        first = np.arange(0, size, self._buckets + 1, dtype=np.int32)[:, np.newaxis]
        np.add(whole, first, out=indices)
        counts = np.bincount(indices.reshape(-1), minlength=size).reshape(len(rows), -1)
        counts[:, -2] += counts[:, -1]
        return counts[:, :-1]


def _stacks(arrays, more=0):
    """Yields positions and `[n, elements]` stacks of arrays of one size and type.

    Args:
      arrays: List of arrays.
      more: How many numbers there are to keep for each row besides its elements.
    """
    groups = {}
    for position, array in enumerate(arrays):
        groups.setdefault((array.size, array.dtype.char), []).append(position)
    for (size, _), positions in groups.items():
        count = max(_TOGETHER // (size + more), 1)
        for start in range(0, len(positions), count):
            part = positions[start : start + count]
            yield part, _stacked([arrays[position] for position in part])


def _stacked(arrays):
    return np.concatenate([array.reshape(-1) for array in arrays]).reshape(len(arrays), -1)
