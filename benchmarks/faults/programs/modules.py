"""Networks written by hand as `tf.Module`, whose matrices have names of their own."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched
from benchmarks.faults.programs.dense import Teacher


class _Affine(tf.Module):
    """A matrix and a vector, with whatever names."""

    def __init__(self, random, name, inputs, units, gain=1.0, names=("w", "b")):
        super().__init__(name=name.replace("/", "_"))
        start = gain * random.randn(inputs, units) / np.sqrt(inputs)
        self.matrix = tf.Variable(start.astype(np.float32), name=f"{name}/{names[0]}")
        self.vector = tf.Variable(tf.zeros(units), name=f"{name}/{names[1]}")

    def __call__(self, x):
        return x @ self.matrix + self.vector


class ByHand(Program):
    """What the hand-written networks share."""

    def affine(self, name, *sizes, **options):
        """A layer whose variables and kernel are taken in."""
        layer = _Affine(self.start, name, *sizes, **options)
        self.variables.extend([layer.matrix, layer.vector])
        self.kernels[name] = layer.matrix
        if name in self.shifted:
            self.shifts[name] = layer.vector
        return layer


class TanhModule(ByHand):
    """Five layers with tanh that fit a smooth function; the loss is a mean square."""

    taps = ("net/layer0", "net/layer1", "net/layer2", "net/layer3")
    pairs = tuple(zip(taps[:-1], taps[1:]))
    inputs, width = 6, 24
    rates = {"sgd": 0.03, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        self.start = np.random.RandomState(seed)
        sizes = (self.inputs, *[self.width] * 4)
        pairs = zip(self.taps, sizes[:-1], sizes[1:])
        self.layers = [self.affine(name, *of, gain=1.2) for name, *of in pairs]
        self.head = self.affine("net/readout", self.width, 2)
        self.slope = np.random.RandomState(5).randn(self.inputs, 2)

    def loss(self, batch, tap=untouched):
        x, target = batch
        for name, layer in zip(self.taps, self.layers):
            x = tap(name, tf.tanh(layer(x)))
        return tf.reduce_mean((self.head(x) - target) ** 2)

    def sample(self, number):
        x = self.random.randn(number, self.inputs)
        target = np.sin(x @ self.slope) + 0.5 * (x @ self.slope)
        return x.astype(np.float32), target.astype(np.float32)


class GatedModule(ByHand):
    """Layers of which one half gates the other, with a path around, and a ReLU readout."""

    taps = ("core/in_proj", "core/gate_a/W", "core/gate_b/W", "core/readout")
    shifted = ("core/readout",)
    pairs = (("core/in_proj", "core/in_proj_2"),)
    inputs, classes, width = 16, 6, 24
    rates = {"sgd": 0.1, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = 0.8

    def __init__(self, seed):
        super().__init__(seed)
        self.start = np.random.RandomState(50 + seed)
        names = ("weights", "offset")
        self.first = self.affine("core/in_proj", self.inputs, self.width, names=names)
        self.second = self.affine("core/in_proj_2", self.width, self.width, names=names)
        self.gates = [
            self.affine(f"core/gate_{one}/W", self.width, 2 * self.width, names=names)
            for one in "ab"
        ]
        self.readout = self.affine("core/readout", self.width, 32, gain=1.4, names=names)
        self.head = self.affine("core/classes", 32, self.classes, names=names)
        self.teacher = Teacher(self.random, self.inputs, self.classes)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.second(tap("core/in_proj", tf.tanh(self.first(x))))
        for name, gate in zip(self.taps[1:3], self.gates):
            value, opening = tf.split(tap(name, gate(x)), 2, axis=-1)
            x = x + value * tf.sigmoid(opening)
        x = tap("core/readout", tf.nn.relu(self.readout(x)))
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        return self.teacher.sample(number)
