"""Rows 1 and 3: eager steps and `tf.function`, above, beneath and inside."""

import tensorflow as tf

from ..modes import Mode
from ..tasks import Steady, Task
from ..ways import above, beneath, eagerly, over_batches

_SIGNATURE = [tf.TensorSpec([None, 6, 6, 1]), tf.TensorSpec([None, 2])]


class SeveralShapes(Steady):
    """The last batches are smaller, so that a function is traced for them anew."""

    def batches(self):
        """Five batches, two of them of five examples."""
        return [(x[:5], y[:5]) if k % 2 else (x, y) for k, (x, y) in enumerate(super().batches())]


def above_with_signature(task, instruments):
    """One trace for all batch sizes."""
    return above(task, instruments, input_signature=_SIGNATURE)


def method_above(task, instruments):
    """A method of a `tf.Module`, decorated above its `tf.function`."""

    class Trainer(tf.Module):
        @instruments.decorate
        @tf.function
        def train_step(self, x, y):
            return task.train(instruments.tape, x, y)

    return over_batches(Trainer().train_step, task)


def method_beneath(task, instruments):
    """A method of a `tf.Module`, decorated beneath its `tf.function`."""

    class Trainer(tf.Module):
        @tf.function
        @instruments.decorate
        def train_step(self, x, y):
            return task.train(instruments.tape, x, y)

    return over_batches(Trainer().train_step, task)


def called_from_function(task, instruments):
    """A decorated `tf.function`, called from another that is not decorated."""

    @instruments.decorate
    @tf.function
    def train_step(x, y):
        return task.train(instruments.tape, x, y)

    return over_batches(tf.function(lambda x, y: train_step(x, y)), task)


def around_inner_function(task, instruments):
    """A decorated Python function whose inner `tf.function`, undecorated, holds the tape."""
    inner = tf.function(lambda x, y: task.train(instruments.tape, x, y))

    @instruments.decorate
    def train_step(x, y):
        return inner(x, y)

    return over_batches(train_step, task)


MODES = (
    Mode(1, "eager", Task, eagerly),
    Mode(1, "above `tf.function`", Task, above),
    Mode(1, "beneath `tf.function`", Task, beneath),
    Mode(1, "above, with `input_signature`", Task, above_with_signature),
    Mode(1, "above, several input shapes", SeveralShapes, above),
    Mode(1, "beneath, several input shapes", SeveralShapes, beneath),
    Mode(1, "method above `tf.function`", Task, method_above),
    Mode(1, "method beneath `tf.function`", Task, method_beneath),
    Mode(1, "called from another `tf.function`", Task, called_from_function),
    Mode(3, "around an inner `tf.function` that holds the tape", Task, around_inner_function),
)
