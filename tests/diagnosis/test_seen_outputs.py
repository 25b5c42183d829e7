"""What the diagnosis makes of layers whose outputs `layer_outputs` has seen, in real trainings."""

import random

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import summaries
from gtlog.diagnosis.judge import judge
from gtlog.vitals.table import VitalsTable

from .judged import alarms, notes
from .test_dead_units import shut
from .training import Training

layers = tf.keras.layers


def findings(logdir, activation, plant=None, with_outputs=True):
    """The findings of a classifier of three hidden layers that is trained for sixty steps.

    Args:
      plant: Function that changes kernel and bias of the second hidden layer before the training.
    """
    random.seed(0)  # Keras 3 draws its seeds from it
    tf.random.set_seed(0)
    numbers = np.random.RandomState(0)
    teacher = numbers.randn(16, 4)
    hidden = [layers.Dense(32, activation, name=f"hidden_{k}") for k in (1, 2, 3)]
    model = tf.keras.Sequential(
        [tf.keras.Input((16,)), *hidden, layers.Dense(4, name="classes")], name="net"
    )
    if plant is not None:
        hidden[1].set_weights(plant(*hidden[1].get_weights()))
    optimizer = tf.keras.optimizers.SGD(0.1)
    chosen = [summaries.vitals()]
    if with_outputs:
        chosen.append(summaries.layer_outputs(model, numbers.randn(64, 16)))

    @gtlog.logged_step(logdir, summaries=chosen, diagnose=False)
    @tf.function
    def train_step(x, y):
        with gtlog.InstrumentedTape() as tape:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x))
            loss = tf.reduce_mean(each)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

    for _ in range(60):
        x = numbers.randn(64, 16).astype("float32")
        train_step(x, (x @ teacher).argmax(axis=1))
    train_step.step_logger.close()
    return gtlog.diagnose(logdir)


def negative(share):
    """A function that makes weights negative which get the outputs of ReLUs."""

    def plant(kernel, bias):
        count = int(share * len(bias))
        kernel[:, :count] = -np.abs(kernel[:, :count])
        return kernel, bias

    return plant


def wide_bias(kernel, bias):
    """A bias that holds each tanh at one of its ends."""
    return kernel, np.where(np.arange(len(bias)) % 2, 4.0, -4.0)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_healthy(activation, logdir):
    """A training that is well stays without a finding."""
    assert findings(logdir, activation) == []


def test_layer_that_is_dead_from_the_start(logdir):
    """It is named by its outputs; by gradients alone it looks as if the data were zero."""
    assert findings(logdir, "relu", negative(1.0), with_outputs=False) == []
    (finding,) = findings(logdir + "/seen", "relu", negative(1.0))
    assert (finding.fault, finding.severity) == ("dead_units", "alarm")
    assert finding.layer.endswith("hidden_2") and finding.first_step == 0
    assert "100 % of its 32 units put out zero for all of the fixed batch" in finding.evidence


def test_most_of_a_layer(logdir):
    """Units that are certainly dead are worth a note where they are three quarters of a layer."""
    assert findings(logdir, "relu", negative(0.8), with_outputs=False) == []
    (finding,) = findings(logdir + "/seen", "relu", negative(0.8))
    assert (finding.fault, finding.severity) == ("dead_units", "note")
    assert finding.layer.endswith("hidden_2")


def test_saturated_layer(logdir):
    """The cause of a gradient that vanishes is said where it is seen."""
    (finding,) = findings(logdir, "tanh", wide_bias)
    assert finding.fault == "vanishing_gradients" and finding.layer.endswith("hidden_2")
    assert "of its outputs for the fixed batch lie at the ends" in finding.evidence
    assert finding.advice.startswith("Its activation is saturated.")


def with_column(table, name, numbers):
    """The table with one more column, given by row."""
    columns = {one: table.column(one) for one in table.columns}
    columns[name] = np.full((len(table.variables), len(table)), np.nan, np.float32)
    for row, series in numbers.items():
        columns[name][row] = series
    return VitalsTable(table.steps, table.variables, columns, table.step_values)


def test_units_that_answer_are_not_dead():
    """A layer that gets no gradient, and answers to the batch, is not dead."""
    table = Training(before_step=shut(1, 1.0, 60)).run(150)
    assert alarms(table) == [("dead_units", "net/dense_1")]
    rows = [place for place, row in enumerate(table.variables) if row.role == "kernel"]
    answering = with_column(table, "silent_units", {row: 0.1 for row in rows[:-1]})
    assert "dead_units" not in [fault for fault, _ in alarms(answering) + notes(answering)]


def test_outputs_that_are_seen_rarely():
    """What is known of one step counts until the next one that is known."""
    table = Training(before_step=shut(1, 1.0, 60)).run(150)
    row = next(k for k, one in enumerate(table.variables) if one.path == "net/dense_1/kernel")
    series = np.full(150, np.nan)
    series[::10] = np.where(np.arange(0, 150, 10) >= 60, 1.0, 0.0)
    (finding,) = judge(with_column(table, "silent_units", {row: series}))
    assert finding.layer == "net/dense_1" and abs(finding.first_step - 60) <= 10
