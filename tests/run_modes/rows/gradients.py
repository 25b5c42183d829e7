"""Row 6: what else a step does with tapes, gradients and optimizers."""

import numpy as np
import tensorflow as tf

from ..modes import Mode
from ..tasks import SEED, Steady, Task
from ..ways import above, beneath, over_batches

PARTS = 2


class Accumulated(Task):
    """A tape for each half of the batch, and one update."""

    def train(self, tape_class, x, y):
        """The update is made with the sum of the gradients."""
        self.traces += 1
        total, losses = [tf.zeros_like(variable) for variable in self.variables], []
        for part_x, part_y in zip(tf.split(x, PARTS), tf.split(y, PARTS)):
            with tape_class() as tape:
                losses.append(self.loss(part_x, part_y) / PARTS)
            gradients = tape.gradient(losses[-1], self.variables)
            total = [one + other for one, other in zip(total, gradients)]
        self.update(total)
        return tf.add_n(losses)


class AccumulatedOverCalls(Task):
    """Each call adds its gradients up in variables; every second one makes the update."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.variables]
        self.calls = tf.Variable(0, trainable=False)

    def train(self, tape_class, x, y):
        """The update is made on calls 1, 3, …"""
        self.traces += 1
        with tape_class() as tape:
            loss = self.loss(x, y)
        for total, gradient in zip(self.sums, tape.gradient(loss, self.variables)):
            total.assign_add(gradient / PARTS)
        tf.cond(self.calls.assign_add(1) % PARTS == 0, self.update_from_sums, lambda: None)
        return loss

    def update_from_sums(self):
        """The update, after which the sums begin anew."""
        self.update([total.read_value() for total in self.sums])
        for total in self.sums:
            total.assign(tf.zeros_like(total))


class Adversarial(Task):
    """A generator of one dense layer, and a convolution that tells its pictures from real ones."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        random = np.random.RandomState(SEED + 1)
        kernel = tf.Variable(random.randn(2, 36), dtype=tf.float32, name="generator/kernel")
        bias = tf.Variable(np.zeros(36), dtype=tf.float32, name="generator/bias")
        self.generator, self.discriminator = [kernel, bias], self.variables
        self.variables = self.generator + self.discriminator
        self.module.generator = self.generator

    def losses(self, x, y):
        """The generator's and the discriminator's, those of a Wasserstein GAN."""
        kernel, bias = self.generator
        fake = tf.reshape(tf.tanh(y @ kernel + bias), [-1, 6, 6, 1])
        of_fake, of_real = tf.reduce_mean(self.scores(fake)), tf.reduce_mean(self.scores(x))
        return -of_fake, of_fake - of_real

    def scores(self, x):
        """How real each picture seems."""
        kernel, bias, dense_kernel, dense_bias = self.discriminator
        hidden = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
        return self.dropout(tf.reshape(hidden, [-1, 64])) @ dense_kernel + dense_bias

    def train(self, tape_class, x, y):
        """Two tapes, two updates."""
        self.traces += 1
        with tape_class() as tape, tape_class() as other_tape:
            generator_loss, discriminator_loss = self.losses(x, y)
        of_generator = tape.gradient(generator_loss, self.generator)
        of_discriminator = other_tape.gradient(discriminator_loss, self.discriminator)
        descend(self.generator, of_generator)
        descend(self.discriminator, of_discriminator)
        return generator_loss + discriminator_loss


