"""The numbers of TensorFlow's eager tensors as numpy arrays."""

import numpy as np
import tensorflow as tf


def array_of(tensor):
    """The array of an eager tensor; on the CPU it shares the tensor's memory.

    Args:
      tensor: Eager tensor of any shape and numeric dtype, or an array.

    Returns:
      Array of the same shape and dtype. From a scalar tensor of a dtype that numpy lacks (bfloat16)
      numpy makes no array. There the array is made from the number that the tensor gives.
    """
    try:
        return np.asarray(tensor)  # asked for its rank first, a tensor takes several times as long
    except (TypeError, ValueError):
        if not isinstance(tensor, tf.Tensor) or tensor.shape.rank:
            raise
        return np.asarray(tensor.numpy())
