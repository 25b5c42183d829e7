"""Updates too large: of the network, or of one layer."""

import pytest

from .judged import alarms, layer
from .training import Training


@pytest.mark.parametrize("optimizer, rate", [("sgd", 4.0), ("adam", 0.3)])
def test_of_the_network(optimizer, rate):
    """A learning rate a hundred times too large is no layer's fault."""
    found = alarms(Training(optimizer=optimizer, rate=rate).run(100))
    assert found[0] == ("updates_too_large", None)


@pytest.mark.parametrize("optimizer, rate, factor", [("adam", 1e-3, 50), ("sgd", 0.05, 50)])
def test_of_a_layer(optimizer, rate, factor):
    """A layer with a multiplier of its own is named."""
    training = Training(optimizer=optimizer, rate=rate)
    training.rates[1] = factor
    assert alarms(training.run(100))[0] == ("updates_too_large", layer(1))


def test_not_of_weights_that_start_at_zero():
    """The first updates are all there is of an output layer that starts at zero."""
    training = Training()
    training.weights[-1][:] = 0
    assert alarms(training.run(100)) == []


def test_not_of_a_restart():
    """A learning rate that restarts moves all layers alike, and was there before."""

    def rate(step):
        return 1e-2 * (1 - (step % 40) / 40)

    assert alarms(Training(rate=rate).run(160)) == []
