"""Faults of the update."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.plants.base import MILD, SEVERE, Plant
from gtlog.diagnosis import faults


class Rate(Plant):
    """The learning rate of the whole network is multiplied."""

    among = None

    def between(self, training, step):
        training.optimizer.learning_rate.assign(
            training.rate * self.strength ** self.level(step + 1)
        )

    def prepare(self, training):
        self.between(training, -1)


class RateTooLarge(Rate):
    """A learning rate that is far too large."""

    faults = frozenset({faults.UPDATES_TOO_LARGE})
    strengths = {SEVERE: 100.0, MILD: 25.0}

    def took_hold(self, truth, twin):
        return self.is_worse(truth, twin, 1.5)


class RateTooSmall(Rate):
    """A learning rate with which nothing is learned."""

    faults = frozenset({faults.UPDATES_TOO_SMALL})
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 1e-5, MILD: 3e-3}

    def took_hold(self, truth, twin):
        return self.has_not_learned(truth, twin)


class LargeEpsilon(Plant):
    """Adam with an epsilon far above the gradients."""

    faults = frozenset({faults.UPDATES_TOO_SMALL})
    among = None
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 1e3, MILD: 30.0}

    def prepare(self, training):
        training.optimizer.epsilon = self.strength

    def took_hold(self, truth, twin):
        return self.has_not_learned(truth, twin)


class TightClipping(Plant):
    """Gradients clipped to a norm that leaves next to nothing of them."""

    faults = frozenset({faults.UPDATES_TOO_SMALL})
    among = None
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 1e-5, MILD: 2e-3}

    def gradients(self, training, gradients, level):
        return tf.clip_by_global_norm(gradients, self.strength)[0]

    def took_hold(self, truth, twin):
        return self.has_not_learned(truth, twin)


class LayerRate(Plant):
    """The updates of one layer are multiplied."""

    def updated(self, training, before, level):
        factor = self.strength**level
        for position in self.parameters(training):
            variable = training.variables[position]
            variable.assign(before[position] + factor * (variable - before[position]))


class LayerRateTooLarge(LayerRate):
    """One layer with a learning rate that is far too large."""

    faults = frozenset({faults.UPDATES_TOO_LARGE})
    strengths = {SEVERE: 200.0, MILD: 40.0}
    shapes = ("step",)

    def took_hold(self, truth, twin):
        place, window = truth.of(self.layer), slice(self.onset, self.onset + 12)
        mine, others = (one.moved[place, window] for one in (truth, twin))
        return np.median(mine) >= 5 * np.median(others) or self.is_worse(truth, twin)


class LayerRateTooSmall(LayerRate):
    """One layer with a learning rate that is far too small."""

    faults = frozenset({faults.UPDATES_TOO_SMALL})
    strengths = {SEVERE: 1e-3, MILD: 2e-2}

    def took_hold(self, truth, twin):
        return self.late_ratio("moved", truth, twin) <= 5 * self.strength


class Forgotten(Plant):
    """A layer that the optimizer is not given."""

    faults = frozenset({faults.NOT_UPDATED})
    starts = ("first",)
    shapes = ("step",)

    def gradients(self, training, gradients, level):
        left_out = set(self.parameters(training))
        return [None if n in left_out else one for n, one in enumerate(gradients)]

    def took_hold(self, truth, twin):
        place = truth.of(self.layer)
        return not truth.moved[place].any() and truth.gradient[place].all()


class KernelHeld(Plant):
    """A kernel whose updates are undone from some step on, while its bias moves."""

    faults = frozenset({faults.NOT_UPDATED})
    shapes = ("step",)

    def updated(self, training, before, level):
        position = self.kernel_position(training)
        variable = training.variables[position]
        variable.assign(tf.where(level > 0, before[position], variable))

    def took_hold(self, truth, twin):
        place = truth.of(self.layer)
        return not truth.moved[place, self.onset :].any() and truth.gradient[place].all()


class NeverApplied(Plant):
    """A loop that forgot to apply the gradients."""

    faults = frozenset({faults.NOT_UPDATED})
    among = None
    starts = ("first",)
    shapes = ("step",)

    def updated(self, training, before, level):
        for variable, value in zip(training.variables, before):
            variable.assign(value)

    def took_hold(self, truth, twin):
        return not truth.moved.any()


class Uphill(Plant):
    faults = frozenset({faults.ASCENDING})
    shapes = ("step",)
    strengths = {SEVERE: 1.0, MILD: 0.3}

    def turned(self, level, variable, before):
        """The value with its update turned around, and made smaller."""
        return before + (1.0 - level * (1.0 + self.strength)) * (variable - before)


class LayerUphill(Uphill):
    """One layer whose update has the wrong sign."""

    def updated(self, training, before, level):
        for position in self.parameters(training):
            variable = training.variables[position]
            variable.assign(self.turned(level, variable, before[position]))

    def took_hold(self, truth, twin):
        mine = truth.uphill[truth.of(self.layer), self.onset :]
        return np.mean(mine > 0) >= 0.6 and self.is_worse(truth, twin, 1.05)


class AllUphill(Uphill):
    """The whole update has the wrong sign."""

    among = None

    def updated(self, training, before, level):
        for variable, value in zip(training.variables, before):
            variable.assign(self.turned(level, variable, value))

    def took_hold(self, truth, twin):
        finite = np.isfinite(truth.loss)
        after = truth.uphill[:, self.onset :][:, finite[self.onset :]]
        return np.mean(after > 0) >= 0.6 and self.is_worse(truth, twin)


class DividedByZero(Plant):
    """An update of one's own that divides by zero, in one layer."""

    faults = frozenset({faults.NONFINITE})
    shapes = ("step",)

    def updated(self, training, before, level):
        position = self.kernel_position(training)
        variable = training.variables[position]
        size = tf.reduce_mean(tf.abs(variable)) * (1.0 - level)
        variable.assign(variable + 0.0 * variable / size)

    def took_hold(self, truth, twin):
        return bool(truth.nonfinite[truth.of(self.layer), self.onset])
