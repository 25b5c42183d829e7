"""The numbers of one tensor: extremes, sums and buckets, in passes over blocks that fit the cache.

Every function takes one array of any shape and any of TensorFlow's numeric types: floating
(bfloat16 included), integer, bool, or complex, which counts by its magnitude. Elements are widened
to float64 block by block, so that sums neither overflow nor cancel and no copy of the whole array
is made. Elements that are NaN or infinite are counted apart and enter nothing else.
"""

import dataclasses
import math

import numpy as np

# 128 KiB of float64: the block, and the indices made from it, stay in a core's second-level cache.
_BLOCK = 16384


@dataclasses.dataclass(frozen=True)
class TensorStatistics:
    """What one pass over a tensor tells.

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


def describe(array):
    """Reduces an array to its `TensorStatistics` in one pass.

    >>> describe(np.array([3.0, -4.0, np.nan]))
    TensorStatistics(size=3, nonfinite=1, minimum=-4.0, maximum=3.0, mean=-0.5, norm=5.0)
    """
    flat = np.asarray(array).reshape(-1)
    return _describe_blocks(flat.size, lambda: _blocks(flat))


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


def histogram(array, buckets=30, statistics=None):
    """Counts the finite elements of an array in uniform buckets between their extremes.

    The buckets are those of TensorBoard's own `tf.summary.histogram`
    (https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/histogram/summary_v2.py):
    all but the last are open on the right. Where all elements are equal, every edge is that value
    and the last bucket holds the count; where no element is finite, all rows are zero.

    Args:
      array: Array of any shape.
      buckets: Positive number of buckets, k.
      statistics: What `describe` returned for `array`, where it is known already.

    Returns:
      `[k, 3]` float64 array of left edge, right edge and count. The counts are exact up to 2**53
      and sum to the number of finite elements.

    >>> histogram(np.array([0.0, 1.0, 1.5, 2.0]), buckets=2)
    array([[0., 1., 1.],
           [1., 2., 3.]])
    """
    flat = np.asarray(array).reshape(-1)
    statistics = statistics or describe(flat)
    rows = np.zeros((buckets, 3))
    if not statistics.finite:
        return rows
    low, high = statistics.minimum, statistics.maximum
    if low == high:
        rows[:, :2] = low
        rows[-1, 2] = statistics.finite
        return rows
    scale = _safe_scale(low, high, buckets)
    rows[:, 2] = _count(flat, low * scale, high * scale, buckets, scale)
    edges = np.linspace(low * scale, high * scale, buckets + 1) / scale
    edges[0], edges[-1] = low, high
    rows[:, 0], rows[:, 1] = edges[:-1], edges[1:]
    return rows


def _count(flat, low, high, buckets, scale):
    width = (high - low) / buckets
    counts = np.zeros(buckets, np.int64)
    for block in _blocks(flat):
        if not math.isfinite(float(block.min()) + float(block.max())):
            block = block[np.isfinite(block)]
        if scale != 1.0:
            block *= scale
        block -= low
        block /= width
        indices = block.astype(np.intp)
        np.minimum(indices, buckets - 1, out=indices)
        counts += np.bincount(indices, minlength=buckets)
    return counts


def _safe_scale(low, high, buckets):
    """A power of two that keeps the bucket width clear of overflow and of denormal numbers."""
    width = high / buckets - low / buckets
    if 1e-290 < width < 1e290 and max(abs(low), abs(high)) < 1e290:
        return 1.0
    _, exponent = math.frexp(max(abs(low), abs(high)))
    return math.ldexp(1.0, min(-exponent, 1000))


def _describe_blocks(size, blocks):
    nonfinite, low, high, total, squares = 0, math.inf, -math.inf, 0.0, 0.0
    for block in blocks():
        block_low, block_high = float(block.min()), float(block.max())
        if not (math.isfinite(block_low) and math.isfinite(block_high)):
            finite = block[np.isfinite(block)]
            nonfinite += block.size - finite.size
            if not finite.size:
                continue
            block, block_low, block_high = finite, float(finite.min()), float(finite.max())
        low, high = min(low, block_low), max(high, block_high)
        total += float(block.sum())
        squares += float(np.dot(block, block))
    count = size - nonfinite
    if not count:
        return TensorStatistics(size, nonfinite, 0.0, 0.0, 0.0, 0.0)
    largest = max(abs(low), abs(high))
    if largest and not 1e-140 < largest < 1e140:
        mean, norm = _scaled_sums(blocks, largest, count)
    else:
        mean, norm = total / count, math.sqrt(squares)
    return TensorStatistics(size, nonfinite, low, high, mean, norm)


def _scaled_sums(blocks, largest, count):
    """Mean and norm where squares would leave the range of float64: of elements over `largest`."""
    _, exponent = math.frexp(largest)
    shift = min(-exponent, 1000)
    mean, squares = 0.0, 0.0
    for block in blocks():
        block = block[np.isfinite(block)] * math.ldexp(1.0, shift)
        mean += float(block.sum()) / count
        squares += float(np.dot(block, block))
    return math.ldexp(mean, -shift), math.ldexp(math.sqrt(squares), -shift)


def _blocks(flat):
    """Yields the elements as float64, block after block, in one buffer that is used again."""
    buffer = np.empty(min(_BLOCK, flat.size))
    for start in range(0, flat.size, _BLOCK):
        yield _widened(flat[start : start + _BLOCK], buffer)


def _difference_blocks(after, before):
    buffer, other = np.empty((2, min(_BLOCK, after.size)))
    for start in range(0, after.size, _BLOCK):
        stop = start + _BLOCK
        if after.dtype.kind == "c":
            yield _widened(after[start:stop] - before[start:stop], buffer)
            continue
        block = _widened(after[start:stop], buffer)
        with np.errstate(invalid="ignore", over="ignore"):
            block -= _widened(before[start:stop], other)
        yield block


def _widened(block, buffer):
    target = buffer[: block.size]
    if block.dtype.kind == "c":
        np.absolute(block.astype(np.complex128), out=target)
    else:
        target[...] = block
    return target
