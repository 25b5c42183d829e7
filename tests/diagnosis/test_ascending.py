"""Ascending: updates that go up the gradient."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer, notes
from .training import Training, make_table


@pytest.mark.parametrize("optimizer, rate", [("sgd", 0.05), ("momentum", 0.02), ("adam", 1e-3)])
def test_of_the_network(optimizer, rate):
    """A flipped sign of all updates is no layer's fault."""
    found = alarms(Training(optimizer=optimizer, rate=-rate).run(80))
    assert found[0] == ("ascending", None)


@pytest.mark.parametrize("optimizer, rate", [("sgd", 0.05), ("adam", 1e-3)])
def test_of_a_layer(optimizer, rate):
    """A flipped sign of one layer is found in that layer."""
    training = Training(optimizer=optimizer, rate=rate)
    training.rates[1] = -1
    assert alarms(training.run(80))[0] == ("ascending", layer(1))


def test_not_of_a_reward():
    """What is made as large as possible, and grows below zero, is worth a note."""

    def negate(training, step, of_weights, of_biases):
        for gradients in (of_weights, of_biases):
            for place, gradient in enumerate(gradients):
                gradients[place] = -gradient

    training = Training(rate=-1e-3, change_gradients=negate)
    table = training.run(80)
    loss = dict(table.step_values)
    columns = {name: table.column(name) for name in table.columns}
    reward = type(table)(table.steps, table.variables, columns, {"loss": -loss["loss"]})
    assert alarms(reward) == [] and notes(reward) == [("ascending", None)]


def test_not_of_momentum():
    """Single updates of momentum go up their gradient; a window of them does not."""
    assert alarms(Training(optimizer="momentum", rate=0.5).run(150)) == []


def test_without_kernels_nothing_is_said():
    """A run that NaN ends, of which no kernel is known, is passed over."""
    training = Training(after_update=lambda one, step: one.weights[0].fill(np.nan) if step else 0)
    table = training.run(3)
    unknown = {name: np.full((len(table.variables), 3), np.nan) for name in table.columns}
    unknown["value_nonfinite"] = table.column("value_nonfinite")
    found = judge(make_table(table.steps, table.variables, unknown, {}))
    assert [one.fault for one in found] == ["nonfinite"]


def test_before_nan_after_one_logged_step():
    """Where all goes straight up the gradient in the one step before NaN, that is what ended it."""
    training = Training(optimizer="sgd", rate=3.0)
    training.rates = [-1.0] * len(training.rates)
    table = training.run(60, 15)
    assert not np.isfinite(table.step_values["loss"][1:]).any()
    assert alarms(table)[0] == ("ascending", None)


def test_from_the_start_where_all_weights_grow():
    """Growth that the first updates began uphill is ascent."""
    training = Training(rate=5e-3)
    training.rates = [-1.0] * len(training.rates)
    assert alarms(training.run(240, 20))[0] == ("ascending", None)
