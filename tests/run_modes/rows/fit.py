"""Rows 2, 4 and 5: Keras `fit`."""

import inspect

import numpy as np
import tensorflow as tf

from ..modes import Mode
from ..tasks import BATCH, SEED, batches

keras = tf.keras
_EPOCH = 3
_OUTSIDE = "a callback sees the variables between the batches"
_NO_CALLBACK = "XLA compiles no callback"


class FitTask:
    """A convolution and a dense layer as Keras layers: two epochs of three batches, then one more.

    Args:
      stateful: Whether there is dropout, by Keras's own random state.

    Attributes:
      is_random: Whether `stateful` makes a difference; of the class.
      model: The Keras model.
      traces: How often Python has run the body of the step.
    """

    epoch = _EPOCH
    is_random = True

    def __init__(self, stateful=False):
        keras.backend.clear_session()
        tf.random.set_seed(SEED)
        getattr(keras.utils, "set_random_seed", tf.random.set_seed)(SEED)
        self.stateful = stateful
        self.traces = 0
        self.build(keras.Sequential)

    def build(self, model_class):
        """Makes the model anew, of a class with a `train_step` of its own."""
        layers = [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.Flatten(name="flat"),
            *([keras.layers.Dropout(0.25, name="drop")] if self.stateful else []),
            keras.layers.Dense(2, name="dense"),
        ]
        self.model = model_class(layers, name="net")
        random = np.random.RandomState(SEED)
        self.model.set_weights([0.3 * random.randn(*one.shape) for one in self.model.get_weights()])
        self.optimizer = keras.optimizers.SGD(0.1)
        self.module = tf.Module()
        self.module.model = self.model

    def batches(self):
        """What each step is given: pairs of arrays."""
        return 3 * batches(self.epoch)

    def train(self, tape_class, x, y):
        """The body of the step; returns the loss."""
        self.traces += 1
        with tape_class() as tape:
            loss = tf.reduce_mean((self.model(x, training=True) - y) ** 2)
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    def weights(self):
        """Copies of the values of the variables."""
        return self.model.get_weights()


class Losses(keras.callbacks.Callback):
    """What Keras shows as the loss behind each batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        """Keeps it."""
        self.seen.append(float(logs["loss"]))


def fitted(task, callbacks, run_eagerly=False, **options):
    """Two epochs with validation, an evaluation, and one more epoch; returns the losses."""
    task.model.compile(task.optimizer, "mse", run_eagerly=run_eagerly, **options)
    x, y = (np.concatenate(part) for part in zip(*batches(task.epoch)))
    losses = Losses()

    def fit(epochs):
        task.model.fit(
            x,
            y,
            batch_size=BATCH,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            validation_data=(x, y),
            callbacks=[*callbacks, losses],
        )

    fit(epochs=2)
    task.model.evaluate(x, y, verbose=0)
    fit(epochs=1)
    return losses.seen


def own_train_step(task, instruments, with_callback=False, **options):
    """A decorated `train_step`."""

    class Model(keras.Sequential):
        @instruments.decorate
        def train_step(self, data):
            return {"loss": task.train(instruments.tape, *data)}

    task.build(Model)
    return fitted(task, instruments.keras_callbacks() if with_callback else [], **options)


def own_train_step_eagerly(task, instruments):
    """The same with `run_eagerly=True`."""
    return own_train_step(task, instruments, run_eagerly=True)


def own_train_step_and_callback(task, instruments):
    """The same with the callback beside it, which stands aside."""
    return own_train_step(task, instruments, with_callback=True)


def own_train_step_eagerly_and_callback(task, instruments):
    """The same with both."""
    return own_train_step(task, instruments, with_callback=True, run_eagerly=True)


def own_train_step_compiled(task, instruments):
    """The same, compiled by XLA."""
    return own_train_step(task, instruments, jit_compile=True)


def own_train_step_compiled_and_callback(task, instruments):
    """The same, compiled by XLA, with the callback beside it."""
    return own_train_step(task, instruments, with_callback=True, jit_compile=True)


def with_callback(task, instruments, **options):
    """Keras's own `train_step`, and the callback."""
    return fitted(task, instruments.keras_callbacks(), **options)


def with_callback_eagerly(task, instruments):
    """The same with `run_eagerly=True`."""
    return with_callback(task, instruments, run_eagerly=True)


def with_callback_compiled(task, instruments):
    """The same, compiled by XLA."""
    return with_callback(task, instruments, jit_compile=True)


def with_gradients(task, instruments, **options):
    """Keras's own `train_step`, and the callback that sees gradients."""
    return fitted(task, instruments.keras_callbacks(gradients=True), **options)


