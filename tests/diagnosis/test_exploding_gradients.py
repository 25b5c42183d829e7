"""Exploding gradients: the layer nearest to the loss from which they are far larger."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training, make_table


def test_since_a_step():
    """A layer whose backward signal grows a thousandfold is named, not those before it."""

    def grow(training, step):
        training.scale_gradient[2] = 1000.0 ** min(1.0, max(0, step - 50) / 30)

    assert alarms(Training(before_step=grow).run(150)) == [("exploding_gradients", layer(1))]


def test_not_of_one_spike():
    """One outlier in the data that training gets over is healthy."""

    def spike(x, labels):
        training.count_of_data = getattr(training, "count_of_data", 0) + 1
        return (100 * x if training.count_of_data == 80 else x), labels

    training = Training(change_data=spike)
    assert alarms(training.run(160)) == []


def leapt_with_the_loss(factor, of_loss, last=None, every=1):
    """All gradients from step 60 on are larger by a factor, and the loss by another one."""
    table = Training(rate=3e-3).run(160, every)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    first = 60 // every
    columns["gradient_rms"][:, first:last] *= factor
    loss = np.array(table.step_values["loss"])
    loss[first:last] *= of_loss
    return make_table(table.steps, table.variables, columns, {"loss": loss})


@pytest.mark.parametrize("every", [1, 10])
def test_a_loss_that_is_summed_from_some_step_on(every):
    """Where the loss and all gradients leap alike, and keep it, no layer is named."""
    (finding,) = judge(leapt_with_the_loss(300.0, 300.0, every=every))
    assert (finding.fault, finding.layer, finding.first_step) == ("exploding_gradients", None, 60)


@pytest.mark.parametrize("of_loss, last", [(300.0, 62), (5.0, None)])
def test_not_of_a_leap_that_is_over_or_that_the_loss_does_not_share(of_loss, last):
    """A bad batch is over soon; weights that go wrong change loss and gradients differently."""
    found = [
        one
        for one in judge(leapt_with_the_loss(300.0, of_loss, last))
        if "at once and alike" in one.evidence
    ]
    assert found == []


def test_not_of_a_penalty():
    """A gradient that only leads a kernel to zero is that of a penalty: the weights shrink."""

    def penalise(training, step, of_weights, of_biases):
        of_weights[1] = of_weights[1] + 2.0 * training.weights[1]

    training = Training(optimizer="sgd", rate=0.02, change_gradients=penalise)
    assert alarms(training.run(160)) == [("weights_shrinking", layer(1))]
