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
    is_number = isinstance(tensor, tf.Tensor) and tensor.shape.rank == 0
    return np.asarray(tensor.numpy() if is_number else tensor)
