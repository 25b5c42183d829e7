"""Not updated: a gradient arrives, and the weights are what they were."""

import numpy as np
import pytest

from .judged import alarms, layer, notes
from .training import Training


@pytest.mark.parametrize("every", [1, 10, 40])
def test_layer_that_the_optimizer_forgot(every):
    """A layer that gets gradients and no update is named."""
    table = Training(frozen=(1,)).run(161, every)
    assert alarms(table) == [("not_updated", layer(1))]


def test_while_the_run_goes_on_it_is_a_note():
    """It may be unfrozen later, so it is no alarm before the end."""
    table = Training(frozen=(1,)).run(100)
    assert alarms(table, is_whole=False) == []
    assert notes(table, is_whole=False) == [("not_updated", layer(1))]


def test_not_of_progressive_unfreezing():
    """A layer that is trained from a later step on is healthy."""

    def unfreeze(training, step):
        training.frozen = (0, 1) if step < 50 else (0,) if step < 100 else ()

    assert alarms(Training(before_step=unfreeze).run(150)) == []


def test_not_of_accumulation():
    """Steps that change nothing, because they accumulate, do not count, logged or not."""

    def hold(training, step):
        training.frozen = () if step % 4 == 3 else (0, 1, 2, 3)

    assert alarms(Training(before_step=hold).run(160)) == []
    assert alarms(Training(before_step=hold).run(160, 10)) == []


def test_kernel_that_stands_still_beside_its_bias():
    """A kernel whose updates are lost from some step on, while its bias moves, is named."""

    def lose(training, step):
        if step >= 60:
            training.weights[1] = training.kept.copy()
        training.kept = training.weights[1].copy()

    table = Training(after_update=lose).run(150)
    assert alarms(table) == [("not_updated", layer(1))]


def test_layer_that_is_frozen_later_is_a_note():
    """A whole layer may be frozen on purpose from some step on."""

    def freeze(training, step):
        training.frozen = (0,) if step >= 60 else ()

    table = Training(before_step=freeze).run(150)
    assert alarms(table) == [] and notes(table) == [("not_updated", layer(0))]


def rounded(training, step):
    """Has the weights be those of float32."""
    for values in (training.weights, training.biases):
        values[:] = [value.astype(np.float32).astype(float) for value in values]


def test_not_where_the_update_is_rounded_away():
    """A gradient that has vanished moves no weight of float32: the gradient is what is wrong."""
    training = Training(optimizer="sgd", rate=0.1, after_update=rounded)
    rounded(training, 0)
    training.scale_gradient[2] = 1e-9
    table = training.run(150)
    kernels = [row.order for row in table.variables if row.path.endswith("kernel")]
    assert not table.column("update_rms")[kernels[:2]].any()
    assert "not_updated" not in [fault for fault, _ in alarms(table)]


def test_not_at_the_end_of_a_schedule():
    """A rate that goes to 0 leaves kernels behind that round it away, before their biases."""
    training = Training(
        optimizer="sgd", rate=lambda step: 0.1 if step < 100 else 1e-12, after_update=rounded
    )
    rounded(training, 0)
    assert alarms(training.run(200)) == []


def test_one_of_float32_that_the_optimizer_forgot():
    """Where the update would have been seen, the layer is named in float32 as well."""
    training = Training(optimizer="sgd", rate=0.1, frozen=(1,), after_update=rounded)
    rounded(training, 0)
    assert alarms(training.run(161)) == [("not_updated", layer(1))]
