"""Faults of the gradient on its way back."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.plants.base import MILD, SEVERE, Plant
from gtlog.diagnosis import faults


def scaled_back(value, factor):
    """A value whose gradient is multiplied on its way back."""

    @tf.custom_gradient
    def pass_on(x):
        return tf.identity(x), lambda slope: slope * factor

    return pass_on(value)


class _Backward(Plant):
    """The gradient is multiplied right after a layer: it and all before it have that."""

    among = "taps"

    def tap(self, layer, value, level):
        if layer != self.layer:
            return value
        return scaled_back(value, self.strength**level)


class ExplodingBackward(_Backward):
    """A gradient that a detour multiplies."""

    faults = frozenset({faults.EXPLODING_GRADIENTS})
    strengths = {SEVERE: 1000.0, MILD: 40.0}

    def took_hold(self, truth, twin):
        return self.late_ratio("gradient", truth, twin) >= 0.2 * self.strength


class SummedLoss(Plant):
    """The loss is summed where it was averaged: all layers have it."""

    faults = frozenset({faults.EXPLODING_GRADIENTS})
    among = None
    starts = ("later",)
    strengths = {SEVERE: 1000.0, MILD: 200.0}

    def loss(self, loss, level):
        return loss * self.strength**level

    def took_hold(self, truth, twin):
        ratio = self.late(truth.gradient) / self.late(twin.gradient)
        return ratio >= 0.1 * self.strength


class VanishingBackward(_Backward):
    """A gradient that a detour divides."""

    faults = frozenset({faults.VANISHING_GRADIENTS})
    strengths = {SEVERE: 1e-4, MILD: 1e-2}

    def took_hold(self, truth, twin):
        return self.late_ratio("gradient", truth, twin) <= 5 * self.strength


class Saturation(Plant):
    """The layer's output is pushed to where a tanh is flat."""

    # In float32 the slope may be exactly zero, and then nothing tells it from a cut.
    faults = frozenset({faults.VANISHING_GRADIENTS, faults.DEAD_UNITS, faults.NO_GRADIENT})
    among = "taps"
    strengths = {SEVERE: 9.0, MILD: 5.0}

    def tap(self, layer, value, level):
        if layer != self.layer:
            return value
        return (1 - level) * value + level * tf.tanh(0.3 * value + self.strength)

    def took_hold(self, truth, twin):
        return self.late_ratio("gradient", truth, twin) <= 0.03


class Cut(Plant):
    """`tf.stop_gradient` after a layer, from the first step on."""

    faults = frozenset({faults.NO_GRADIENT})
    among = "taps"
    starts = ("first",)
    shapes = ("step",)

    def tap(self, layer, value, level):
        return tf.stop_gradient(value) if layer == self.layer else value

    def took_hold(self, truth, twin):
        place = truth.of(self.layer)
        return not truth.gradient[place].any() and twin.gradient[place].any()


class RoundDetour(Cut):
    """The output is rounded on its way, which has no gradient."""

    def tap(self, layer, value, level):
        return tf.round(value * 16) / 16 if layer == self.layer else value


class TimesZero(Cut):
    """The gradient is multiplied by zero: it arrives, and is exactly zero."""

    def tap(self, layer, value, level):
        return scaled_back(value, 0.0) if layer == self.layer else value


class LateCut(Plant):
    """The gradient is exactly zero from some step on."""

    faults = frozenset({faults.NO_GRADIENT, faults.VANISHING_GRADIENTS, faults.DEAD_UNITS})
    among = "taps"
    starts = ("later",)
    shapes = ("step",)

    def tap(self, layer, value, level):
        return scaled_back(value, 1.0 - level) if layer == self.layer else value

    def took_hold(self, truth, twin):
        return not truth.gradient[truth.of(self.layer), self.onset :].any()


class DeadUnits(Plant):
    """A huge step of the bias shuts the units of a ReLU, all or most of them."""

    faults = frozenset({faults.DEAD_UNITS})
    among = "shifted"
    shapes = ("step",)
    strengths = {SEVERE: 1.0, MILD: 0.75}

    def level(self, step):
        return float(step == self.onset and step > 0)

    def _shut(self, training):
        units = training.program.shifts[self.layer].shape[0]
        return np.arange(units) < self.strength * units

    def prepare(self, training):
        if self.onset == 0:
            shift = training.program.shifts[self.layer]
            shift.assign(shift - 30.0 * self._shut(training).astype(np.float32))

    def updated(self, training, before, level):
        shift = training.program.shifts[self.layer]
        shift.assign_sub(level * 30.0 * self._shut(training).astype(np.float32))

    def took_hold(self, truth, twin):
        place = truth.of(self.layer)
        return self.late(truth.dead[place]) >= 0.9 * self.strength


class DyingUnits(DeadUnits):
    """The biases of most units sink step by step, until these are dead."""

    starts = ("later",)
    strengths = {SEVERE: 1.0, MILD: 0.85}

    def level(self, step):
        return float(self.onset <= step < self.onset + 30)

    def updated(self, training, before, level):
        shift = training.program.shifts[self.layer]
        shift.assign_sub(level * 0.5 * self._shut(training).astype(np.float32))


class RootOfZero(Plant):
    """The root of a difference that is zero: its gradient is infinite, though it adds nothing."""

    faults = frozenset({faults.NONFINITE})
    among = "taps"
    shapes = ("step",)

    def tap(self, layer, value, level):
        if layer != self.layer:
            return value
        difference = value - tf.stop_gradient(value)
        # Not times zero, which the graph would leave out.
        return value + 1e-20 * tf.sqrt(tf.where(level > 0, difference, tf.ones_like(value)))

    def took_hold(self, truth, twin):
        return not np.isfinite(truth.gradient[truth.of(self.layer), self.onset]).all()
