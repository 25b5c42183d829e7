"""Dead units: which layer they are in, and since when."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training, make_table


def shut(number, share, at):
    """A function that gives a share of the units of a layer a large negative bias."""

    def before_step(training, step):
        if step == at:
            bias = training.biases[number]
            bias[: int(share * len(bias))] = -30.0

    return before_step


@pytest.mark.parametrize("share", [1.0, 0.7])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_layer_that_dies(number, share):
    """The layer whose ReLUs shut is named, though its neighbours get no gradient either."""
    table = Training(before_step=shut(number, share, 60)).run(150)
    assert alarms(table) == [("dead_units", layer(number))]
    assert abs(judge(table)[0].first_step - 60) <= 2


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_from_the_start(share):
    """A layer that is shut from the start is told by its bias."""
    table = Training(before_step=shut(1, share, 0)).run(100)
    assert alarms(table) == [("dead_units", layer(1))]


def test_not_of_single_examples():
    """ReLU leaves most units without a gradient where a batch is one example."""
    assert alarms(Training(batch=1).run(150)) == []


def test_not_of_an_expert_that_gets_no_example_at_the_end():
    """A router may send nothing to one of its experts in the last batches; no layer is named."""
    table = Training().run(60)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    columns["dead_units"][2, -3:] = 1.0
    columns["gradient_rms"][2:4, -3:] = 0.0
    assert alarms(make_table(table.steps, table.variables, columns, table.step_values)) == []


def test_units_that_a_bias_shuts_in_a_run_that_has_not_learned_yet():
    """A bias that shuts a layer is named, though the loss is that of a guess from the start."""
    training = Training(before_step=shut(1, 1.0, 60), shuffled=True, rate=3e-3)
    assert alarms(training.run(150)) == [("dead_units", layer(1))]
