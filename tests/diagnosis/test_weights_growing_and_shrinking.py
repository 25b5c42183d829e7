"""Weights growing, weights shrinking: of one layer, or of all."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training, make_table

GROWING, SHRINKING = "weights_growing", "weights_shrinking"


def scaled(factor, numbers, since=0):
    """A function that scales the weights of some layers in each step."""

    def after_update(training, step):
        if step >= since:
            for number in numbers:
                training.weights[number] *= factor

    return after_update


@pytest.mark.parametrize(
    "fault, factor", [(GROWING, 1.05), (GROWING, 1.02), (SHRINKING, 0.9), (SHRINKING, 0.98)]
)
@pytest.mark.parametrize("since", [0, 80])
def test_of_a_layer(fault, factor, since):
    """A layer whose weights are scaled in each step is named, slow or fast."""
    table = Training(after_update=scaled(factor, [1], since)).run(200)
    assert alarms(table)[0] == (fault, layer(1))


@pytest.mark.parametrize("fault, factor", [(GROWING, 1.02), (SHRINKING, 0.98)])
@pytest.mark.parametrize("every", [7, 50])
def test_at_any_cadence(fault, factor, every):
    """Few logged steps show it as well."""
    table = Training(after_update=scaled(factor, [1])).run(400, every)
    assert alarms(table)[0] == (fault, layer(1))


def test_of_the_network():
    """A decay that eats all layers takes the loss back; no layer is named."""
    table = Training(after_update=scaled(0.9, range(4))).run(200)
    assert alarms(table)[0] == (SHRINKING, None)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("factor, since, every", [(0.94, 52, 10), (0.985, 97, 5)])
def test_of_a_layer_that_the_gradient_holds(number, factor, since, every):
    """A decay is found where the gradient of SGD soon holds the layer at a smaller size."""
    training = Training(
        optimizer="sgd", rate=0.1, after_update=scaled(factor, [number], since)
    )
    assert alarms(training.run(200, every)) == [(SHRINKING, layer(number))]


@pytest.mark.parametrize("optimizer, rate", [("sgd", 0.1), ("adam", 1e-3)])
def test_of_the_network_at_a_wide_cadence(optimizer, rate):
    """A decay of all layers is no update that is too large, when it is logged every ten steps."""
    after_update = scaled(0.94, range(4), since=97)
    table = Training(optimizer=optimizer, rate=rate, after_update=after_update).run(200, 10)
    assert alarms(table) == [(SHRINKING, None)]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("optimizer, rate", [("sgd", 0.1), ("adam", 3e-3)])
def test_not_of_a_layer_that_starts_large(number, optimizer, rate):
    """A layer that starts three times as large as usual does not go straight towards zero."""
    training = Training(optimizer=optimizer, rate=rate)
    training.weights[number] *= 3
    assert alarms(training.run(300, 10)) == []


def test_not_of_small_weights_that_learn():
    """Weights that start small grow to their size."""
    training = Training(rate=1e-2)
    training.weights[1] *= 0.2
    assert alarms(training.run(300, 3)) == []


def test_not_of_a_decay_that_suits():
    """A mild decay of all weights is healthy."""
    assert alarms(Training(after_update=scaled(0.9997, range(4))).run(300, 3)) == []


def test_decay_that_the_optimizer_works_against():
    """A layer that regains less than half of what a decay took has not recovered."""

    def decay(training, step):
        training.weights[1] *= 0.93 if step < 40 else 1.005

    training = Training(after_update=decay, rate=4e-4)
    assert alarms(training.run(160)) == [("weights_shrinking", layer(1))]


def test_not_of_weights_that_are_back():
    """A layer that regains all of it is healthy."""

    def decay(training, step):
        training.weights[1] *= 0.97 if step < 40 else 1.012 if step < 140 else 1.0

    found = alarms(Training(after_update=decay).run(200))
    assert "weights_shrinking" not in [fault for fault, _ in found]


@pytest.mark.parametrize("every", [1, 5])
def test_growth_that_has_just_begun(every):
    """A layer that goes straight away from zero is named before it has doubled, and dated to it."""

    def grow(training, step):
        training.weights[1] *= 1.015 if step >= 150 else 1.0

    (finding,) = judge(Training(after_update=grow).run(200, every))
    assert (finding.fault, finding.layer) == ("weights_growing", layer(1))
    assert 150 <= finding.first_step <= 150 + 2 * every


def test_not_of_a_small_kernel_that_learns_to_be_large():
    """A kernel that starts small may grow straight to the scale that initializers give."""
    table = Training().run(200, 5)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    growth = 10 ** np.linspace(0, 0.28, len(table.steps))
    columns["value_rms"][2] = 0.3 / np.sqrt(32) * 1.3 * growth
    for number in range(4):
        columns[f"sketch_{number}"][2] = columns["value_rms"][2]
    found = alarms(make_table(table.steps, table.variables, columns, table.step_values))
    assert found == []


def test_decay_of_all_that_the_loss_shows():
    """Kernels that all go straight to zero while the loss rises need not lose much."""

    def decay(training, step):
        for weight in training.weights:
            weight *= 0.985 if step >= 100 else 1.0

    assert alarms(Training(after_update=decay).run(170)) == [("weights_shrinking", None)]


def test_what_a_kernel_is_now_counts():
    """A kernel that leaps up in the last logged step has not shrunk."""
    table = Training().run(120)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    columns["value_rms"][2] *= 10 ** -np.linspace(0, 0.8, 120)
    columns["value_rms"][2, -1] = 2 * columns["value_rms"][2, 0]
    found = judge(make_table(table.steps, table.variables, columns, table.step_values))
    assert "weights_shrinking" not in [one.fault for one in found]


def test_strong_growth_is_no_leap_of_a_rate():
    """Updates that are suddenly far larger and only scale the kernel are growth."""

    def grow(training, step):
        training.weights[2] *= 1.06 if step >= 52 else 1.0

    training = Training(after_update=grow, rate=1.3e-3)
    assert alarms(training.run(160, 2))[0] == ("weights_growing", layer(2))