def with_gradients_eagerly(task, instruments):
    """The same with `run_eagerly=True`."""
    return with_gradients(task, instruments, run_eagerly=True)


def with_gradients_compiled(task, instruments):
    """The same, compiled by XLA."""
    return with_gradients(task, instruments, jit_compile=True)


def with_gradients_two_at_once(task, instruments):
    """The same, two steps at once, and the last one of each epoch alone."""
    return with_gradients(task, instruments, **steps_per_execution(2))


def without_jit_compile():
    """Why this Keras cannot have XLA compile the step."""
    if "jit_compile" in inspect.signature(keras.Model.compile).parameters:
        return None
    return "Keras has no `jit_compile` here"


def steps_per_execution(count):
    """The option of `compile` that runs several steps at once."""
    options = inspect.signature(keras.Model.compile).parameters
    name = "steps_per_execution"
    return {name if name in options else f"experimental_{name}": count}  # before TensorFlow 2.4


def several_at_once(task, instruments):
    """A decorated `train_step`, an epoch at once."""
    return own_train_step(task, instruments, **steps_per_execution(_EPOCH))


def two_at_once(task, instruments):
    """The same, two steps at once, and the last one of each epoch alone."""
    return own_train_step(task, instruments, **steps_per_execution(2))


def several_at_once_and_callback(task, instruments):
    """The same with the callback beside it, which stands aside."""
    return own_train_step(
        task, instruments, with_callback=True, **steps_per_execution(_EPOCH)
    )


class FitTaskWithoutDropout(FitTask):
    """For XLA, whose random numbers no seed decides."""

    is_random = False

    def __init__(self, stateful=False):
        super().__init__(stateful=False)


def _compiled(name, run, **options):
    return Mode(2, name, FitTaskWithoutDropout, run, missing=without_jit_compile, **options)


_BY_CALLBACK = dict.fromkeys(("gradients", "loss"), _OUTSIDE)
MODES = (
    Mode(5, "`fit` with a decorated `train_step`", FitTask, own_train_step),
    Mode(5, "the same, `run_eagerly=True`", FitTask, own_train_step_eagerly),
    Mode(5, "the same, with the callback", FitTask, own_train_step_and_callback),
    Mode(
        5,
        "the same, `run_eagerly=True`, with the callback",
        FitTask,
        own_train_step_eagerly_and_callback,
    ),
    Mode(5, "`fit` with the callback alone", FitTask, with_callback, unseen=_BY_CALLBACK),
    Mode(
        5,
        "`fit` with the callback alone, `run_eagerly=True`",
        FitTask,
        with_callback_eagerly,
        unseen=_BY_CALLBACK,
    ),
    Mode(5, "`fit` with the callback, `gradients=True`", FitTask, with_gradients),
    Mode(
        5,
        "`fit` with the callback, `gradients=True`, `run_eagerly=True`",
        FitTask,
        with_gradients_eagerly,
    ),
    Mode(4, "`fit`, `steps_per_execution=3`", FitTask, several_at_once),
    Mode(4, "`fit`, `steps_per_execution=2` of three", FitTask, two_at_once),
    Mode(
        4,
        "`fit`, `steps_per_execution=3`, with the callback",
        FitTask,
        several_at_once_and_callback,
    ),
    Mode(
        4,
        "`fit`, `steps_per_execution=2` of three, callback with `gradients=True`",
        FitTask,
        with_gradients_two_at_once,
    ),
    _compiled(
        "`fit` with the callback alone, `jit_compile=True`",
        with_callback_compiled,
        unseen=_BY_CALLBACK,
    ),
    _compiled(
        "`fit` with a decorated `train_step` and the callback, `jit_compile=True`",
        own_train_step_compiled_and_callback,
        unseen=dict.fromkeys(("gradients", "loss"), _NO_CALLBACK),
        notice=r"logged from outside, by the logger's keras_callback\(\)",
    ),
    _compiled(
        "`fit` with the callback, `gradients=True`, `jit_compile=True`",
        with_gradients_compiled,
        unseen=dict.fromkeys(("gradients", "loss"), _NO_CALLBACK),
        notice=r"compile the model with jit_compile=False",
    ),
    _compiled(
        "`fit` with a decorated `train_step`, `jit_compile=True`",
        own_train_step_compiled,
        unseen=dict.fromkeys(
            ("weights", "biases", "gradients", "updates", "loss", "images"), _NO_CALLBACK
        ),
        notice=r"callbacks=\[log\.keras_callback\(\)\] to fit",
    ),
)
