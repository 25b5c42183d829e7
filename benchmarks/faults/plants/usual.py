"""Faults in the way that users make them: a wrong line, not a factor."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.plants.base import MILD, SEVERE, Plant
from benchmarks.faults.plants.updates import LayerRate, Rate, Uphill
from benchmarks.faults.plants.weights import AllShrink, LayerShrinks, Written
from gtlog.diagnosis import faults


class Sigmoids(Plant):
    """A row of sigmoids after a layer: each divides the gradient by four and more."""

    faults = frozenset({faults.VANISHING_GRADIENTS})
    among = "taps"
    starts = ("first",)
    shapes = ("step",)
    strengths = {SEVERE: 7, MILD: 4}

    def tap(self, layer, value, level):
        if layer != self.layer:
            return value
        for _ in range(self.strength):
            value = tf.sigmoid(value)
        return value

    def took_hold(self, truth, twin):
        return self.late_ratio("gradient", truth, twin) <= 3 * 4.0**-self.strength


class LogOfZero(Plant):
    """The logarithm of a ReLU in the forward pass: the loss is not finite."""

    faults = frozenset({faults.NONFINITE})
    among = "taps"
    shapes = ("step",)

    def layers(self, names):
        """None, or the layer: a loss that is not finite does not tell."""
        return frozenset({None, self.layer})

    def tap(self, layer, value, level):
        if layer != self.layer:
            return value
        least = tf.where(level > 0, 0.0, 1.0)
        return value + 1e-20 * tf.math.log(tf.maximum(tf.nn.relu(value - 1e6), least))

    def took_hold(self, truth, twin):
        return not np.isfinite(truth.loss[self.onset])


class PenaltyOfLayer(LayerShrinks):
    """A penalty in the loss that is far too strong for one layer."""

    strengths = {SEVERE: 3.0, MILD: 0.3}

    def prepare(self, training):
        self.kernel = training.program.kernels[self.layer]

    def updated(self, training, before, level):
        """Nothing: the optimizer does it."""

    def loss(self, loss, level):
        return loss + level * self.strength * tf.reduce_sum(self.kernel**2)

    def took_hold(self, truth, twin):
        return self.end_ratio(truth, twin) <= 0.4


class DecayOfAll(AllShrink):
    """A decoupled weight decay whose number has a digit too many."""

    strengths = {SEVERE: -0.1, MILD: -0.03}
    starts = ("first",)


class Zeroed(Written):
    """A kernel is set to zeros, or a third of it."""

    strengths = {SEVERE: 1.0, MILD: 0.34}

    def written(self, training, kernel):
        some = training.random.rand(*kernel.shape) < self.strength
        return np.where(some, 0.0, kernel.numpy()).astype(np.float32)


class Shuffled(Written):
    """A kernel is loaded in another order than it was saved in."""

    def written(self, training, kernel):
        value = kernel.numpy()
        return training.random.permutation(value.ravel()).reshape(value.shape)


class NegatedGradient(Uphill):
    """The gradient of one layer is given to the optimizer with the wrong sign."""

    strengths = {SEVERE: 1.0, MILD: 1.0}

    def gradients(self, training, gradients, level):
        own = set(self.parameters(training))
        return [
            one if n not in own or one is None else (1.0 - 2.0 * level) * tf.convert_to_tensor(one)
            for n, one in enumerate(gradients)
        ]

    def took_hold(self, truth, twin):
        mine = truth.uphill[truth.of(self.layer), self.onset :]
        return np.mean(mine > 0) >= 0.6 and self.is_worse(truth, twin, 1.05)


class NegatedGradients(Uphill):
    """A loss that was to be maximised is minimised: all gradients have the wrong sign."""

    among = None
    strengths = {SEVERE: 1.0, MILD: 1.0}

    def gradients(self, training, gradients, level):
        return [
            one if one is None else (1.0 - 2.0 * level) * tf.convert_to_tensor(one)
            for one in gradients
        ]

    def took_hold(self, truth, twin):
        finite = np.isfinite(truth.loss)
        after = truth.uphill[:, self.onset :][:, finite[self.onset :]]
        return np.mean(after > 0) >= 0.6 and self.is_worse(truth, twin)


class DividedGradient(LayerRate):
    """The gradient of one layer is divided before a plain optimizer sees it."""

    faults = frozenset({faults.UPDATES_TOO_SMALL})
    strengths = {SEVERE: 1e-3, MILD: 1e-2}
    shapes = ("step",)

    def updated(self, training, before, level):
        """Nothing: the optimizer does it."""

    def gradients(self, training, gradients, level):
        own, factor = set(self.parameters(training)), self.strength**level
        return [
            one if n not in own or one is None else factor * tf.convert_to_tensor(one)
            for n, one in enumerate(gradients)
        ]

    def took_hold(self, truth, twin):
        return self.late_ratio("moved", truth, twin) <= 5 * self.strength


class RateWithoutEnd(Rate):
    """A learning rate that grows at each step, as of a search for one that nobody ended."""

    faults = frozenset({faults.UPDATES_TOO_LARGE})
    strengths = {SEVERE: 3000.0, MILD: 200.0}
    starts = ("first",)

    def level(self, step):
        return step / self.steps

    def took_hold(self, truth, twin):
        return self.is_worse(truth, twin, 2.0)


class NeverReset(Plant):
    """Gradients are added up, and the sum is never set to zero."""

    faults = frozenset({faults.UPDATES_TOO_LARGE, faults.ASCENDING, faults.WEIGHTS_GROWING})
    among = None
    starts = ("first",)
    shapes = ("step",)

    def prepare(self, training):
        self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in training.variables]

    def gradients(self, training, gradients, level):
        for total, gradient in zip(self.sums, gradients):
            total.assign_add(tf.convert_to_tensor(gradient))
        return [tf.identity(total) for total in self.sums]

    def took_hold(self, truth, twin):
        return self.is_worse(truth, twin, 2.0)


class ZeroStart(Plant):
    """Two layers in a row that start at zero: nothing ever comes through."""

    faults = frozenset(
        {faults.NO_GRADIENT, faults.DEAD_UNITS, faults.IDENTICAL_UNITS, faults.INITIALIZATION}
    )
    among = "pairs"
    starts = ("first",)
    shapes = ("step",)

    def layers(self, names):
        return frozenset(self.layer)

    def prepare(self, training):
        for name in self.layer:
            kernel = training.program.kernels[name]
            kernel.assign(self.first_value(kernel))

    def first_value(self, kernel):
        """What both kernels start at."""
        return tf.zeros_like(kernel)

    def took_hold(self, truth, twin):
        return not truth.value[truth.of(self.layer[0]), self.steps // 2 :].any()


class ConstantStart(ZeroStart):
    """Two layers in a row whose kernels start at one constant."""

    faults = frozenset({faults.IDENTICAL_UNITS})

    def first_value(self, kernel):
        return tf.fill(kernel.shape, 0.5 / float(np.sqrt(kernel.shape[-2])))

    def took_hold(self, truth, twin):
        last = truth.last[truth.of(self.layer[0])]
        columns = last.reshape(-1, last.shape[-1])
        return len(np.unique(columns, axis=1).T) == 1
