"""Initialization: a scale of the first weights that is far off, with a symptom."""

import numpy as np
import pytest

from .judged import alarms, layer
from .training import Training, make_table


@pytest.mark.parametrize("factor", [20, 0.01])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_layer(factor, activation):
    """A layer whose first weights are far too large or too small is named."""
    training = Training(activation=activation)
    training.weights[1] *= factor
    assert alarms(training.run(150)) == [("initialization", layer(1))]


@pytest.mark.parametrize("factor", [10, 0.02])
def test_network(factor):
    """Where all first weights are off, no layer is named."""
    training = Training()
    for weight in training.weights:
        weight *= factor
    assert alarms(training.run(150))[0] == ("initialization", None)


def test_abstains_without_the_first_steps():
    """A log that begins later shows no first weights."""
    training = Training(activation="tanh")
    training.weights[1] *= 20
    assert ("initialization", layer(1)) not in alarms(training.run(100, first=30))


def test_not_of_a_small_output_layer():
    """An output layer a hundred times too small is usual for policies."""
    training = Training()
    training.weights[-1] *= 0.01
    assert alarms(training.run(150)) == []


def test_not_of_two_hundredths():
    """A stddev of 0.02 in all layers trains."""
    training = Training(rate=3e-3)
    for weight in training.weights:
        weight[:] = training.random.randn(*weight.shape) * 0.05
    assert alarms(training.run(150)) == []


def test_small_weights_everywhere_that_a_run_overcomes():
    """Kernels that all start small, whose gradients then grow, are named though the run learns."""
    training = Training(rate=1e-2)
    for weight in training.weights:
        weight *= 0.07
    assert alarms(training.run(200)) == [("initialization", None)]


def test_large_weights_everywhere_with_one_output():
    """Of one output no guess is known: then a high loss that hardly falls is the symptom."""
    table = Training(rate=1e-5).run(100)
    rows = [
        row._replace(shape=(*row.shape[:-1], 1)) if place > 5 else row
        for place, row in enumerate(table.variables)
    ]
    columns = {name: np.array(table.column(name)) for name in table.columns}
    columns["value_rms"] *= 8.0
    loss = np.linspace(50.0, 30.0, 100)
    found = alarms(make_table(table.steps, rows, columns, {"loss": loss}))
    assert ("initialization", None) in found
