"""What the ways to run a step train: small networks, from the same seed, on the same batches."""

import numpy as np
import tensorflow as tf

SEED = 11
STEPS = 5
BATCH = 8


def batches(steps=STEPS, batch=BATCH):
    """Pictures `[batch, 6, 6, 1]` and targets `[batch, 2]`, float32, the same for every run."""
    random = np.random.RandomState(SEED)
    return [
        (
            random.randn(batch, 6, 6, 1).astype(np.float32),
            random.randn(batch, 2).astype(np.float32),
        )
        for _ in range(steps)
    ]


class Task:
    """A convolution and a dense layer in plain variables, trained by plain assignments.

    Args:
      stateful: Whether the dropout draws from TensorFlow's own random state, which differs between
        eager code and each graph; otherwise the masks are the same in every way to run the step.

    Attributes:
      is_random: Whether `stateful` makes a difference; of the class.
      variables: What is trained.
      module: `tf.Module` that tracks all that a checkpoint of the program would hold.
      traces: How often Python has run the body of the step.
    """

    is_random = True

    def __init__(self, stateful=False):
        tf.random.set_seed(SEED)
        self.stateful = stateful
        random = np.random.RandomState(SEED)

        def variable(name, *shape):
            return tf.Variable(0.3 * random.randn(*shape), dtype=tf.float32, name=name)

        self.variables = [
            variable("conv/kernel", 3, 3, 1, 4),
            variable("conv/bias", 4),
            variable("dense/kernel", 64, 2),
            variable("dense/bias", 2),
        ]
        self.drawn = tf.Variable(0, trainable=False, name="drawn")
        self.module = tf.Module()
        self.module.weights = self.variables
        self.traces = 0

    def batches(self):
        """What each step is given: pairs of arrays."""
        return batches()

    def dropout(self, hidden):
        """A quarter of the units set to zero."""
        if self.stateful:
            return tf.nn.dropout(hidden, 0.25)
        drawn = tf.random.stateless_uniform(tf.shape(hidden), [SEED, self.drawn.assign_add(1)])
        return tf.where(drawn < 0.25, 0.0, hidden / 0.75)

    def loss(self, x, y):
        """Mean squared error behind a dropout."""
        kernel, bias, dense_kernel, dense_bias = self.variables
        hidden = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
        hidden = self.dropout(tf.reshape(hidden, [-1, 64]))
        return tf.reduce_mean((hidden @ dense_kernel + dense_bias - y) ** 2)

    def update(self, gradients):
        """Gradient descent with weight decay."""
        for variable, gradient in zip(self.variables, gradients):
            variable.assign_sub(0.1 * gradient + 0.01 * variable)

    def train(self, tape_class, x, y):
        """The body of the step; returns the loss."""
        self.traces += 1
        with tape_class() as tape:
            loss = self.loss(x, y)
        self.update(tape.gradient(loss, self.variables))
        return loss

    def weights(self):
        """Copies of the values of the variables."""
        return [tf.convert_to_tensor(variable).numpy().copy() for variable in self.variables]


class Steady(Task):
    """Without dropout, for ways whose random numbers cannot be those of the eager run."""

    is_random = False

    def dropout(self, hidden):
        """All units as they are."""
        return hidden
