"""A training whose numbers are known, for all trackers."""

import numpy as np
import tensorflow as tf

import gtlog

STEPS = 5


WAYS = {
    "above": lambda decorate, step: decorate(tf.function(step)),
    "beneath": lambda decorate, step: tf.function(decorate(step)),
}


def train(writer, steps=STEPS, first=1.0, way="above", **options):
    """Trains two variables, one of which may be NaN from the start; returns the losses."""
    kernel = tf.Variable([[1.0, first]], name="dense/kernel")
    bias = tf.Variable([0.5, 0.5], name="dense/bias")

    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum((x @ kernel + bias) ** 2)
        for variable, gradient in zip((kernel, bias), tape.gradient(loss, [kernel, bias])):
            variable.assign_sub(0.1 * gradient)
        return loss

    decorate = gtlog.logged_step(writer, **options)
    step = WAYS[way](decorate, train_step)
    logged = step if way == "above" else step.python_function
    with logged.step_logger as log:
        losses = [float(step(tf.ones([1, 1]))) for _ in range(steps)]
        log.scalar("accuracy", 0.5)
    return losses


def train_until_nan(writer, **options):
    """Trains with a weight that is NaN, of which the diagnosis speaks."""
    return train(writer, first=np.nan, diagnose=lambda finding: None, **options)
