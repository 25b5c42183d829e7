"""Convolutional networks."""

import numpy as np
import tensorflow as tf

from benchmarks.faults.programs.base import Program, cross_entropy, untouched


class Patterns:
    """Images of a class's pattern at a random place, in noise."""

    def __init__(self, random, size, classes, noise):
        self._random, self._size, self._noise = random, size, noise
        self._patterns = np.random.RandomState(5).randn(classes, 5, 5)

    def sample(self, number):
        """Images [number, size, size, 1] and their classes."""
        labels = self._random.randint(len(self._patterns), size=number)
        images = self._noise * self._random.randn(number, self._size, self._size, 1)
        for image, label in zip(images, labels):
            row, column = self._random.randint(self._size - 5, size=2)
            image[row : row + 5, column : column + 5, 0] += self._patterns[label]
        return images.astype(np.float32), labels.astype(np.int32)


class _Convolutional(Program):
    """What the convolutional networks share."""

    size, classes, noise = 10, 5, 0.3

    def convolution(self, name, inputs, filters, width=3, **options):
        """A convolution, built."""
        own = name.rpartition("/")[2]
        layer = tf.keras.layers.Conv2D(filters, width, padding="same", name=own, **options)
        return self.built(layer, (None, self.size, self.size, inputs), name)

    def norm(self, name, channels, of=None):
        """A batch normalisation, built; its shift is that of the convolution it follows."""
        own = name.rpartition("/")[2]
        layer = tf.keras.layers.BatchNormalization(name=own, momentum=0.9)
        self.built(layer, (None, None, None, channels), name)
        if of in self.shifted:
            self.shifts[of] = layer.beta
        return layer

    def sample(self, number):
        return self.patterns.sample(number)


class ConvolutionsWithNorm(_Convolutional):
    """Three convolutions with biases, each before a batch normalisation and a ReLU."""

    taps = ("conv_0", "conv_1", "conv_2")
    shifted = taps
    channels = (8, 12, 16)
    rates = {"sgd": 0.05, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}

    def __init__(self, seed):
        super().__init__(seed)
        inputs = (1, *self.channels)
        self.parts = []
        for name, fan_in, filters in zip(self.taps, inputs, self.channels):
            layer = self.convolution(name, fan_in, filters)
            self.parts.append((layer, self.norm(name.replace("conv", "norm"), filters, name)))
        self.head = self.dense("head", self.channels[-1], self.classes)
        self.patterns = Patterns(self.random, self.size, self.classes, self.noise)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        for layer, norm in self.parts:
            x = tap(layer.name, tf.nn.relu(norm(layer(x), training=True)))
        return cross_entropy(labels, self.head(tf.reduce_max(x, axis=(1, 2))))


