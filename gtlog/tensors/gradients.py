"""Gradients as `tape.gradient` returns them: dense, or `IndexedSlices` of the rows it touched."""

import numpy as np
import tensorflow as tf

from gtlog.tensors.arrays import array_of


def total(parts):
    """The sum of the gradients that one variable was given in a step.

    Args:
      parts: Non-empty list of eager dense tensors and `tf.IndexedSlices`, all of one variable.

    Returns:
      The only part itself; slices of all rows where every part is `tf.IndexedSlices`; otherwise a
      dense tensor.
    """
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, tf.IndexedSlices) for part in parts):
        return tf.IndexedSlices(
            values=tf.concat([part.values for part in parts], 0),
            indices=tf.concat([tf.cast(part.indices, tf.int64) for part in parts], 0),
        )
    return _dense_total(parts)


def unscaled(gradient, scale):
    """A gradient divided by the factor that its target was multiplied by.

    Args:
      gradient: Eager dense tensor, or `tf.IndexedSlices` of eager tensors.
      scale: Eager scalar, not zero.

    Returns:
      The same in float32 or wider: what float16 holds may be too small for it without the scale.

    >>> float(unscaled(tf.constant(3.0, tf.float16), tf.constant(2.0**20)) * 2.0**20)
    3.0
    """
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(unscaled(gradient.values, scale), gradient.indices)
    wide = gradient.dtype if gradient.dtype.size >= 4 else tf.float32
    return tf.cast(gradient, wide) / tf.cast(scale, wide)


def elements(gradient):
    """The numbers that a gradient's statistics are taken over.

    Args:
      gradient: Eager dense tensor, or `tf.IndexedSlices` of eager tensors.

    Returns:
      The array of a dense gradient. For slices `[rows, ...]`, one row for each index that was
      touched, in rising order of the indices, repeated indices summed (float32 or wider); never
      the dense form, which for a large embedding would not fit into memory.

    >>> slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([7, 0, 7]))
    >>> elements(slices)
    array([[2.],
           [5.]], dtype=float32)
    """
    if isinstance(gradient, tf.IndexedSlices):
        return _touched_rows(array_of(gradient.values), array_of(gradient.indices))
    return array_of(gradient)


def _touched_rows(values, indices):
    indices = indices.reshape(-1)
    if not indices.size:
        return values
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    if starts.size == indices.size:
        return values[order]
    return np.add.reduceat(values[order].astype(_wide(values.dtype)), starts, axis=0)


def _wide(dtype):
    return dtype if dtype.itemsize >= 4 and dtype.kind in "fc" else np.float32


def _dense_total(parts):
    dense = next(part for part in parts if not isinstance(part, tf.IndexedSlices))
    result = np.zeros(dense.shape, _wide(array_of(dense).dtype))
    for part in parts:
        if isinstance(part, tf.IndexedSlices):
            values = array_of(part.values).astype(result.dtype)
            np.add.at(result, array_of(part.indices), values)
        else:
            result += array_of(part).astype(result.dtype)
    return tf.constant(result)
