"""Several steps in one graph: their numbers, their order, and the last of them."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .reference import charts


def descent(weight):
    """The body of a step that halves a variable."""

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(0.25 * tape.gradient(loss, weight))
        return loss

    return train_step


def steps_in_file(logdir, tag="loss"):
    """The steps of a tag in the order in which they stand in the event file."""
    return [one.step for one in read_events(logdir) if one.tag == tag]


def test_many_turns_are_written_in_order(logdir):
    """Each turn of a loop over a data set is a step; events stand in the order of the steps."""
    weight = tf.Variable([1.0, 2.0], name="weight")
    train_step = gtlog.logged_step(logdir)(descent(weight))

    @tf.function
    def train(dataset):
        for _ in dataset:
            train_step()

    for turns in (30, 10):
        train(tf.data.Dataset.range(turns).map(lambda x: x, num_parallel_calls=2).prefetch(4))
    assert steps_in_file(logdir) == list(range(40))
    losses = read_events(logdir).of("loss")
    for step in range(1, 40):
        assert losses[step] == losses[step - 1] / 4


def test_steps_that_do_not_run_do_not_count(logdir):
    """Behind a condition, `break` and `continue` only the steps that run are numbered."""
    weight = tf.Variable([1.0, 2.0], name="weight")
    train_step = gtlog.logged_step(logdir, every=2)(descent(weight))
    ran = tf.Variable(0)

    @tf.function
    def train(turns):
        for turn in tf.range(turns):
            if turn % 3 == 0:
                continue
            if turn == 8:
                break
            train_step()
            ran.assign_add(1)

    train(tf.constant(20))
    assert int(ran) == 5  # the turns 1, 2, 4, 5 and 7
    train(tf.constant(3))
    assert int(ran) == 7
    assert steps_in_file(logdir) == [0, 2, 4, 6]


def test_nested_loops(logdir):
    """Epochs and batches in one graph: the numbers run through both loops."""
    weight = tf.Variable([1.0, 2.0], name="weight")
    train_step = gtlog.logged_step(logdir, every=3)(descent(weight))

    @tf.function
    def train(epochs, batches):
        for _ in tf.range(epochs):
            for _ in tf.range(batches):
                train_step()

    train(tf.constant(3), tf.constant(4))
    assert steps_in_file(logdir) == [0, 3, 6, 9]


def test_a_schedule_that_only_python_can_ask(logdir):
    """It is asked for each step of the loop, in order, before the step runs."""
    weight, asked = tf.Variable([1.0, 2.0], name="weight"), []

    def every(step):
        asked.append(step)
        return step in (1, 4)

    train_step = gtlog.logged_step(logdir, every=every)(descent(weight))

    @tf.function
    def train(turns):
        for _ in tf.range(turns):
            train_step()

    train(tf.constant(6))
    assert asked == list(range(6))
    assert steps_in_file(logdir) == [1, 4]


def gradients_by_element(map_elements, weight, tape_class=gtlog.InstrumentedTape):
    """The body of a step whose tape stands inside a map over the elements of a batch."""

    def train_step(batch):
        def gradient_of(x):
            with tape_class() as tape:
                loss = tf.reduce_sum((weight - x) ** 2)
            return tape.gradient(loss, weight)

        gradients = map_elements(gradient_of, batch)
        weight.assign_sub(0.1 * tf.reduce_mean(gradients, 0))
        return gradients

    return train_step


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "above"])
def test_a_tape_in_a_vectorized_map(compiled, logdir):
    """Its gradients are not seen, which a notice says; weights are, and the update is right."""
    batch, results = tf.constant([0.0, 1.0, 5.0]), []
    for tape_class in (tf.GradientTape, gtlog.InstrumentedTape):
        weight = tf.Variable([1.0, 2.0], name="weight")
        train_step = gradients_by_element(tf.vectorized_map, weight, tape_class)
        if tape_class is gtlog.InstrumentedTape:
            decorate = gtlog.logged_step(logdir)
            train_step = decorate(tf.function(train_step) if compiled else train_step)
            with pytest.warns(gtlog.LoggingWarning, match="inside tf.vectorized_map, where"):
                train_step(batch)
        else:
            (tf.function(train_step) if compiled else train_step)(batch)
        results.append(weight.numpy().tolist())
    assert results[0] == results[1]
    assert charts(read_events(logdir)) == ["weight_norm", "weights/weight"]


def test_a_tape_in_a_map(logdir):
    """Of `tf.map_fn` the gradients of all elements are seen, and logged as their sum."""
    weight = tf.Variable([1.0, 2.0], name="weight")
    step = gtlog.logged_step(logdir)(tf.function(gradients_by_element(tf.map_fn, weight)))
    with pytest.warns(gtlog.LoggingWarning, match="differentiated 3 losses by the same"):
        gradients = step(tf.constant([0.0, 1.0, 5.0]))
    norm = np.linalg.norm(gradients.numpy().sum(axis=0))
    np.testing.assert_allclose(read_events(logdir).of("gradient_norm")[0], norm, rtol=1e-6)


def test_a_step_in_a_vectorized_map(logdir):
    """A decorated function that is mapped over elements is no step: a notice says what to do."""
    weight = tf.Variable([1.0, 2.0], name="weight")
    loss_of = gtlog.logged_step(logdir)(lambda x: tf.reduce_sum((weight - x) ** 2))
    with pytest.warns(gtlog.LoggingWarning, match="called inside tf.vectorized_map"):
        losses = tf.vectorized_map(loss_of, tf.constant([0.0, 1.0]))
    assert losses.numpy().tolist() == [5.0, 1.0]
    assert list(read_events(logdir)) == []


def test_the_last_step_of_a_program(python, tmp_path):
    """A program that ends behind its loop, and closes nothing, has its last step in the file."""
    script = tmp_path / "train.py"  # AutoGraph asks for the source
    script.write_text(
        """
import sys
import tensorflow as tf
import gtlog

weight = tf.Variable([1.0], name="weight")


@gtlog.logged_step(sys.argv[1])
def train_step():
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(weight**2)
    weight.assign_sub(0.1 * tape.gradient(loss, weight))


@tf.function
def train(turns):
    for _ in tf.range(turns):
        train_step()


train(tf.constant(7))
""",
        encoding="utf-8",
    )
    program = "import runpy, sys; sys.argv.pop(0); runpy.run_path(sys.argv[0])"
    python.output(program, script, tmp_path)
    assert steps_in_file(tmp_path) == list(range(7))
