"""What the tapes of one logged step have handed over so far."""

import itertools

import numpy as np
import tensorflow as tf

from gtlog import gradients
from gtlog.arrays import array_of
from gtlog.asked import facts
from gtlog.record import StepRecord, VariableRecord


class Capture:
    """Collects losses, gradients and values before the update; all of them eager tensors.

    A gradient that was taken while an outer tape was still recording is an intermediate result
    (a gradient penalty, an inner loop of meta-learning): for a variable whose gradient the outer
    tape takes as well, only that one counts. The same holds for losses.

    The replicas of a distribution strategy each hand over a part: the sum of their gradients is
    what an optimizer applies, and the sum of their losses what that is the gradient of.

    Args:
      step: Number of the step.

    Attributes:
      used: `KnownVariable`s that the step reads, as far as that is seen: what it trains where no
        tape was asked for any.
      of_model: `KnownVariable`s that are logged because the `model` of the logger has them.
      is_mixed: Whether another step of the logger ran while this one did.
      is_from_graph: Whether anything came out of a graph.
    """

    def __init__(self, step):
        self.step = step
        self.used = self.of_model = ()
        self.is_mixed = False
        self.is_from_graph = False
        self._before = {}
        self._gradients = {}
        self._losses = {}
        self._asked = []
        self._note = ""

    def add_note(self, note):
        """Keeps what must be known to read losses and gradients; the first of a step counts."""
        self._note = self._note or note

    def add_asked(self, asked):
        """Keeps what one `gradient` call was asked for, an `Asked`."""
        self._asked.append(asked)

    def add_before(self, known, value):
        """Keeps the value that a variable has before the update; the first of a step counts."""
        self._before.setdefault(known, value)

    def add_loss(self, target, enclosed, replica=0):
        """Adds what a replica differentiated: eager tensors, whose sum is its loss."""
        self._losses.setdefault(replica, []).append((target, enclosed))

    def add_gradient(self, known, gradient, enclosed, replica=0):
        """Adds one gradient that a replica took of one variable."""
        by_replica = self._gradients.setdefault(known, {})
        by_replica.setdefault(replica, []).append((gradient, enclosed))

    def drop_if_mixed(self):
        """Drops what may be another step's, of which graphs cannot tell; whether it did."""
        if not (self.is_mixed and self.is_from_graph):
            return False
        self._before, self._gradients, self._losses, self._asked = {}, {}, {}, []
        return True

    @property
    def trained(self):
        """The `KnownVariable`s that the step trains, as a set.

        Those that a tape was asked for. Where none was, those that the step uses, but for what a
        model says that it keeps frozen.
        """
        asked = {known for call in self._asked for known in call.known_variables}
        return asked or {known for known in self.used if not known.is_frozen}

    @property
    def logged(self):
        """The `KnownVariable`s that are logged in the step, as a set."""
        return self.trained.union(self.of_model)

    @property
    def shows_what_is_trained(self):
        """Whether a tape was asked for the gradient of any variable."""
        return any(call.known_variables for call in self._asked)

    @property
    def has_gradients(self):
        """Whether any gradient arrived."""
        return bool(self._gradients)

    def losses(self):
        """The losses of the step in the order of the `gradient` calls, as list of float.

        The k-th of each replica is added to the k-th of the others.
        """
        by_replica = [
            [_sum_of(target) for target in _outermost(losses)] for losses in self._losses.values()
        ]
        return [sum(parts) for parts in itertools.zip_longest(*by_replica, fillvalue=0.0)]

    @property
    def with_gradient(self):
        """The `KnownVariable`s that a gradient arrived for, in order."""
        return list(self._gradients)

    def gradient_of(self, known):
        """The gradient of the step, summed over the replicas."""
        return gradients.total(self._parts(known))

    def record(self, values, losses, gradients):
        """The record of the step.

        Args:
          values: List of (`KnownVariable`, eager tensor of its value after the update).
          losses: List of float.
          gradients: Dict from `KnownVariable` to gradient.
        """
        trained = self.trained
        return StepRecord(
            step=self.step,
            losses=tuple(losses),
            variables=tuple(
                self._variable_record(known, value, gradients.get(known), known in trained)
                for known, value in sorted(values, key=lambda pair: pair[0].made)
            ),
            gradient_note=self._note,
        )

    def _variable_record(self, known, value, gradient, is_trained):
        parts = () if gradient is None else self._parts(known)
        return VariableRecord(
            path=known.path,
            role=known.role,
            value=value,
            before=self._before.get(known),
            gradient=gradient,
            layer=known.layer,
            replica_gradients=tuple(parts) if len(parts) > 1 else (),
            is_trained=is_trained,
            **facts(self._asked, known),
        )

    def _parts(self, known):
        """The gradient of a variable that each replica took, in the order of their numbers."""
        by_replica = self._gradients.get(known, {})
        return [gradients.total(_outermost(by_replica[one])) for one in sorted(by_replica)]


def _outermost(parts):
    """The parts that no outer tape enclosed; all of them where each was enclosed."""
    outer = [part for part, enclosed in parts if not enclosed]
    return outer or [part for part, _ in parts]


def _sum_of(target):
    return float(
        sum(np.sum(array_of(tf.convert_to_tensor(part)), dtype=np.float64) for part in target)
    )
