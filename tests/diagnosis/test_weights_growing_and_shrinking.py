"""Weights growing, weights shrinking: of one layer, or of all."""

import pytest

from .judged import alarms, layer
from .training import Training

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


def test_not_of_small_weights_that_learn():
    """Weights that start small grow to their size."""
    training = Training(rate=1e-2)
    training.weights[1] *= 0.2
    assert alarms(training.run(300, 3)) == []


def test_not_of_a_decay_that_suits():
    """A mild decay of all weights is healthy."""
    assert alarms(Training(after_update=scaled(0.9997, range(4))).run(300, 3)) == []
