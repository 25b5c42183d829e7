"""Counts of many float32 elements in uniform buckets, the same as in float64 in half the time.

The place of an element, `(element - low) / width`, is computed in float32, a little too small. With
19 binary places it is less than 8 units off: `-7 * 2**-24 * 2**24 <= error <= 0`, from three
roundings of at most `2**-24` each and a factor that is `2**-22` too small. So the place of an
element gives its bucket, unless it lies within 8 units below an edge. Of random elements one in
65,536 does; its bucket is computed again in float64.
"""

import numpy as np

MOST_BUCKETS = 32
_PLACES = 19
_DOUBTFUL = np.int32((1 << _PLACES) - 8)
_FRACTION = np.int32((1 << _PLACES) - 1)
# With more doubtful elements in a block than that, all of it is computed again.
_FEW = 64
# Three elements are counted at once. A block's arrays stay in a core's second-level cache.
_THIRD = 16384
_GATHERED = 8 * _THIRD


def can_count(flat, width, buckets):
    """Whether `counts` serves: float32 places may neither overflow nor be denormal."""
    is_float32 = flat.dtype == np.float32 and flat.dtype.isnative
    return is_float32 and buckets <= MOST_BUCKETS and 1e-30 < width < 1e30


def counts(flat, low, width, buckets):
    """How many elements fall into each bucket.

    Args:
      flat: Float32 array `[n]` of finite elements.
      low: The smallest element.
      width: Width of a bucket, float64; the largest element is at `low + buckets * width`, up to
        rounding.
      buckets: Number of buckets, at most `MOST_BUCKETS`.

    Returns:
      int64 array `[buckets]`.
    """
    table = np.zeros(MOST_BUCKETS**3, np.int64)
    gathered, filled = np.empty(_GATHERED, np.intp), 0
    for indices in _blocks_of_indices(flat, low, width, buckets):
        third = indices.size // 3
        if filled + third > gathered.size:
            table += np.bincount(gathered[:filled], minlength=table.size)
            filled = 0
        gathered[filled : filled + third] = _by_three(indices.reshape(3, third))
        filled += third
    table += np.bincount(gathered[:filled], minlength=table.size)
    by_third = table.reshape((MOST_BUCKETS,) * 3)
    counted = sum(by_third.sum(axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))[:buckets]
    for element in flat[flat.size // 3 * 3 :]:
        counted[_exact_index(element, low, width, buckets)] += 1
    return counted


def _by_three(thirds):
    """Three indices of five bits as one number, in the array of the first."""
    first, second, third = thirds
    np.left_shift(second, 5, out=second)
    np.left_shift(third, 10, out=third)
    np.bitwise_or(first, second, out=first)
    return np.bitwise_or(first, third, out=first)


def _blocks_of_indices(flat, low, width, buckets):
    """Yields the buckets of the elements, block after block, in one int32 buffer used again."""
    lowest, factor = np.float32(low), np.float32(2.0**_PLACES / width * (1.0 - 2.0**-22))
    size = min(3 * _THIRD, flat.size // 3 * 3)
    places, indices, marks = np.empty(size, np.float32), np.empty(size, np.int32), bytearray(size)
    fractions, is_doubtful = places.view(np.int32), np.frombuffer(marks, np.bool_)
    for start in range(0, flat.size // 3 * 3, 3 * _THIRD):
        block = flat[start : start + 3 * _THIRD]
        size = block.size // 3 * 3
        block, found = block[:size], indices[:size]
        np.subtract(block, lowest, out=places[:size])
        np.multiply(places[:size], factor, out=places[:size])
        np.copyto(found, places[:size], casting="unsafe")
        np.bitwise_and(found, _FRACTION, out=fractions[:size])
        np.greater_equal(fractions[:size], _DOUBTFUL, out=is_doubtful[:size])
        np.right_shift(found, _PLACES, out=found)
        _correct(found, block, marks, lambda some: _exact_index(some, low, width, buckets))
        yield found


def _correct(indices, block, marks, exact_index):
    """Computes the indices of the elements again that `marks` has a 1 for."""
    position = marks.find(1, 0, block.size)
    for _ in range(_FEW):
        if position < 0:
            return
        indices[position] = exact_index(block[position])
        position = marks.find(1, position + 1, block.size)
    indices[...] = exact_index(block)


def _exact_index(elements, low, width, buckets):
    places = np.subtract(elements, low, dtype=np.float64)
    return np.minimum((places / width).astype(np.int32), buckets - 1)
