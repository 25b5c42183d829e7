"""The numbers of one tensor that lives on a GPU or another device, computed there.

The same numbers as `gtlog.statistics`, by TensorFlow operations on the tensor's own device, in
float64 and block by block; only a few numbers and the counts of the buckets cross to the host. The
functions are traced once for each dtype, for tensors of any size. TensorFlow's operations take
denormal numbers for zero, which numpy's do not.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from gtlog.statistics.results import Extremes, bucket_rows, scale_for_sums, with_sums

# 8 MiB of float64: much for a device to do at once, little of its memory.
_BLOCK = 1 << 20
_FLOATING = (tf.float16, tf.bfloat16, tf.float32, tf.float64)


def extremes(tensor):
    """As `statistics.extremes`, of an eager tensor."""
    return _extremes_of(_flat(tensor))


def describe(tensor, known=None):
    """As `statistics.describe`, of an eager tensor."""
    flat = _flat(tensor)
    return _with_sums(known or _extremes_of(flat), flat)


def describe_difference(after, before):
    """As `statistics.describe_difference`, of two eager tensors of one shape and dtype."""
    parts = _flat(after), _flat(before)
    return _with_sums(_extremes_of(*parts), *parts)


def norm(tensor, known=None):
    """As `statistics.norm`, of an eager tensor."""
    return describe(tensor, known).norm


def norm_of_difference(after, before):
    """As `statistics.norm_of_difference`, of two eager tensors of one shape and dtype."""
    return describe_difference(after, before).norm


def histogram(tensor, buckets=30, known=None):
    """As `statistics.histogram`, of an eager tensor."""
    flat = _flat(tensor)
    known = known or _extremes_of(flat)

    def count(low, width, scale):
        return _COUNTS[flat.dtype](flat, low, width, scale, buckets).numpy()

    return bucket_rows(known, buckets, count)


def _flat(tensor):
    if tensor.dtype.is_complex:
        tensor = tf.abs(tf.cast(tensor, tf.complex128))
    if tensor.dtype not in _FLOATING:
        tensor = tf.cast(tensor, tf.float64)
    return tf.reshape(tensor, [-1])


def _extremes_of(*parts):
    reduce = (_EXTREMES if len(parts) == 1 else _DIFFERENCE_EXTREMES)[parts[0].dtype]
    nonfinite, low, high = reduce(*parts).numpy().tolist()
    size = int(parts[0].shape[0])
    if nonfinite == size:
        low = high = 0.0
    return Extremes(size, int(nonfinite), low, high)


def _with_sums(known, *parts):
    shift = scale_for_sums(known)
    reduce = (_SUMS if len(parts) == 1 else _DIFFERENCE_SUMS)[parts[0].dtype]
    total, squares = reduce(*parts, math.ldexp(1.0, shift)).numpy().tolist()
    return with_sums(known, total, squares, shift)


def _fold(parts, first, step):
    """Folds `step(accumulated, block)` over the blocks of one tensor, or of a difference."""
    size = tf.size(parts[0])

    def body(start, *accumulated):
        blocks = [tf.cast(part[start : start + _BLOCK], tf.float64) for part in parts]
        block = blocks[0] - blocks[1] if len(blocks) == 2 else blocks[0]
        return (start + _BLOCK, *step(accumulated, block))

    loop = tf.while_loop(lambda start, *_: start < size, body, (0, *first))
    return loop[1:]


def _reduce_extremes(*parts):
    def step(accumulated, block):
        nonfinite, low, high = accumulated
        finite = tf.math.is_finite(block)
        return (
            nonfinite + tf.reduce_sum(tf.cast(~finite, tf.float64)),
            tf.minimum(low, tf.reduce_min(tf.where(finite, block, np.inf))),
            tf.maximum(high, tf.reduce_max(tf.where(finite, block, -np.inf))),
        )

    first = [tf.constant(value, tf.float64) for value in (0.0, np.inf, -np.inf)]
    return tf.stack(_fold(parts, first, step))


def _reduce_sums(*arguments):
    *parts, scale = arguments

    def step(accumulated, block):
        total, squares = accumulated
        scaled = tf.where(tf.math.is_finite(block), block * scale, 0.0)
        return total + tf.reduce_sum(scaled), squares + tf.reduce_sum(scaled * scaled)

    return tf.stack(_fold(parts, [tf.constant(0.0, tf.float64)] * 2, step))


def _count_buckets(flat, low, width, scale, buckets):
    def step(accumulated, block):
        index = tf.floor((block * scale - low) / width)
        index = tf.minimum(index, tf.cast(buckets - 1, tf.float64))
        index = tf.where(tf.math.is_finite(block), index, tf.cast(buckets, tf.float64))
        counts = tf.math.bincount(
            tf.cast(index, tf.int32), minlength=buckets + 1, maxlength=buckets + 1
        )
        return (accumulated[0] + tf.cast(counts[:-1], tf.int64),)

    return _fold([flat], [tf.zeros([buckets], tf.int64)], step)[0]


def _per_dtype(function, tensors, *rest):
    """The function compiled for each floating dtype, for flat tensors of any size."""
    return {
        dtype: tf.function(
            function, input_signature=[tf.TensorSpec([None], dtype)] * tensors + list(rest)
        )
        for dtype in _FLOATING
    }


_NUMBER = functools.partial(tf.TensorSpec, [])
_EXTREMES = _per_dtype(_reduce_extremes, 1)
_DIFFERENCE_EXTREMES = _per_dtype(_reduce_extremes, 2)
_SUMS = _per_dtype(_reduce_sums, 1, _NUMBER(tf.float64))
_DIFFERENCE_SUMS = _per_dtype(_reduce_sums, 2, _NUMBER(tf.float64))
_COUNTS = _per_dtype(_count_buckets, 1, *[_NUMBER(tf.float64)] * 3, _NUMBER(tf.int32))
