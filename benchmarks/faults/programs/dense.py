"""Networks of dense layers."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched


class Teacher:
    """Classes that a random network of one hidden layer gives to normal inputs."""

    def __init__(self, random, inputs, classes, hidden=12):
        self._random, self._inputs = random, inputs
        fixed = np.random.RandomState(5)
        self._first = fixed.randn(inputs, hidden) / np.sqrt(inputs)
        self._second = fixed.randn(hidden, classes)

    def sample(self, number):
        """Inputs and their classes."""
        inputs = self._random.randn(number, self._inputs)
        labels = (np.tanh(2 * inputs @ self._first) @ self._second).argmax(1)
        return inputs.astype(np.float32), labels.astype(np.int32)


class Perceptron(Program):
    """Five dense layers with ReLU, Keras."""

    widths = (32, 32, 32, 32)
    inputs, classes = 12, 5
    taps = tuple(f"dense_{number}" for number in range(4))
    shifted = taps
    pairs = tuple(zip(taps[:-1], taps[1:]))
    activation = "relu"
    dropout = 0.0

    def __init__(self, seed):
        super().__init__(seed)
        sizes = (self.inputs, *self.widths)
        self.hidden = [
            self.dense(name, fan_in, units, kernel_initializer="he_normal")
            for name, fan_in, units in zip(self.taps, sizes, self.widths)
        ]
        self.head = self.dense("head", self.widths[-1], self.classes)
        self.teacher = Teacher(self.random, self.inputs, self.classes)
        self.nonlinear = tf.keras.activations.get(self.activation)

    def logits(self, x, tap=untouched):
        """Scores of the classes."""
        for layer in self.hidden:
            x = tap(layer.name, self.nonlinear(layer(x)))
            x = tf.nn.dropout(x, self.dropout) if self.dropout else x
        return self.head(x)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        return cross_entropy(labels, self.logits(x, tap))

    def sample(self, number):
        return self.teacher.sample(number)


class DeepPerceptron(Perceptron):
    """Eight dense layers that narrow, with ReLU and a little dropout."""

    widths = (48, 48, 40, 40, 32, 32, 24)
    inputs, classes = 20, 8
    taps = tuple(f"encoder_{number}" for number in range(7))
    shifted = taps
    pairs = tuple(zip(taps[:-1], taps[1:]))
    dropout = 0.03
    rates = {"sgd": 0.03, "adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3}
    quality = 0.85


class ResidualBlocks(Program):
    """Three residual blocks of two dense layers each, normalised before."""

    width, inputs, classes, blocks = 32, 12, 5, 3
    shifted = tuple(f"block_{number}_up" for number in range(3))
    taps = ("stem", *shifted)
    pairs = tuple((name, name.replace("up", "down")) for name in shifted)
    rates = {"sgd": 0.05, "adam": 2e-3, "adamw": 2e-3, "rmsprop": 1e-3}

    def __init__(self, seed):
        super().__init__(seed)
        self.stem = self.dense("stem", self.inputs, self.width)
        self.parts = [self._block(number) for number in range(self.blocks)]
        self.head = self.dense("head", self.width, self.classes)
        self.teacher = Teacher(self.random, self.inputs, self.classes)

    def _block(self, number):
        norm = tf.keras.layers.LayerNormalization(name=f"block_{number}_norm")
        return (
            self.built(norm, (None, self.width)),
            self.dense(f"block_{number}_up", self.width, 2 * self.width),
            self.dense(f"block_{number}_down", 2 * self.width, self.width),
        )

    def branch(self, number, value):
        """What a block adds; healthy variants scale it."""
        return value

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("stem", self.stem(x))
        for number, (norm, up, down) in enumerate(self.parts):
            hidden = tap(up.name, tf.nn.relu(up(norm(x))))
            x = x + self.branch(number, down(hidden))
        return cross_entropy(labels, self.head(x))

    def sample(self, number):
        return self.teacher.sample(number)


class Autoencoder(Program):
    """Dense autoencoder of inputs of low rank; the loss is a mean square."""

    sizes = (20, 24, 12, 6, 12, 24)
    taps = ("encoder_0", "encoder_1", "code", "decoder_0", "decoder_1")
    shifted = ("encoder_0", "encoder_1", "decoder_0", "decoder_1")
    pairs = (("encoder_0", "encoder_1"), ("decoder_0", "decoder_1"))
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        pairs = zip(self.taps, self.sizes[:-1], self.sizes[1:])
        self.layers = [
            self.dense(name, fan_in, units, kernel_initializer="he_normal")
            for name, fan_in, units in pairs
        ]
        self.output = self.dense("output", self.sizes[-1], self.sizes[0])
        self.mixing = np.random.RandomState(5).randn(4, self.sizes[0])

    def loss(self, batch, tap=untouched):
        x, target = batch
        for layer in self.layers:
            x = layer(x)
            x = tap(layer.name, x if layer.name == "code" else tf.nn.relu(x))
        return tf.reduce_mean((self.output(x) - target) ** 2)

    def sample(self, number):
        x = np.tanh(self.random.randn(number, 4) @ self.mixing)
        x = (x + 0.1 * self.random.randn(*x.shape)).astype(np.float32)
        return x, x
