"""What is known of an activation by the operation that computes it."""

import tensorflow as tf

# The bounds of an operation's outputs, by its type.
BOUNDS = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Softsign": (-1.0, 1.0)}
# Operations that put out zero where a unit is shut.
RECTIFIERS = ("Relu", "Relu6")
# Operations that leave the numbers as they are.
_CARRIERS = ("Identity", "Cast", "Reshape", "StopGradient", "Squeeze", "ExpandDims")


def operation_of(tensor):
    """The type of the operation that computed a symbolic tensor's numbers, such as `"Relu"`."""
    while tensor.op.type in _CARRIERS and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    return tensor.op.type


def is_known(tensor):
    """Whether a symbolic tensor is the output of an activation whose ends are known."""
    kind = operation_of(tensor)
    return kind in BOUNDS or kind in RECTIFIERS


def is_float(tensor):
    """Whether a tensor has real numbers with fractions."""
    return isinstance(tensor, tf.Tensor) and tensor.dtype.is_floating
