"""The numbers of one tensor: extremes, sums and buckets, in passes over blocks that fit the cache.

Every function takes one array of any shape and any of TensorFlow's numeric types: floating
(bfloat16 included), integer, bool, or complex, which counts by its magnitude. Elements are widened
to float64 block by block, so that sums neither overflow nor cancel and no copy of the whole array
is made. Elements that are NaN or infinite are counted apart and enter nothing else.
"""

import math

import numpy as np

from gtlog.statistics import float32_counts
from gtlog.statistics.results import Extremes, bucket_rows, scale_for_sums, with_sums

# 128 KiB of float64, so that a block and what is made of it stay in a core's second-level cache.
_BLOCK = 16384
# From this number of elements on, a table of counts by three buckets pays for itself.
_MANY = 16 * _BLOCK
# Elements that are read as they are stored: 1 MiB of float32, so that a call of numpy costs little
# beside what it does.
_NATIVE_BLOCK = 16 * _BLOCK
# Products of float32 that are summed up in float32.
_ROW = 512


def extremes(array):
    """Finds the extremes of an array.

    >>> extremes(np.array([3.0, -4.0, np.nan]))
    Extremes(size=3, nonfinite=1, minimum=-4.0, maximum=3.0)
    """
    flat = np.asarray(array).reshape(-1)
    blocks = _nativeblocks_of(flat) if flat.dtype.kind in "iu" or flat.dtype.char in "fd" else None
    return _extremes_of(flat.size, blocks or blocks_of(flat))


def describe(array, known=None):
    """Reduces an array to its `TensorStatistics`.

    Args:
      array: Array of any shape.
      known: What `extremes` returned for the array, where it was asked before.

    >>> describe(np.array([3.0, -4.0, np.nan]))
    TensorStatistics(size=3, nonfinite=1, minimum=-4.0, maximum=3.0, mean=-0.5, norm=5.0)
    """
    flat = np.asarray(array).reshape(-1)
    return _with_sums(known or extremes(flat), lambda: blocks_of(flat))


def describe_difference(after, before):
    """Reduces `after - before` to its `TensorStatistics`, never holding the whole difference.

    Args:
      after: Array of any shape.
      before: Array of the same shape.
    """
    after, before = np.asarray(after).reshape(-1), np.asarray(before).reshape(-1)
    if after.shape != before.shape:
        raise ValueError(f"The shapes differ: {after.shape} after, {before.shape} before.")
    return _describe_blocks(after.size, lambda: _difference_blocks(after, before))


def norm(array, known=None):
    """The L2 norm of the finite elements of an array.

    Of many float32 elements the squares are summed up in float32, 512 at a time, and these sums in
    float64: the norm is right to a relative 1e-6, typically 1e-9. Where squares would leave the
    range of float32, and for every other type, it is the norm that `describe` gives.

    Args:
      array: Array of any shape.
      known: What `extremes` returned for the array, where it was asked before.

    >>> norm(np.array([3.0, -4.0, np.nan]))
    5.0
    """
    flat = np.asarray(array).reshape(-1)
    if _is_large_float32(flat):
        squares = _float32_squares(flat.size, _nativeblocks_of(flat))
        if squares is not None:
            return math.sqrt(squares)
    return describe(flat, known).norm


def norm_of_difference(after, before):
    """The L2 norm of the finite elements of `after - before`, as precise as `norm`.

    Args:
      after: Array of any shape.
      before: Array of the same shape.
    """
    after, before = np.asarray(after).reshape(-1), np.asarray(before).reshape(-1)
    if after.size == before.size and _is_large_float32(after) and _is_large_float32(before):
        squares = _float32_squares(after.size, _native_difference_blocks(after, before))
        if squares is not None:
            return math.sqrt(squares)
    return describe_difference(after, before).norm


def histogram(array, buckets=30, known=None):
    """Counts the finite elements of an array in uniform buckets between their extremes.

    The buckets are those of TensorBoard's own `tf.summary.histogram`
    (https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/histogram/summary_v2.py):
    all but the last are open on the right. Where all elements are equal, every edge is that value
    and the last bucket holds the count; where no element is finite, all rows are zero.

    Args:
      array: Array of any shape.
      buckets: Positive number of buckets, k.
      known: What `extremes` or `describe` returned for the array, where it was asked before.

    Returns:
      `[k, 3]` float64 array of left edge, right edge and count. The counts are exact up to 2**53
      and sum to the number of finite elements.

    >>> histogram(np.array([0.0, 1.0, 1.5, 2.0]), buckets=2)
    array([[0., 1., 1.],
           [1., 2., 3.]])
    """
    flat = np.asarray(array).reshape(-1)
    known = known or extremes(flat)

    def count(low, width, scale):
        return counts_of(flat, low, width, buckets, scale, bool(known.nonfinite))

    return bucket_rows(known, buckets, count)


