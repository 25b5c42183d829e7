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


def test_not_of_first_updates_in_a_run_that_learns():
    """Updates that replace a small first kernel at the start alone do no harm where it learns."""
    training = Training(optimizer="sgd", rate=lambda step: 0.5 if step < 5 else 0.05)
    training.weights[-1] *= 0.1
    table = training.run(150)
    assert (table.column("update_ratio")[-2, :4] > 0.4).all()
    assert alarms(table) == []


def test_not_of_two_weights():
    """A line that is fitted to noise may change its two weights by more than they are."""
    table = Training(sizes=(1, 2), rate=0.3).run(60)
    assert (table.column("update_ratio") > 0.4).any()
    assert alarms(table) == []
