"""The plain ways to run a step; `eagerly` is the one that all others are compared with."""

import functools

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


@functools.lru_cache(maxsize=None)
def jit_option():
    """What this TensorFlow calls the option that has XLA compile a function."""
    try:
        tf.function(lambda: None, jit_compile=True)
    except TypeError:
        return "experimental_compile"
    return "jit_compile"


def compiled(function=None, **options):
    """`tf.function`, compiled by XLA."""
    return tf.function(function, **{jit_option(): True}, **options)
