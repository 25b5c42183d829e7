"""What the tapes of one logged step have handed over so far."""

import numpy as np
import tensorflow as tf

from gtlog import gradients
from gtlog.record import StepRecord, VariableRecord


class Capture:
    """Collects losses, gradients and values before the update; all of them eager tensors.

    A gradient that was taken while an outer tape was still recording is an intermediate result
    (a gradient penalty, an inner loop of meta-learning): for a variable whose gradient the outer
    tape takes as well, only that one counts. The same holds for losses.

    Args:
      step: Number of the step.
    """

    def __init__(self, step):
        self.step = step
        self._before = {}
        self._gradients = {}
        self._losses = []
        self._note = ""

    def add_note(self, note):
        """Keeps what must be known to read losses and gradients; the first of a step counts."""
        self._note = self._note or note

    def add_before(self, known, value):
        """Keeps the value that a variable has before the update; the first of a step counts."""
        self._before.setdefault(known, value)

    def add_loss(self, target, enclosed):
        """Adds what was differentiated: eager tensors, whose sum is the loss."""
        self._losses.append((target, enclosed))

    def add_gradient(self, known, gradient, enclosed):
        """Adds one gradient of one variable."""
        self._gradients.setdefault(known, []).append((gradient, enclosed))

    @property
    def has_gradients(self):
        """Whether any gradient arrived."""
        return bool(self._gradients)

    def record(self, values):
        """The record of the step.

        Args:
          values: List of (`KnownVariable`, eager tensor of its value after the update).
        """
        return StepRecord(
            step=self.step,
            losses=tuple(_sum_of(target) for target in _outermost(self._losses)),
            variables=tuple(self._variable_record(known, value) for known, value in values),
            gradient_note=self._note,
        )

    def _variable_record(self, known, value):
        parts = _outermost(self._gradients.get(known, ()))
        return VariableRecord(
            path=known.path,
            role=known.role,
            value=value,
            before=self._before.get(known),
            gradient=gradients.total(parts) if parts else None,
            layer=known.layer,
        )


def _outermost(parts):
    """The parts that no outer tape enclosed; all of them where each was enclosed."""
    outer = [part for part, enclosed in parts if not enclosed]
    return outer or [part for part, _ in parts]


def _sum_of(target):
    return float(
        sum(np.sum(np.asarray(tf.convert_to_tensor(part)), dtype=np.float64) for part in target)
    )
