"""Row 4: several steps in one graph."""

import warnings

import numpy as np
import tensorflow as tf

from ..modes import Mode
from ..tasks import Task


def _stacked(task):
    x, y = (np.stack(part) for part in zip(*task.batches()))
    return tf.constant(x), tf.constant(y)


def _steps(task, instruments):
    """The decorated step as a Python function beneath the loop's, and above one of its own."""

    @instruments.decorate
    def beneath(x, y):
        return task.train(instruments.tape, x, y)

    @instruments.decorate
    @tf.function
    def above(x, y):
        return task.train(instruments.tape, x, y)

    return {"beneath": beneath, "above": above}


def _over_dataset(task, train_step):
    dataset = tf.data.Dataset.from_tensor_slices(_stacked(task))

    @tf.function
    def epoch(dataset):
        losses = tf.TensorArray(tf.float32, 0, dynamic_size=True, clear_after_read=False)
        number = 0
        for x, y in dataset:
            losses = losses.write(number, train_step(x, y))
            number += 1
        return losses.stack()

    with warnings.catch_warnings():
        # TensorFlow, of a random operation in the body of such a loop
        warnings.filterwarnings("ignore", message="Seed .* from outer graph")
        return epoch(dataset).numpy().tolist()


def _over_iterator(task, train_step):
    dataset = tf.data.Dataset.from_tensor_slices(_stacked(task))

    @tf.function
    def steps(iterator, count):
        losses = tf.TensorArray(tf.float32, count)
        for number in tf.range(count):
            x, y = next(iterator)
            losses = losses.write(number, train_step(x, y))
        return losses.stack()

    iterator = iter(dataset)
    return [*steps(iterator, tf.constant(3)).numpy(), *steps(iterator, tf.constant(2)).numpy()]


def _in_while_loop(task, train_step):
    xs, ys = _stacked(task)

    @tf.function
    def steps():
        def body(number, losses):
            return number + 1, losses.write(number, train_step(xs[number], ys[number]))

        count = len(task.batches())
        start = (tf.constant(0), tf.TensorArray(tf.float32, count))
        _, losses = tf.while_loop(lambda number, losses: number < count, body, start)
        return losses.stack()

    return steps().numpy().tolist()


def _in_cond(task, train_step):
    xs, ys = _stacked(task)

    @tf.function
    def sometimes(is_step, x, y):
        return tf.cond(is_step, lambda: train_step(x, y), lambda: tf.constant(-1.0))

    losses = []
    for x, y in zip(xs, ys):
        losses.append(float(sometimes(tf.constant(True), x, y)))
        assert float(sometimes(tf.constant(False), x, y)) == -1.0  # a call that makes no step
    return losses


def _mode(name, run, form):
    """The loop `run` with the decorator beneath or above the step's own `tf.function`."""

    def run_form(task, instruments):
        return run(task, _steps(task, instruments)[form])

    return Mode(4, f"{name}, {_FORMS[form]}", Task, run_form)


_FORMS = {"beneath": "decorated Python step", "above": "decorator above `tf.function`"}
_LOOPS = {
    "`for batch in dataset`": _over_dataset,
    "`next(iterator)` in a loop": _over_iterator,
    "`tf.while_loop`": _in_while_loop,
    "`tf.cond` around the step": _in_cond,
}

MODES = tuple(
    _mode(name, run, form) for name, run in _LOOPS.items() for form in _FORMS
)
