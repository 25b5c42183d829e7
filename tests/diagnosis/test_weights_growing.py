"""Weights growing: of one layer, or of all."""

import pytest

from .judged import alarms, layer
from .training import Training


def scaled(factor, numbers, since=0):
    """A function that scales the weights of some layers in each step."""

    def after_update(training, step):
        if step >= since:
            for number in numbers:
                training.weights[number] *= factor

    return after_update


@pytest.mark.parametrize("factor", [1.05, 1.02])
@pytest.mark.parametrize("since", [0, 80])
def test_of_a_layer(factor, since):
    """A layer whose weights are scaled in each step is named, slow or fast."""
    table = Training(after_update=scaled(factor, [1], since)).run(200)
    assert alarms(table)[0] == ("weights_growing", layer(1))


@pytest.mark.parametrize("every", [7, 50])
def test_at_any_cadence(every):
    """Few logged steps show it as well."""
    table = Training(after_update=scaled(1.02, [1])).run(400, every)
    assert alarms(table)[0] == ("weights_growing", layer(1))


def test_not_of_small_weights_that_learn():
    """Weights that start small grow to their size."""
    training = Training(rate=1e-2)
    training.weights[1] *= 0.2
    assert alarms(training.run(300, 3)) == []
