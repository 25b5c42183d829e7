"""Small trainings on the digits, each with one mistake of a kind that people make.

The diagnosis knows nothing of the mistakes: it reads the vitals, as in any other run.
"""

import warnings

import tensorflow as tf
from tqdm import tqdm

import gtlog
from gtlog.demo import FAULTS

_BATCH_SIZE = 64
_SIDE, _CLASSES = 8, 10
_HALF = 0.5


class Training:
    """A plain training of a plain classifier. Subclasses change the part that is at fault.

    Args:
      digits: `gtlog.demo.data.Digits`.
      steps: How many steps it will make.
    """

    mistake = ""
    """What is done wrong, in a sentence."""
    learning_rate = 5e-3
    depth = 3

    def __init__(self, digits, steps):
        self.digits = digits
        self.steps = steps
        self.model = self.build()
        self.optimizer = self.make_optimizer()

    def build(self):
        """The model: `depth` hidden layers and a layer for the classes."""
        hidden = [self.hidden(number + 1) for number in range(self.depth)]
        return tf.keras.Sequential(
            [
                tf.keras.Input((_SIDE, _SIDE)),
                tf.keras.layers.Flatten(),
                *hidden,
                tf.keras.layers.Dense(_CLASSES, name="classes"),
            ],
            name="classifier",
        )

    def hidden(self, number):
        """A hidden layer, counted from 1."""
        return tf.keras.layers.Dense(64, activation="relu", name=f"hidden_{number}")

    def make_optimizer(self):
        """The optimizer."""
        return tf.keras.optimizers.Adam(self.learning_rate)

    def batches(self):
        """An endless dataset of images and labels."""
        return self.digits.batches(_BATCH_SIZE)

    def logits(self, images):
        """The logits of a batch of images."""
        return self.model(images, training=True)

    def loss(self, labels, logits):
        """The mean loss of a batch."""
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(each)

    def apply(self, gradients, variables):
        """Applies the update."""
        self.optimizer.apply_gradients(zip(gradients, variables))

    def before_step(self, number):
        """Runs before each step of the loop."""

    def step(self, images, labels):
        """One step, which `run` decorates."""
        with gtlog.InstrumentedTape() as tape:
            loss = self.loss(labels, self.logits(images))
        variables = self.model.trainable_variables
        self.apply(tape.gradient(loss, variables), variables)
        return loss

    def run(self, logdir, every):
        """Trains, and logs each `every`th step. Findings on the way are written, without warnings.

        Args:
          logdir: Directory of the event file.
          every: Steps 0, `every`, 2 `every`, … are logged.
        """
        log = gtlog.logged_step(
            logdir, every=every, on_error="raise", diagnose=lambda finding: None
        )
        train_step = log(tf.function(self.step))
        batches = self.batches().take(self.steps)
        with train_step.step_logger, warnings.catch_warnings():
            # Warnings about gradients that are None or NaN would only repeat the findings.
            warnings.simplefilter("ignore", gtlog.LoggingWarning)
            # disable=None: no bar where the output is no terminal
            progress = tqdm(batches, desc=self.model.name, total=self.steps, disable=None)
            for number, (images, labels) in enumerate(progress):
                self.before_step(number)
                train_step(images, labels)


class Vanishing(Training):
    """Sigmoids one after the other: each lets at most a quarter of the gradient through."""

    mistake = "Eight hidden layers, each with a sigmoid after it."
    learning_rate = 0.1
    depth = 8

    def make_optimizer(self):
        """SGD, whose updates are as small as the gradient is."""
        return tf.keras.optimizers.SGD(self.learning_rate)

    def hidden(self, number):
        """A layer that saturates."""
        return tf.keras.layers.Dense(64, activation="sigmoid", name=f"hidden_{number}")


class Exploding(Training):
    """An operation with a hand-written gradient, which is wrong."""

    mistake = "Halfway through, a tf.custom_gradient after hidden_2 sums where it should average."

    def __init__(self, digits, steps):
        self.factor = tf.Variable(1.0, trainable=False, name="factor")
        super().__init__(digits, steps)

    def logits(self, images):
        """The logits of a batch; the gradients before the third layer come out too large."""

        @tf.custom_gradient
        def passed(signal):
            return tf.identity(signal), lambda gradient: gradient * self.factor

        return _through(self.model, images, "hidden_2", passed)

    def before_step(self, number):
        """From halfway on, sums over the 1,000 places of a signal instead of taking their mean."""
        self.factor.assign(1.0 if number < _HALF * self.steps else 1000.0)