def counts_of(flat, low, width, buckets, scale, has_nonfinite):
    """How many elements fall into each bucket."""
    if flat.size >= _MANY and scale == 1.0 and not has_nonfinite:
        if float32_counts.can_count(flat, width, buckets):
            return float32_counts.counts(flat, low, width, buckets)
    if flat.size <= _BLOCK:
        block = _widened(flat, np.empty(flat.size))
        indices = _places(block, low, width, scale, has_nonfinite).astype(np.intp)
        return _without_maximum(np.bincount(indices, minlength=buckets + 1))
    counts = np.zeros(buckets + 1, np.int64)
    for block in blocks_of(flat):
        places = _places(block, low, width, scale, has_nonfinite)
        counts += np.bincount(places.astype(np.intp), minlength=counts.size)
    return _without_maximum(counts)


def _without_maximum(counts):
    counts[-2] += counts[-1]  # the index of the maximum itself is the number of buckets
    return counts[:-1]


def _places(block, low, width, scale, has_nonfinite):
    """The place of each element in the row of buckets, its index and a fraction; in `block`."""
    if has_nonfinite:
        block = block[np.isfinite(block)]
    if scale != 1.0:
        block *= scale
    block -= low
    block /= width
    return block


def _extremes_of(size, blocks):
    nonfinite, low, high = 0, math.inf, -math.inf
    for block in blocks:
        block_low, block_high = float(np.minimum.reduce(block)), float(np.maximum.reduce(block))
        if not (math.isfinite(block_low) and math.isfinite(block_high)):
            finite = block[np.isfinite(block)]
            nonfinite += block.size - finite.size
            if not finite.size:
                continue
            block_low, block_high = float(finite.min()), float(finite.max())
        low, high = min(low, block_low), max(high, block_high)
    if nonfinite == size:
        low = high = 0.0
    return Extremes(size, nonfinite, low, high)


def _with_sums(known, blocks):
    shift = scale_for_sums(known)
    total, squares = 0.0, 0.0
    for block in blocks():
        if known.nonfinite:
            block = block[np.isfinite(block)]
        if shift:
            block *= math.ldexp(1.0, shift)
        total += float(np.add.reduce(block))
        squares += _sum_of_squares(block)
    return with_sums(known, total, squares, shift)


def _describe_blocks(size, blocks):
    """Extremes and sums in one pass, and in passes of their own where that does not serve."""
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks():
            low = min(low, float(np.minimum.reduce(block)))
            high = max(high, float(np.maximum.reduce(block)))
            total += float(np.add.reduce(block))
            squares += _sum_of_squares(block)
    known = Extremes(size, 0, low, high)
    if not size or not math.isfinite(squares) or scale_for_sums(known):
        return _with_sums(_extremes_of(size, blocks()), blocks)
    return with_sums(known, total, squares)


def _sum_of_squares(block):
    # OpenBLAS starts threads for more than 10,000 elements, which wait where the cores are busy:
    # https://github.com/OpenMathLib/OpenBLAS/blob/develop/kernel/x86_64/ddot.c
    half = _BLOCK // 2
    squares = float(np.dot(block[:half], block[:half]))
    return squares + float(np.dot(block[half:], block[half:])) if block.size > half else squares


def _is_large_float32(flat):
    return flat.size >= _BLOCK and flat.dtype == np.float32 and flat.dtype.isnative


def _float32_squares(size, blocks):
    """Sum of the squares. None if float32 cannot hold it, or an element is not finite."""
    total = 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for block in blocks:
            rows = block[: block.size // _ROW * _ROW].reshape(-1, 1, _ROW)
            total += float(np.sum(np.matmul(rows, rows.transpose(0, 2, 1)), dtype=np.float64))
            rest = block[rows.size :].astype(np.float64)
            total += float(np.dot(rest, rest))
    # A square below 1.2e-38 may count as zero: all of them together are 1e-8 of this at most.
    return total if size * 1e-30 < total < math.inf else None


def _native_difference_blocks(after, before):
    buffer = np.empty(min(_NATIVE_BLOCK, after.size), np.float32)
    for start in range(0, after.size, _NATIVE_BLOCK):
        block = after[start : start + _NATIVE_BLOCK]
        yield np.subtract(block, before[start : start + block.size], out=buffer[: block.size])


def _nativeblocks_of(flat):
    """Yields the elements as they are stored, block after block."""
    for start in range(0, flat.size, _NATIVE_BLOCK):
        yield flat[start : start + _NATIVE_BLOCK]


def blocks_of(flat):
    """Yields the elements as float64, block after block, in one buffer that is used again."""
    buffer = np.empty(min(_BLOCK, flat.size))
    for start in range(0, flat.size, _BLOCK):
        yield _widened(flat[start : start + _BLOCK], buffer)


def _difference_blocks(after, before):
    buffer, other = np.empty((2, min(_BLOCK, after.size)))
    for start in range(0, after.size, _BLOCK):
        stop = start + _BLOCK
        with np.errstate(invalid="ignore", over="ignore"):
            if after.dtype.kind == "c":
                block = _widened(after[start:stop] - before[start:stop], buffer)
            else:
                block = _widened(after[start:stop], buffer)
                block -= _widened(before[start:stop], other)
        yield block


def _widened(block, buffer):
    target = buffer[: block.size]
    if block.dtype.kind == "c":
        np.absolute(block.astype(np.complex128), out=target)
    else:
        target[...] = block
    return target
