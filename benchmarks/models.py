"""The models that are trained, and one batch for each."""

import numpy as np
import tensorflow as tf

_LEARNING_RATE = 1e-5  # thousands of steps on noise, without a number that overflows


class Workload:
    """A model of dense layers with its optimizer and one batch of noise.

    All cases of a comparison train the same one, so that none has a better place in memory.

    Attributes:
      model: Keras model, built.
      optimizer: Keras optimizer, whose variables exist.
      batch: Pair of float32 tensors, inputs and targets.

    Args:
      widths: Sizes of the layers, that of the input first.
      batch_size: Rows of the batch.
    """

    def __init__(self, widths, batch_size):
        # Named, since Keras would count on from the models before, and names take room on disk.
        layers = [
            tf.keras.layers.Dense(width, activation="relu", name=f"dense_{number}")
            for number, width in enumerate(widths[1:])
        ]
        model = tf.keras.Sequential([tf.keras.Input((widths[0],)), *layers], name="mlp")
        self._train(model, _noise(batch_size, widths[0]), _noise(batch_size, widths[-1]))

    @classmethod
    def resnet50(cls, size=32, batch_size=8):
        """ResNet-50 as Keras has it, for square pictures and ten classes."""
        workload = cls.__new__(cls)
        model = tf.keras.applications.ResNet50(
            weights=None, input_shape=(size, size, 3), classes=10, classifier_activation=None
        )
        pictures = tf.reshape(_noise(batch_size, size * size * 3), [-1, size, size, 3])
        workload._train(model, pictures, _noise(batch_size, 10))
        return workload

    def _train(self, model, inputs, targets):
        self.model, self.batch = model, (inputs, targets)
        self.optimizer = tf.keras.optimizers.SGD(_LEARNING_RATE)
        self.make_step()(*self.batch)  # a Keras 3 optimizer makes its variables now

    @property
    def parameters(self):
        """Number of weights and biases."""
        return sum(int(np.prod(variable.shape)) for variable in self.model.trainable_variables)

    def make_step(self, tape_class=tf.GradientTape):
        """A training step as a user writes it, a new Python function each time."""
        model, optimizer = self.model, self.optimizer

        def train_step(x, y):
            with tape_class() as tape:
                loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
            variables = model.trainable_variables
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables))
            return loss

        return train_step


def _noise(rows, columns):
    return tf.constant(np.random.RandomState(0).normal(size=(rows, columns)), tf.float32)
