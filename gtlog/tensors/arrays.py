"""The numbers of TensorFlow's eager tensors as numpy arrays."""

import numpy as np
import tensorflow as tf


def array_of(tensor):
    """The array of an eager tensor; on the CPU it shares the tensor's memory.

    Args:
      tensor: Eager tensor of any shape and numeric dtype, or an array.

    Returns:
      Array of the same shape and dtype. numpy cannot make one of a tensor of rank 0 whose dtype is
      none of its own (bfloat16), but of the number that such a tensor gives.
    """
    try:
        return np.asarray(tensor)  # asked for its rank first, a tensor takes several times as long
    except (TypeError, ValueError):
        if not isinstance(tensor, tf.Tensor) or tensor.shape.rank:
            raise
        return np.asarray(tensor.numpy())
