"""What an optimizer did in a logged step, as plain data."""

import dataclasses
from typing import Optional, Tuple

import tensorflow as tf

from gtlog import statistics
from gtlog.tensors.arrays import array_of


@dataclasses.dataclass(frozen=True, eq=False)
class SlotRecord:
    """What an optimizer keeps for one variable, such as its momentum.

    Attributes:
      path: The path of the variable.
      slot: The name of the slot, as the optimizer calls it: `"momentum"`, `"velocity"`, `"m"`.
      value: Eager tensor, the slot after the update.
    """

    path: str
    slot: str
    value: tf.Tensor

    @property
    def norm(self) -> float:
        """L2 norm of the finite elements."""
        return float(statistics.norm(array_of(self.value)))


@dataclasses.dataclass(frozen=True, eq=False)
class OptimizerRecord:
    """One optimizer of a logged step.

    Attributes:
      name: Its name, empty for the only one of a logger.
      updates: How many updates it has counted, that of the step included.
      learning_rate: The learning rate of the last of them; None if it cannot be told.
      slots: A `SlotRecord` for each slot of the variables that the step logs, where the logger has
        the summary `optimizer()`.
    """

    name: str
    updates: int
    learning_rate: Optional[float] = None
    slots: Tuple[SlotRecord, ...] = ()
