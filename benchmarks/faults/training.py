"""One run: trained by the product, with an independent record of what really happened."""

import numpy as np
import tensorflow as tf

import gtlog
from benchmarks.faults.truth import Truth

OPTIMIZERS = {
    "sgd": lambda rate: tf.keras.optimizers.SGD(rate),
    "momentum": lambda rate: tf.keras.optimizers.SGD(rate / 4, momentum=0.9),
    "adam": lambda rate: tf.keras.optimizers.Adam(rate),
    "adamw": lambda rate: tf.keras.optimizers.AdamW(rate, weight_decay=0.01),
    "rmsprop": lambda rate: tf.keras.optimizers.RMSprop(rate),
    "adamax": lambda rate: tf.keras.optimizers.Adamax(2 * rate),
    "nadam": lambda rate: tf.keras.optimizers.Nadam(rate),
    "lion": lambda rate: tf.keras.optimizers.Lion(rate / 5),
    "adagrad": lambda rate: tf.keras.optimizers.Adagrad(8 * rate),
    "adafactor": lambda rate: tf.keras.optimizers.Adafactor(4 * rate),
    "lamb": lambda rate: tf.keras.optimizers.Lamb(3 * rate),
}

# Whose learning rate another optimizer's is made of.
_LIKE = {
    "momentum": "sgd",
    **dict.fromkeys(("nadam", "adamax", "lion", "adagrad", "adafactor", "lamb"), "adam"),
}


class Training:
    """A program, its optimizer, its hooks, and a step as users write it.

    Attributes:
      program: The program.
      optimizer: Keras optimizer.
      variables: Trainable variables that the tape is asked for.
      rate: Learning rate at first.
      step_number: The step that comes next.
      random: Random state of the hooks.
    """

    def __init__(self, program_type, optimizer="adam", seed=0, steps=240, hooks=(), options=None):
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(seed)
        self.program = program_type(seed, **(options or {}))
        self.rate = self.program.rates[_LIKE.get(optimizer, optimizer)]
        self.optimizer = OPTIMIZERS[optimizer](self.rate)
        self.variables = list(self.program.variables)
        self.steps, self.hooks = steps, tuple(hooks)
        self.batch_size = self.program.batch_size
        self.random = np.random.RandomState(500 + seed)
        self.step_number = 0
        for hook in self.hooks:
            hook.prepare(self)
        self.optimizer.build(self.variables)

    def run(self, logdir, every):
        """Trains and logs.

        Args:
          logdir: Directory of the event file.
          every: As of `gtlog.logged_step`.

        Returns:
          The `Truth` of the run.
        """
        truth = Truth(self.program.kernels)
        # Vitals alone: nothing else is judged, and a run takes a third of the time.
        summaries = [gtlog.summaries.vitals()]
        decorate = gtlog.logged_step(logdir, every, summaries=summaries, diagnose=False)
        step = decorate(self.make_step())
        for number in range(self.steps):
            self.step_number = number
            batch = self.program.sample(self.batch_size)
            for hook in self.hooks:
                batch = hook.batch(self, number, batch)
            levels = np.array([hook.level(number) for hook in self.hooks] or [0], np.float32)
            loss, gradients = step(*map(tf.constant, batch), levels=tf.constant(levels))
            truth.add(loss, self._of_kernels(gradients))
            for hook in self.hooks:
                hook.between(self, number)
        step.step_logger.close()
        return truth.closed()

    def _of_kernels(self, gradients):
        by_variable = {id(one): slope for one, slope in zip(self.variables, gradients)}
        return [by_variable.get(id(kernel)) for kernel in self.program.kernels.values()]

    def make_step(self):
        """The training step."""
        if hasattr(self.program, "make_step"):
            return self.program.make_step(self)

        @tf.function(autograph=False)
        def train_step(*batch, levels):
            with gtlog.InstrumentedTape() as tape:
                loss = self.program.loss(batch, self._tap(levels))
                for number, hook in enumerate(self.hooks):
                    loss = hook.loss(loss, levels[number])
            gradients = tape.gradient(loss, self.variables)
            self.apply(gradients, levels)
            return loss, [_dense(*pair) for pair in zip(gradients, self.variables)]

        return train_step

    def _tap(self, levels):
        def tap(layer, value):
            for number, hook in enumerate(self.hooks):
                value = hook.tap(layer, value, levels[number])
            return value

        return tap

    def apply(self, gradients, levels):
        """Hands gradients to the optimizer, with what the hooks make of it."""
        for number, hook in enumerate(self.hooks):
            gradients = hook.gradients(self, gradients, levels[number])
        before = [tf.identity(one) for one in self.variables]
        pairs = [pair for pair in zip(gradients, self.variables) if pair[0] is not None]
        if isinstance(self.optimizer, tf.keras.optimizers.RMSprop):
            # Keras 3 adds up the places of rows that occur twice.
            # https://github.com/keras-team/keras/blob/master/keras/src/backend/tensorflow/sparse.py
            pairs = [(_dense(gradient, variable), variable) for gradient, variable in pairs]
        with tf.control_dependencies(before):
            self.optimizer.apply_gradients(pairs)
        for number, hook in enumerate(self.hooks):
            hook.updated(self, before, levels[number])


def _dense(gradient, variable):
    return tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
