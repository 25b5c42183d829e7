"""Faults that no layer explains."""

import numpy as np

from benchmarks.faults.plants.base import Plant
from gtlog.diagnosis import faults


class _NotLearned(Plant):
    faults = frozenset({faults.NOT_LEARNING})
    among = None
    starts = ("first",)
    shapes = ("step",)

    def took_hold(self, truth, twin):
        first = np.median(twin.loss[:5])
        return self.late(truth.loss) > 0.88 * first > self.late(twin.loss)


class ShuffledLabels(_NotLearned):
    """Labels that belong to other inputs."""

    def batch(self, training, step, batch):
        *inputs, labels = batch
        return (*inputs, labels[training.random.permutation(len(labels))])


class LostInputs(_NotLearned):
    """Inputs of zeros."""

    def batch(self, training, step, batch):
        return (np.zeros_like(batch[0]), *batch[1:])


class StrangeInputs(_NotLearned):
    """Inputs that belong to another batch."""

    def batch(self, training, step, batch):
        return (*training.program.sample(len(batch[0]))[:-1], batch[-1])


class InfiniteInput(Plant):
    """One number of a batch is infinite: everything is NaN after it."""

    faults = frozenset({faults.NONFINITE})
    among = None
    shapes = ("step",)

    def layers(self, names):
        """None, or the first one: it is where the inputs are seen."""
        return frozenset({None, names[0]})

    def batch(self, training, step, batch):
        if step != self.onset:
            return batch
        inputs = batch[0].astype(np.float32)
        inputs.reshape(-1)[0] = np.inf
        return (inputs, *batch[1:])

    def took_hold(self, truth, twin):
        return bool(truth.nonfinite[:, self.onset].any())