class Dead(Training):
    """A bias that no input overcomes."""

    mistake = "The biases of hidden_2 start at -10, so that its ReLUs are never active."

    def hidden(self, number):
        """A layer; the second one starts with a large negative bias."""
        start = tf.keras.initializers.Constant(-10.0 if number == 2 else 0.0)
        return tf.keras.layers.Dense(
            64, activation="relu", bias_initializer=start, name=f"hidden_{number}"
        )


class NotUpdated(Training):
    """A layer that the optimizer is not given."""

    mistake = "The list that the optimizer gets lacks the variables of hidden_2."

    def apply(self, gradients, variables):
        """The update, without one layer."""
        pairs = [pair for pair in zip(gradients, variables) if not _is_of(pair[1], self.model, 2)]
        self.optimizer.apply_gradients(pairs)


class NoGradient(Training):
    """A cut between two layers."""

    mistake = "A tf.stop_gradient stands after hidden_2."

    def logits(self, images):
        """The logits of a batch; no gradient passes to the layers before the third."""
        return _through(self.model, images, "hidden_2", tf.stop_gradient)

    def apply(self, gradients, variables):
        """The update of the variables that have a gradient."""
        pairs = [pair for pair in zip(gradients, variables) if pair[0] is not None]
        self.optimizer.apply_gradients(pairs)


class Nonfinite(Training):
    """An operation with a value and without a slope."""

    mistake = "tf.sqrt stands after the ReLU of hidden_2: at 0 its slope is infinite."

    def logits(self, images):
        """The logits of a batch; the signal of a layer goes through a square root."""
        return _through(self.model, images, "hidden_2", tf.sqrt)


class TooLarge(Training):
    """A learning rate that is far too large."""

    mistake = "Adam's learning rate is 1 instead of 0.001."
    learning_rate = 1.0


class Identical(Training):
    """Units that start alike stay alike."""

    mistake = "All hidden layers start at one constant."

    def hidden(self, number):
        """A layer whose units are all the same."""
        start = tf.keras.initializers.Constant(0.02)
        return tf.keras.layers.Dense(
            64, activation="relu", kernel_initializer=start, name=f"hidden_{number}"
        )


class Overwritten(Training):
    """Weights that come from elsewhere."""

    mistake = "Halfway through, a callback runs the initializer of hidden_2 again."
    learning_rate = 1e-3  # updates that could not lead so far

    def before_step(self, number):
        """Draws the kernel of the second layer anew, once."""
        if number == int(_HALF * self.steps):
            kernel = self.model.get_layer("hidden_2").kernel
            kernel.assign(tf.keras.initializers.GlorotUniform()(kernel.shape))


class Ascending(Training):
    """A flipped sign."""

    mistake = "The update is added instead of subtracted."
    learning_rate = 0.02

    def apply(self, gradients, variables):
        """Gradient ascent."""
        for gradient, variable in zip(gradients, variables):
            variable.assign_add(self.learning_rate * gradient)


class NotLearning(Training):
    """Labels that do not belong to the images."""

    mistake = "Images and labels were shuffled each for themselves."

    def batches(self):
        """Batches in which no label belongs to its image."""
        return self.digits.unmatched_batches(_BATCH_SIZE)


def _through(model, signal, name, operation):
    """The output of a model for a signal, with a further operation after one of its layers."""
    for layer in model.layers:
        signal = layer(signal)
        if layer.name == name:
            signal = operation(signal)
    return signal


def _is_of(variable, model, number):
    layer = model.get_layer(f"hidden_{number}")
    return any(variable is own for own in layer.trainable_variables)


TRAININGS = dict(
    zip(
        FAULTS,
        (
            Vanishing,
            Exploding,
            Dead,
            NotUpdated,
            NoGradient,
            Nonfinite,
            TooLarge,
            Identical,
            Overwritten,
            Ascending,
            NotLearning,
        ),
    )
)
