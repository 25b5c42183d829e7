"""The plain ways to run a step; `eagerly` is the one that all others are compared with."""

import tensorflow as tf


def over_batches(step, task):
    """Calls a step on each batch; returns the losses."""
    return [float(step(tf.constant(x), tf.constant(y))) for x, y in task.batches()]


def eagerly(task, instruments):
    """Python runs each operation."""

    @instruments.decorate
    def train_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(train_step, task)


def above(task, instruments, **options):
    """The decorator above `@tf.function`."""

    @instruments.decorate
    @tf.function(**options)
    def train_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(train_step, task)


def beneath(task, instruments, **options):
    """The decorator beneath `@tf.function`."""

    @tf.function(**options)
    @instruments.decorate
    def train_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(train_step, task)
