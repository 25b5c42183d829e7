"""Vanishing gradients: the layer nearest to the loss that next to none reaches."""

import pytest

from .judged import alarms, layer
from .training import Training


@pytest.mark.parametrize("every", [1, 10])
def test_since_a_step(every):
    """A layer whose backward signal is cut to a thousandth from a step on is named."""

    def cut(training, step):
        training.scale_gradient[2] = 1e-4 if step >= 60 else 1.0

    table = Training(before_step=cut).run(150, every)
    assert alarms(table) == [("vanishing_gradients", layer(1))]


def test_from_the_start():
    """A chain of saturating layers is found without any step before."""
    training = Training(activation="sigmoid", sizes=(10,) + (32,) * 8 + (4,))
    ((fault, _),) = alarms(training.run(100))
    assert fault == "vanishing_gradients"


def test_not_of_a_run_that_converges():
    """Gradients that fall in all layers alike, because the loss does, are healthy."""
    training = Training(rate=3e-3)
    x, labels = training.data()
    training.change_data = lambda *_: (x, labels)
    table = training.run(400, 4)
    assert table.step_values["loss"][-1] < 1e-3
    assert alarms(table) == []


def test_not_of_three_sigmoid_layers():
    """A short chain of sigmoids passes its gradient on well enough."""
    table = Training(activation="sigmoid", rate=1e-2).run(300, 3)
    assert alarms(table) == []
