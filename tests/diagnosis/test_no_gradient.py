"""No gradient: None, or exactly zero, from the start."""

import numpy as np
import pytest

from gtlog.vitals.table import VitalsTable

from .judged import alarms, layer, notes
from .training import Training


def with_missing(table, layers, was_read=1.0):
    """The table as if the tape had returned None for the variables of some layers."""
    columns = {name: np.array(table.column(name)) for name in table.columns}
    for place, row in enumerate(table.variables):
        if row.layer in layers:
            for name in columns:
                if name.startswith(("gradient", "dead", "descent")):
                    columns[name][place] = np.nan
            columns["update_rms"][place] = columns["update_ratio"][place] = 0.0
            columns["missing"][place] = 1.0
            columns["was_read"][place] = was_read
    return VitalsTable(table.steps, table.variables, columns, dict(table.step_values))


def test_zero_from_the_start():
    """The last layer before a product with zero is named; those before it follow."""
    training = Training()
    training.scale_gradient[2] = 0.0
    assert alarms(training.run(80)) == [("no_gradient", layer(1))]


@pytest.mark.parametrize("every", [1, 20])
def test_none_from_the_start(every):
    """The last layer before tf.stop_gradient is named: it was read and got None."""
    table = with_missing(Training(frozen=(0, 1)).run(100, every), [layer(0), layer(1)])
    assert alarms(table) == [("no_gradient", layer(1))]


def test_not_of_a_head_that_is_not_read():
    """A variable that the step never reads is not used in this phase."""
    table = with_missing(Training(frozen=(3,)).run(100), [layer(3)], was_read=0.0)
    assert alarms(table) == [] and notes(table) == []


def test_output_that_the_loss_does_not_use_is_a_note():
    """Where nothing after it gets a gradient either, it is an output that may be meant so."""
    table = with_missing(Training(frozen=(3,)).run(100), [layer(3)])
    assert alarms(table) == [] and notes(table) == [("no_gradient", layer(3))]


def test_not_of_zeros_at_the_start():
    """Layers before an output layer of zeros get their first gradient with the second step."""
    training = Training()
    training.weights[-1][:] = 0
    assert alarms(training.run(80)) == []


def test_abstains_without_the_first_steps():
    """A log that begins later does not show what was there from the start."""
    training = Training()
    training.scale_gradient[2] = 0.0
    assert ("no_gradient", layer(1)) not in alarms(training.run(80, first=20))


def test_kernel_that_is_cut_off_alone():
    """A kernel that gets zeros, while its bias and the layer before it do not, is named."""

    def cut(training, step, of_weights, of_biases):
        of_weights[2][:] = 0

    table = Training(change_gradients=cut).run(80)
    assert alarms(table)[0] == ("no_gradient", layer(2))
