"""The numbers of TensorFlow's eager tensors as numpy arrays."""

import numpy as np


def array_of(tensor):
    """The array of an eager tensor; on the CPU it shares the tensor's memory.

    Args:
      tensor: Eager tensor of any shape and numeric dtype.

    Returns:
      Array of the same shape and dtype. numpy cannot make one of a tensor of rank 0 whose dtype is
      none of its own (bfloat16), but of the number that such a tensor gives.
    """
    return np.asarray(tensor if tensor.shape.rank else tensor.numpy())
