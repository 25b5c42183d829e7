"""Row 2: steps that XLA compiles."""

import contextlib

import tensorflow as tf

from ..modes import Mode
from ..tasks import Steady
from ..ways import above, beneath, compiled, jit_option, over_batches

# XLA compiles a program as a whole: another one, with more outputs, sums in another order.
_TOLERANCE = 1e-5
_NO_CALLBACK = "XLA compiles no callback"


def above_compiled(task, instruments):
    """The decorator above a function that XLA compiles."""
    return above(task, instruments, **{jit_option(): True})


def method_above_compiled(task, instruments):
    """A method of a `tf.Module`, decorated above its compiled function."""

    class Trainer(tf.Module):
        @instruments.decorate
        @compiled
        def train_step(self, x, y):
            return task.train(instruments.tape, x, y)

    return over_batches(Trainer().train_step, task)


def beneath_compiled(task, instruments):
    """The decorator beneath a function that XLA compiles."""
    return beneath(task, instruments, **{jit_option(): True})


def beneath_compiled_in_a_step(task, instruments):
    """The decorator beneath a function that XLA compiles, and a step of its logger around."""
    step = compiled(instruments.decorate(lambda x, y: task.train(instruments.tape, x, y)))

    def train_step(x, y):
        with contextlib.nullcontext() if instruments.logger is None else instruments.logger.step():
            return step(x, y)

    return over_batches(train_step, task)


def around_inner_compiled(task, instruments):
    """A decorated Python function whose inner function XLA compiles and which holds the tape."""
    inner = compiled(lambda x, y: task.train(instruments.tape, x, y))

    @instruments.decorate
    def train_step(x, y):
        return inner(x, y)

    return over_batches(train_step, task)


def compiled_called_from_function(task, instruments):
    """A decorated function that XLA compiles, called from another that it does not."""

    @instruments.decorate
    @compiled
    def train_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(tf.function(lambda x, y: train_step(x, y)), task)


def _unseen(*columns):
    return dict.fromkeys(columns, _NO_CALLBACK)


MODES = (
    Mode(2, "above `jit_compile`", Steady, above_compiled, tolerance=_TOLERANCE, more_traces=1),
    Mode(
        2,
        "method above `jit_compile`",
        Steady,
        method_above_compiled,
        tolerance=_TOLERANCE,
        more_traces=1,
    ),
    Mode(
        2,
        "around an inner `jit_compile` that holds the tape",
        Steady,
        around_inner_compiled,
        unseen=_unseen("gradients", "updates", "loss"),
        notice="inside the decorated step is compiled by XLA",
    ),
    Mode(
        2,
        "above `jit_compile`, called from another `tf.function`",
        Steady,
        compiled_called_from_function,
        unseen=_unseen("gradients", "updates", "loss"),
        notice="and call it from Python",
    ),
    Mode(
        2,
        "beneath `jit_compile`",
        Steady,
        beneath_compiled,
        unseen=_unseen("weights", "biases", "gradients", "updates", "loss", "images"),
        notice=r"Put the decorator above @tf\.function\(jit_compile=True\)",
    ),
    Mode(
        2,
        "beneath `jit_compile`, `with log.step()` around the call",
        Steady,
        beneath_compiled_in_a_step,
        unseen=_unseen("gradients", "updates", "loss"),
        notice="inside the decorated step is compiled by XLA",
    ),
)