class AlternatingByBranch(Adversarial):
    """The generator's turn comes once for two of the discriminator's; a `tf.cond` decides."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        self.calls = tf.Variable(-1, trainable=False)

    def train(self, tape_class, x, y):
        """One update of one of the two."""
        self.traces += 1
        return tf.cond(
            self.calls.assign_add(1) % 3 == 0,
            lambda: self.train_one(tape_class, 0, self.generator, x, y),
            lambda: self.train_one(tape_class, 1, self.discriminator, x, y),
        )

    def train_one(self, tape_class, which, variables, x, y):
        """One update of the generator (0) or the discriminator (1)."""
        with tape_class() as tape:
            loss = self.losses(x, y)[which]
        descend(variables, tape.gradient(loss, variables))
        return loss


class AlternatingByFunction(AlternatingByBranch):
    """The same turns, taken by two functions."""

    def train(self, tape_class, x, y):
        """Python decides, so this serves the eager run alone."""
        self.traces += 1
        which = 0 if int(self.calls.assign_add(1)) % 3 == 0 else 1
        variables = (self.generator, self.discriminator)[which]
        return self.train_one(tape_class, which, variables, x, y)


def two_functions_above(task, instruments):
    """Two decorated functions of one logger, called in turn."""
    return _in_turn(task, instruments, lambda step: instruments.decorate(tf.function(step)))


def two_functions_beneath(task, instruments):
    """The same with the decorator beneath `tf.function`."""
    return _in_turn(task, instruments, lambda step: tf.function(instruments.decorate(step)))


def _in_turn(task, instruments, wrap):
    def train_generator(x, y):
        task.traces += 1
        return task.train_one(instruments.tape, 0, task.generator, x, y)

    def train_discriminator(x, y):
        task.traces += 1
        return task.train_one(instruments.tape, 1, task.discriminator, x, y)

    steps = wrap(train_generator), wrap(train_discriminator)
    turns = iter([steps[0 if call % 3 == 0 else 1] for call in range(len(task.batches()))])
    return over_batches(lambda x, y: next(turns)(x, y), task)


class GradientPenalty(Task):
    """The slope of the output along the input is part of the loss: a tape inside a tape."""

    def train(self, tape_class, x, y):
        """The outer tape differentiates through the inner one."""
        self.traces += 1
        with tape_class() as tape:
            with tape_class() as inner_tape:
                inner_tape.watch(x)
                error = self.loss(x, y)
            slope = inner_tape.gradient(error, x)
            loss = error + 0.1 * (tf.norm(slope) - 1.0) ** 2
        self.update(tape.gradient(loss, self.variables))
        return loss


class HessianVector(Task):
    """The update takes the curvature along the gradient: second derivatives of variables."""

    def train(self, tape_class, x, y):
        """The inner tape's gradients are an intermediate result."""
        self.traces += 1
        with tape_class() as tape:
            with tape_class() as inner_tape:
                error = self.loss(x, y)
            slopes = inner_tape.gradient(error, self.variables)
            loss = error + 0.01 * tf.add_n([tf.reduce_sum(slope**2) for slope in slopes])
        self.update(tape.gradient(loss, self.variables))
        return loss


class JacobianBeside(Steady):
    """The dense kernel is scaled by the squared jacobian of the outputs (Gauss-Newton)."""

    def train(self, tape_class, x, y):
        """`jacobian` and `gradient` of one persistent tape."""
        self.traces += 1
        with tape_class(persistent=True) as tape:
            kernel, bias, dense_kernel, dense_bias = self.variables
            hidden = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
            outputs = tf.reshape(hidden, [-1, 64]) @ dense_kernel + dense_bias
            mean_output = tf.reduce_mean(outputs, axis=0)
            loss = tf.reduce_mean((outputs - y) ** 2)
        jacobian = tape.jacobian(mean_output, dense_kernel)
        gradients = tape.gradient(loss, self.variables)
        gradients[2] /= 1.0 + tf.reduce_sum(jacobian**2, axis=0)
        self.update(gradients)
        return loss


class Recomputed(Steady):
    """The convolution is computed again for its gradient (`tf.recompute_grad`)."""

    def loss(self, x, y):
        """Mean squared error; the activations of the convolution are not kept."""
        kernel, bias, dense_kernel, dense_bias = self.variables

        @tf.recompute_grad
        def convolution(x):
            return tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)

        hidden = tf.reshape(convolution(x), [-1, 64])
        return tf.reduce_mean((hidden @ dense_kernel + dense_bias - y) ** 2)


@tf.custom_gradient
def _straight_through(x):
    return tf.round(4.0 * x) / 4.0, lambda upstream: upstream


class CustomGradient(Task):
    """Activations are rounded, which their gradient passes over."""

    def dropout(self, hidden):
        """Quantized, then a quarter of the units set to zero."""
        return super().dropout(_straight_through(hidden))


class Clipped(Task):
    """The update is made with clipped gradients; what the tape returned is logged."""

    def update(self, gradients):
        """Gradient descent with the norm of all gradients clipped to 0.5."""
        clipped, _ = tf.clip_by_global_norm(gradients, 0.5)
        super().update(clipped)


class PlainAssignments(Task):
    """Gradient descent and nothing else."""

    def update(self, gradients):
        """`assign_sub` for each variable."""
        descend(self.variables, gradients)


