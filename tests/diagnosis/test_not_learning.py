"""Not learning: what no layer explains."""

import numpy as np
import pytest

from .judged import alarms, notes
from .training import Training, make_table


def test_shuffled_labels():
    """Labels that do not belong to their inputs are no layer's fault."""
    assert alarms(Training(shuffled=True, rate=3e-3).run(200)) == [("not_learning", None)]


def test_lost_inputs():
    """Inputs that are all zero are said, and no layer is."""
    table = Training(change_data=lambda x, labels: (0 * x, labels), rate=3e-3).run(200)
    assert alarms(table) == [("not_learning", None)]


def test_while_the_run_goes_on_it_is_a_note():
    """A plateau at the start may end."""
    table = Training(shuffled=True, rate=1e-2).run(200)
    assert alarms(table, is_whole=False) == []
    assert notes(table, is_whole=False) == [("not_learning", None)]


def test_not_of_a_run_that_learns_slowly():
    """A loss that falls below that of a guess has learned."""
    table = Training(rate=1e-3, activation="sigmoid").run(300, 3)
    assert np.isfinite(table.step_values["loss"]).all() and alarms(table) == []


def with_loss(loss):
    """The vitals of a healthy training with other losses; `loss` has those of its steps."""
    table = Training(rate=1e-2).run(len(loss))
    columns = {name: table.column(name) for name in table.columns}
    return make_table(table.steps, table.variables, columns, {"loss": loss})


GUESS = np.log(4)
NOISE = np.random.RandomState(0).uniform(-0.1, 0.1, 100)


def test_of_a_loss_that_stays():
    """The losses of the tests below, where they stay at that of a guess, are an alarm."""
    assert alarms(with_loss(GUESS + NOISE)) == [("not_learning", None)]


@pytest.mark.parametrize(
    "loss",
    [np.linspace(2.0, 1.35, 100) + NOISE, 0.93 * GUESS + NOISE / 4],
    ids=["a penalty in it that falls", "a little below a guess"],
)
def test_not_of_a_loss_that_falls_or_has_fallen(loss):
    """Near the loss of a guess may be one that still falls, or one that has learned a little."""
    assert alarms(with_loss(loss)) == []


def test_not_of_few_noisy_losses():
    """Where the losses are too few and too noisy to tell whether they fall, nothing is said.

    All losses of this run show that it learns; each tenth one does not.
    """
    training = Training(rate=3e-4, batch=4)
    every = training.run(220)
    first, last = every.step_values["loss"][:44], every.step_values["loss"][-44:]
    assert np.mean(last) < 0.8 * np.mean(first)
    assert alarms(Training(rate=3e-4, batch=4).run(220, 10)) == []


@pytest.mark.parametrize("level, found", [(0.69, [("not_learning", None)]), (1.0, [])])
def test_two_classes_that_are_told_by_the_product_of_two_layers(level, found):
    """A loss that begins and stays at that of a guess among two is none of a learner."""
    table = Training(shuffled=True, rate=3e-3).run(160)
    loss = level + 0.01 * np.random.RandomState(0).randn(160)
    columns = {name: table.column(name) for name in table.columns}
    assert alarms(make_table(table.steps, table.variables, columns, {"loss": loss})) == found
