"""What a program is: variables, a loss, and data to train it on."""

import contextlib

import numpy as np
import tensorflow as tf


def untouched(layer, value):
    """The tap of a run without faults."""
    return value


class Program:
    """A model with its data.

    Attributes:
      kernels: Kernels by the name of their layer, in the order of the forward pass.
      shifts: Bias, or shift of the normalisation, of the layers that a ReLU follows.
      taps: Layers after which the loss calls its tap: an output that passes on, or in a branch.
      pairs: Pairs of layers with nothing but an activation between them.
      classes: Number of classes; None of a regression.
      batch_size: Rows of a batch.
      rates: Learning rates by optimizer.
      quality: Share of the first loss below which the last one of a healthy run lies.
    """

    taps = ()
    pairs = ()
    shifted = ()
    classes = None
    batch_size = 32
    rates = {"sgd": 0.05, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 2e-3}
    quality = 0.75

    def __init__(self, seed):
        self.random = np.random.RandomState(1000 + seed)
        self.kernels, self.shifts, self.variables = {}, {}, []

    def loss(self, batch, tap=untouched):
        """The loss of a batch, a scalar; `tap(layer, output)` stands after each of `taps`."""
        raise NotImplementedError

    def sample(self, number):
        """A batch: tuple of arrays."""
        raise NotImplementedError

    def built(self, layer, shape, name=None):
        """A Keras layer, built for inputs of a shape, with its variables and kernel taken in.

        Args:
          name: What the layer is called among `kernels`, with the scope it is made in, such as
            `block_0/up`; None takes its own name.
        """
        layer.full_name = name or layer.name
        scope = layer.full_name.rpartition("/")[0]
        with tf.keras.name_scope(scope) if scope else contextlib.nullcontext():
            layer.build(shape)
        self.variables.extend(layer.trainable_variables)
        kernel = getattr(getattr(layer, "cell", layer), "kernel", None)
        if kernel is not None:
            self.kernels[layer.full_name] = kernel
        if layer.full_name in self.shifted and getattr(layer, "bias", None) is not None:
            self.shifts[layer.full_name] = layer.bias
        return layer

    def layer_norm(self, name, shape):
        """A layer normalisation, built; its name may have a scope."""
        layer = tf.keras.layers.LayerNormalization(name=name.rpartition("/")[2])
        return self.built(layer, shape, name)

    def dense(self, name, inputs, units, activation=None, **options):
        """A dense layer, built; its name may have a scope."""
        own = name.rpartition("/")[2]
        layer = tf.keras.layers.Dense(units, activation=activation, name=own, **options)
        return self.built(layer, (None, inputs), name)


def cross_entropy(labels, logits):
    """Mean cross entropy of integer labels."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses)


def layer_path(kernel):
    """The path of a kernel's layer, as the vitals name it."""
    name = getattr(kernel, "path", None) or kernel.name.partition(":")[0]
    return name.rpartition("/")[0] or name
