"""Each call is one step, however it was called: graph and host share one count."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([3.0, 4.0], name="weight")


@pytest.fixture
def step(weight, logdir):
    """A decorated step that Python and graphs may call."""

    @gtlog.logged_step(logdir)
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    return train_step


@pytest.mark.parametrize("order", ["ge", "geg", "egeg", "gge", "gegeegg"])
def test_graph_and_eager_calls_share_one_count(order, step, logdir):
    """Calls from a traced loop (g) and by hand (e) are steps 0, 1, 2, … in any order."""
    traced = tf.function(lambda: step())
    losses = [float({"g": traced, "e": step}[kind]()) for kind in order]
    logged = read_events(logdir).of("loss")
    assert list(logged) == list(range(len(order)))
    np.testing.assert_allclose(list(logged.values()), losses, rtol=1e-6)


def test_several_traces_share_one_count(weight, logdir):
    """A function that is traced for two shapes, and called eagerly in between, counts on."""

    @gtlog.logged_step(logdir)
    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight) * tf.reduce_sum(x)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))

    traced = tf.function(train_step)
    for call, size in ((traced, 2), (train_step, 2), (traced, 3), (traced, 2)):
        call(tf.ones([size]))
    assert list(read_events(logdir).of("loss")) == [0, 1, 2, 3]


def test_functions_run_eagerly_in_between(step, logdir):
    """`run_functions_eagerly` switched on and off again leaves the count as it is."""
    run_eagerly = getattr(tf.config, "run_functions_eagerly", None) or (
        tf.config.experimental_run_functions_eagerly
    )
    traced = tf.function(lambda: step())
    traced()
    run_eagerly(True)
    try:
        traced()
        traced()
    finally:
        run_eagerly(False)
    traced()
    assert list(read_events(logdir).of("loss")) == [0, 1, 2, 3]


def test_fit_and_then_by_hand(logdir):
    """A `train_step` that ran in `fit` and is then called by hand goes on counting."""

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.out = tf.keras.layers.Dense(1)

        def call(self, x):
            return self.out(x)

        @gtlog.logged_step(logdir)
        def train_step(self, data):
            x, y = data
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_mean((self(x) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}

    model = Model()
    model.compile(optimizer="sgd")
    x, y = tf.ones([6, 3]), tf.ones([6, 1])
    model.fit(x, y, batch_size=2, verbose=0)
    model.train_step((x, y))
    model.train_step((x, y))
    model.fit(x, y, batch_size=3, verbose=0)
    assert list(read_events(logdir).of("loss")) == [0, 1, 2, 3, 4, 5, 6]