class Averaged(Task):
    """An exponential moving average follows the variables."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        self.average = tf.train.ExponentialMovingAverage(0.9)
        self.average.apply(self.variables)
        self.module.averages = [self.average.average(variable) for variable in self.variables]

    def update(self, gradients):
        """The averages are taken of the new values."""
        super().update(gradients)
        self.average.apply(self.variables)


class KerasLayers(Task):
    """The same network of Keras layers; subclasses say with which optimizer it is trained."""

    def __init__(self, stateful=False):
        super().__init__(stateful)
        values = self.weights()
        layers, options = tf.keras.layers, self.layer_options()
        self.model = tf.keras.Sequential(
            [
                layers.Conv2D(4, 3, activation="relu", name="conv", **options),
                layers.Flatten(name="flatten", **options),
                layers.Dense(2, name="dense", **options),
            ],
            name="network",
        )
        self.model.build((None, 6, 6, 1))
        self.model.set_weights(values)
        self.variables = self.model.trainable_variables
        self.optimizer = self.make_optimizer()
        self.module.weights = None
        self.module.model, self.module.optimizer = self.model, self.optimizer

    def layer_options(self):
        """Arguments of each layer."""
        return {}

    def make_optimizer(self):
        """The optimizer."""
        raise NotImplementedError

    def loss(self, x, y):
        """Mean squared error behind a dropout of the inputs."""
        return tf.reduce_mean((self.model(self.dropout(x), training=True) - y) ** 2)

    def update(self, gradients):
        """The optimizer's."""
        self.optimizer.apply_gradients(zip(gradients, self.variables))


class Momentum(KerasLayers):
    """Stochastic gradient descent with momentum."""

    def make_optimizer(self):
        """SGD."""
        return tf.keras.optimizers.SGD(0.05, momentum=0.9)


class Adam(KerasLayers):
    """Adam."""

    def make_optimizer(self):
        """Adam."""
        return tf.keras.optimizers.Adam(0.01)


class Minimized(Momentum):
    """`optimizer.minimize` asks the tape that it is handed for the gradients."""

    def train(self, tape_class, x, y):
        """No call of `gradient` stands in the step itself."""
        self.traces += 1
        with tape_class() as tape:
            loss = self.loss(x, y)
        self.optimizer.minimize(loss, self.variables, tape=tape)
        return loss


class LegacyAdam(KerasLayers):
    """Adam as Keras had it before 2.11."""

    def make_optimizer(self):
        """Adam."""
        return tf.keras.optimizers.legacy.Adam(0.01)


def descend(variables, gradients):
    """Gradient descent."""
    for variable, gradient in zip(variables, gradients):
        variable.assign_sub(0.1 * gradient)


def _no_minimize_with_tape():
    optimizer = tf.keras.optimizers.SGD()
    if not hasattr(optimizer, "minimize"):
        return "Keras 3 has no `minimize`"
    has_tape = "tape" in optimizer.minimize.__code__.co_varnames
    return None if has_tape else "`minimize` takes no tape"


def _no_legacy_optimizers():
    try:
        tf.keras.optimizers.legacy.Adam(0.01)
    except (AttributeError, ImportError):
        return "this Keras has no `optimizers.legacy`"
    return None


def _above_and_beneath(name, task, **options):
    return (
        Mode(6, f"{name}, above", task, above, **options),
        Mode(6, f"{name}, beneath", task, beneath, **options),
    )


MODES = (
    *_above_and_beneath(
        "accumulation in one step", Accumulated, notice="differentiated 2 losses by the same"
    ),
    *_above_and_beneath("accumulation over several steps", AccumulatedOverCalls),
    *_above_and_beneath("GAN with two tapes", Adversarial),
    *_above_and_beneath("alternating updates in a `tf.cond`", AlternatingByBranch),
    Mode(6, "alternating functions, above", AlternatingByFunction, two_functions_above),
    Mode(6, "alternating functions, beneath", AlternatingByFunction, two_functions_beneath),
    *_above_and_beneath("gradient penalty", GradientPenalty),
    *_above_and_beneath("second derivatives of variables", HessianVector),
    *_above_and_beneath("`tape.jacobian` beside `gradient`", JacobianBeside),
    *_above_and_beneath("`tf.recompute_grad`", Recomputed),
    *_above_and_beneath("`tf.custom_gradient`", CustomGradient),
    *_above_and_beneath("clipped gradients", Clipped),
    *_above_and_beneath("plain `assign_sub`", PlainAssignments),
    *_above_and_beneath("`assign_sub` with weight decay", Task),
    *_above_and_beneath("exponential moving average", Averaged),
    *_above_and_beneath("Keras SGD with momentum", Momentum),
    *_above_and_beneath("Keras Adam", Adam),
    *_above_and_beneath("Keras `optimizers.legacy`", LegacyAdam, missing=_no_legacy_optimizers),
    *_above_and_beneath("`minimize(tape=)`", Minimized, missing=_no_minimize_with_tape),
)
