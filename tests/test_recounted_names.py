"""Paths that do not depend on what else the process has made, and the comparison that goes by them.

Nothing here clears the session of Keras: each test makes its models after those of the others.
"""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .test_models import ALL_WAYS

keras = tf.keras
X = np.ones([4, 3], np.float32)


class Block(keras.layers.Layer):
    """A layer with a layer and a variable of its own, neither with a name."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(2)

    def build(self, shape):
        """Makes the variable."""
        self.shift = self.add_weight(shape=(2,), initializer="ones")
        super().build(shape)

    def call(self, x):
        """Values `[batch, 2]`."""
        return self.inner(x) + self.shift


class Subclassed(keras.Model):
    """Two blocks and a head that has a name."""

    def __init__(self):
        super().__init__()
        self.one, self.other = Block(), Block()
        self.head = keras.layers.Dense(1, name="head")

    def call(self, x):
        """Values `[batch, 1]`."""
        return self.head(self.other(self.one(x)))


def sequential():
    """Two layers without names."""
    return keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)])


def functional():
    """Two layers and a nested recurrent one, without names."""
    inputs = keras.Input((3,))
    x = keras.layers.Reshape((1, 3))(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(2))(keras.layers.Dense(2)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def train(model, tape=gtlog.InstrumentedTape):
    """One update of a model."""
    with tape() as tape:
        loss = tf.reduce_mean(model(X) ** 2)
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        variable.assign_sub(0.1 * gradient)


def logged(logdir, model, way="eager", **parameters):
    """The run of one step of a model that the step holds, or is given as `model`."""
    model(X)
    step = ALL_WAYS[way](
        gtlog.logged_step(logdir, on_error="raise", **parameters), lambda: train(model)
    )
    step()
    return gtlog.open_run(logdir)


def weights_of(run):
    """Paths and elements of the weights, in the order of the table."""
    rows = run.table.variables
    return {row.path: row.shape for row in rows}


WAYS_OF_MODELS = [(Subclassed, way) for way in ALL_WAYS] + [(sequential, "above")]


@pytest.mark.parametrize("make, way", [*WAYS_OF_MODELS, (functional, "eager")])
def test_the_second_model_has_the_names_of_the_first(make, way, logdir):
    """With names="recounted" the same program has the same tags, however often it has run."""
    one, other = (
        logged(f"{logdir}/{number}", make(), way, names="recounted") for number in range(2)
    )
    assert one.tags == other.tags
    assert weights_of(one) == weights_of(other)
    assert one.table.counterparts(other.table) == list(range(len(one.variables)))


@pytest.mark.parametrize("make", [sequential, functional, Subclassed])
def test_runs_are_matched_by_what_does_not_depend_on_the_count(make, logdir):
    """With the names that Keras gives, the second run's variables are found all the same."""
    one, other = (logged(f"{logdir}/{number}", make()) for number in range(2))
    assert one.variables != other.variables
    assert one.table.counterparts(other.table) == list(range(len(one.variables)))


def test_numbers_begin_at_zero(logdir):
    """The first layer of a class has no number, the next ones 1, 2, ..., as in a fresh process."""
    for _ in range(2):
        sequential()
    paths = logged(logdir, sequential(), names="recounted").variables
    kernels = [path for path in paths if path.endswith("kernel")]
    assert [path.split("/")[-2] for path in kernels] == ["dense", "dense_1"]
    assert {path.partition("/")[0] for path in paths} <= {"sequential", "dense", "dense_1"}


def test_two_models_of_one_logger_stay_apart(logdir):
    """Without names of their own, layers are counted over all models that the step holds."""
    one, other = sequential(), sequential()
    for model in (one, other):
        model(X)
    with gtlog.StepLogger(logdir, model=[one, other], names="recounted") as log, log.step():
        train(one)
        train(other)
    by_list = gtlog.open_run(logdir).variables

    @gtlog.logged_step(f"{logdir}/held", names="recounted")
    def step():
        train(one)
        train(other)

    step()
    step.step_logger.close()
    held = gtlog.open_run(f"{logdir}/held").variables
    assert len(set(by_list)) == len(set(held)) == 8
    layers = [path.split("/")[-2] for path in held if path.endswith("kernel")]
    assert layers == ["dense", "dense_1", "dense_2", "dense_3"]
    layers = [path.split("/")[-2] for path in by_list if path.endswith("kernel")]
    assert layers == ["dense", "dense_1", "dense", "dense_1"]  # led by the names of the models


def test_fit(logdir):
    """The callback knows the model that `fit` trains."""
    runs = []
    for number in range(2):
        model = sequential()
        model.compile("sgd", "mse")
        with gtlog.StepLogger(f"{logdir}/{number}", names="recounted") as log:
            callbacks = [log.keras_callback()]
            model.fit(X, np.ones([4, 1]), verbose=0, callbacks=callbacks)
        runs.append(gtlog.open_run(f"{logdir}/{number}"))
    assert runs[0].tags == runs[1].tags
    assert any(path.endswith("dense/kernel") for path in runs[0].variables)


def test_names_of_the_program_stay(logdir):
    """A name that a program has given is no count, and keeps others from having it."""
    model = keras.Sequential(
        [keras.layers.Dense(2), keras.layers.Dense(2, name="first_7"), keras.layers.Dense(1)]
    )
    paths = logged(logdir, model, names="recounted").variables
    kernels = [path.split("/")[-2] for path in paths if path.endswith("kernel")]
    assert kernels == ["dense", "first_7", "dense_1"]


def test_what_no_model_holds_keeps_its_name(logdir):
    """A variable outside of any model is called as ever, and has no counterpart but by its path."""
    weight = tf.Variable([1.0, 2.0], name="dense_7/kernel")

    @gtlog.logged_step(logdir, names="recounted")
    def step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(tape.gradient(loss, weight))

    step()
    step.step_logger.close()
    (row,) = gtlog.open_run(logdir).table.variables
    assert (row.path, row.recounted) == ("dense_7/kernel", None)


def test_other_names_are_refused(logdir):
    """`names` is one of two words."""
    with pytest.raises(ValueError, match="'own' or 'recounted', got 'short'"):
        gtlog.StepLogger(logdir, names="short")


def test_names_change_nothing_else(logdir):
    """Weights, histograms and numbers of a run are those of the run with Keras's names."""
    found = []
    for names in ("own", "recounted"):
        model = sequential()
        model(X)
        for variable in model.variables:
            variable.assign(tf.ones(variable.shape))
        run = logged(f"{logdir}/{names}", model, names=names)
        found.append((run, read_events(f"{logdir}/{names}").of("update_ratio")))
    (one, ratio), (other, other_ratio) = found
    assert ratio == other_ratio
    for column in one.table.columns:
        np.testing.assert_array_equal(one.vitals(column), other.vitals(column))
