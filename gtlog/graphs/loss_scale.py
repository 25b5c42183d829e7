"""Whether a target of `tape.gradient` carries a loss scale, as mixed precision puts on it.

`optimizer.scale_loss` (Keras 3) and `optimizer.get_scaled_loss` (Keras 2) multiply the loss by a
variable of the optimizer's. In a graph the target leads back to that product, and the factor itself
can be handed over with the gradients, so it is the one that held at this very step. Eager tensors
do not show what they were computed from.
"""

import re
from typing import Any, NamedTuple, Optional

from gtlog import _compat
from gtlog.variables import naming

# Operations that are proportional to their first input; `Mul` is proportional to both inputs.
_PROPORTIONAL = ("Cast", "Identity", "Mean", "RealDiv", "Reshape", "Sum")
_PASSING = ("Cast", "Identity")
_MOST_OPERATIONS = 64
_NAMES = re.compile(r"(.*/)?(current_loss_scale|dynamic_scale|loss_scale)(_\d+)?")


class LossScale(NamedTuple):
    """What is known of the loss scale of a target.

    Attributes:
      factor: Scalar tensor that losses and gradients were multiplied by; None if no such factor is
        known.
      note: The note for losses and gradients.
    """

    factor: Optional[Any]
    note: str


def seen_in(target):
    """The `LossScale` of symbolic tensors that are differentiated together, a list."""
    factor = factor_of(target)
    return LossScale(factor, note_on(factor))


def factor_of(target):
    """The loss scale that tensors in a graph were multiplied by.

    It is the value of a scalar variable that no optimizer trains. The variable has the name of a
    loss scale of `LossScaleOptimizer`: `current_loss_scale`, `dynamic_scale`, or `loss_scale`.

    Args:
      target: Non-empty list of symbolic tensors that are differentiated together.

    Returns:
      Symbolic scalar tensor. None if they do not all have the same factor.
    """
    factors = [_factor_of(tensor) for tensor in target]
    variables = {id(variable) for variable, _ in factors}
    return factors[0][1] if len(variables) == 1 else None


def _factor_of(tensor):
    """The variable of the scale and its value in the graph, both None without one."""
    pending, seen = [tensor], 0
    while pending and seen < _MOST_OPERATIONS:
        one, seen = pending.pop(), seen + 1
        variable = _scale_variable(one)
        if variable is not None:
            return variable, one
        if one.op.type == "Mul":
            pending.extend(one.op.inputs)
        elif one.op.type in _PROPORTIONAL:
            pending.append(one.op.inputs[0])
    return None, None


def _scale_variable(tensor):
    """The variable whose value a tensor is. None if it is no loss scale."""
    while tensor.op.type in _PASSING:
        tensor = tensor.op.inputs[0]
    if tensor.op.type != "ReadVariableOp":
        return None
    variable = _compat.captured_variable(tensor.op.inputs[0])
    return variable if variable is not None and _is_scale(variable) else None


def _is_scale(variable):
    is_number = variable.shape.rank == 0 and variable.dtype.is_floating
    is_named = _NAMES.fullmatch(naming.own_path(variable.name))
    return bool(is_number and is_named and not variable.trainable)


def note_on(factor):
    """The note for losses and gradients, given what `factor_of` returned."""
    if factor is not None:
        return DIVIDED
    return UNKNOWN if _compat.computes_in_float16() else ""


DIVIDED = "Divided by the loss scale of the step, which its loss was multiplied by."
UNKNOWN = (
    "As `tape.gradient` took and returned it: if the step multiplied its loss by a loss scale, "
    "that is in it."
)
NOTICE = (
    "Keras computes in float16, and gtlog cannot see whether the loss was multiplied by a loss "
    "scale before it was differentiated: eager code does not tell, and in a graph no variable of a "
    "LossScaleOptimizer is a factor of the target. Losses and gradients are logged as they are, "
    "with the scale in them if there is one; weights and updates have none. To have it divided "
    "out, scale the loss by the optimizer's own method (scale_loss in Keras 3, get_scaled_loss "
    "in Keras 2) beside tape.gradient, and put @tf.function around the step."
)
