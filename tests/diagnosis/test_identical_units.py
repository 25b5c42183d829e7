"""Identical units: symmetry that training does not break."""

from .judged import alarms, layer
from .training import Training


def test_constant_weights():
    """Layers that start at a constant keep equal units; the first of them is named."""
    training = Training()
    for weight in training.weights:
        weight[:] = 0.1
    assert alarms(training.run(100))[0] == ("identical_units", layer(0))


def test_not_where_the_next_layer_breaks_it():
    """Equal units that get different gradients are equal in the first step alone."""
    training = Training()
    training.weights[1][:] = 0.1
    assert alarms(training.run(100)) == []


def test_not_of_zeros_at_the_start():
    """An output layer of zeros has equal units until its first update."""
    training = Training()
    training.weights[-1][:] = 0
    assert alarms(training.run(100)) == []


def test_not_of_pruned_units():
    """Units of zeros equal each other; they are pruned."""

    def prune(training, step):
        training.weights[1][:, :12] = 0

    assert ("identical_units", layer(1)) not in alarms(Training(after_update=prune).run(100))
