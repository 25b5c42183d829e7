"""Ascending: updates that go up the gradient."""

import pytest

from .judged import alarms, layer, notes
from .training import Training


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