class StridedConvolutions(_Convolutional):
    """Strided 5x5 and separable convolutions, normalised after the ReLU, two dense layers."""

    taps = ("first", "second", "pointwise", "hidden")
    shifted = ("first", "second", "hidden")
    pairs = ()
    size, classes, noise = 12, 6, 0.2
    rates = {"sgd": 0.03, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
    quality = 0.85

    def __init__(self, seed):
        super().__init__(seed)
        self.first = self.convolution("first", 1, 10, 5)
        self.first_norm = self.norm("first_norm", 10)
        self.second = self.convolution("second", 10, 14, 3, strides=2)
        self.second_norm = self.norm("second_norm", 14)
        depthwise = tf.keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise")
        depthwise.build((None, 6, 6, 14))
        self.variables.extend(depthwise.trainable_variables)
        self.depthwise = depthwise
        self.pointwise = self.convolution("pointwise", 14, 20, 1, use_bias=False)
        self.pointwise_norm = self.norm("pointwise_norm", 20)
        self.hidden = self.dense("hidden", 3 * 3 * 20, 24, kernel_initializer="he_normal")
        self.head = self.dense("head", 24, self.classes)
        self.patterns = Patterns(self.random, self.size, self.classes, self.noise)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = self.first_norm(tap("first", tf.nn.relu(self.first(x))), training=True)
        x = self.second_norm(tap("second", tf.nn.relu(self.second(x))), training=True)
        x = self.pointwise_norm(self.pointwise(self.depthwise(x)), training=True)
        x = tf.nn.max_pool2d(tap("pointwise", tf.nn.relu(x)), 2, 2, "VALID")
        x = tf.reshape(x, (-1, 3 * 3 * 20))
        x = tap("hidden", tf.nn.relu(self.hidden(x)))
        return cross_entropy(labels, self.head(x))


class ResidualConvolutions(_Convolutional):
    """A stem and three residual blocks of two convolutions with batch normalisation."""

    shifted = ("stem", "stage_0/a", "stage_1/a", "stage_2/a")
    taps = shifted
    width = 12
    rates = {"sgd": 0.05, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}

    def __init__(self, seed):
        super().__init__(seed)
        self.stem = self.convolution("stem", 1, self.width, use_bias=False)
        self.stem_norm = self.norm("stem_norm", self.width, "stem")
        self.parts = [self._block(f"stage_{number}") for number in range(3)]
        self.head = self.dense("head", self.width, self.classes)
        self.patterns = Patterns(self.random, self.size, self.classes, self.noise)

    def _block(self, name):
        first = self.convolution(f"{name}/a", self.width, self.width, use_bias=False)
        first_norm = self.norm(f"{name}/a_norm", self.width, f"{name}/a")
        second = self.convolution(f"{name}/b", self.width, self.width, use_bias=False)
        return first, first_norm, second, self.norm(f"{name}/b_norm", self.width)

    def loss(self, batch, tap=untouched):
        x, labels = batch
        x = tap("stem", tf.nn.relu(self.stem_norm(self.stem(x), training=True)))
        for first, first_norm, second, second_norm in self.parts:
            hidden = tap(first.full_name, tf.nn.relu(first_norm(first(x), training=True)))
            x = tf.nn.relu(x + second_norm(second(hidden), training=True))
        return cross_entropy(labels, self.head(tf.reduce_mean(x, axis=(1, 2))))


class Denoiser(_Convolutional):
    """Convolutional denoiser with a path around its middle; the loss is a mean square."""

    taps = ("down_0", "down_1", "middle", "up_0")
    shifted = taps
    pairs = (("down_1", "middle"),)
    classes = None
    rates = {"sgd": 0.1, "adam": 4e-3, "adamw": 4e-3, "rmsprop": 2e-3}
    quality = 0.6

    def __init__(self, seed):
        super().__init__(seed)
        self.layers = {
            "down_0": self.convolution("down_0", 1, 10, kernel_initializer="he_normal"),
            "down_1": self.convolution("down_1", 10, 16, strides=2, kernel_initializer="he_normal"),
            "middle": self.convolution("middle", 16, 16, kernel_initializer="he_normal"),
            "up_0": self.convolution("up_0", 26, 12, kernel_initializer="he_normal"),
        }
        self.output = self.convolution("output", 12, 1)
        self.patterns = Patterns(self.random, self.size, 5, 0.0)

    def loss(self, batch, tap=untouched):
        x, target = batch

        def layer(name, value):
            return tap(name, tf.nn.relu(self.layers[name](value)))

        wide = layer("down_0", x)
        deep = layer("middle", layer("down_1", wide))
        deep = tf.repeat(tf.repeat(deep, 2, axis=1), 2, axis=2)
        x = layer("up_0", tf.concat([wide, deep], axis=-1))
        return tf.reduce_mean((self.output(x) - target) ** 2)

    def sample(self, number):
        clean, _ = self.patterns.sample(number)
        noisy = clean + 0.5 * self.random.randn(*clean.shape)
        return noisy.astype(np.float32), clean
