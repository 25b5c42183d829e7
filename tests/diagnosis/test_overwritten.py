"""Overwritten: the value moved, and the updates do not explain it."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training, make_table


@pytest.mark.parametrize("every", [1, 10, 25])
def test_set_back_to_the_first_value(every):
    """A layer that is set back once is named, with the logged step after it."""
    first = {}

    def reset(training, step):
        first.setdefault("value", training.weights[1].copy())
        if step == 160:
            training.weights[1] = first["value"].copy()

    table = Training(before_step=reset, rate=3e-3).run(250, every)
    assert alarms(table) == [("overwritten", layer(1))]
    assert 160 <= judge(table)[0].first_step < 160 + 2 * every


def test_replaced_by_other_values():
    """New random weights of the same size are found as well."""

    def replace(training, step):
        if step == 80:
            training.weights[2] = training.random.permutation(training.weights[2].ravel()).reshape(
                training.weights[2].shape
            )

    assert alarms(Training(before_step=replace).run(150)) == [("overwritten", layer(2))]


def test_not_of_an_average_that_all_layers_take():
    """Weights that are set to their average, all alike, are healthy."""
    average = {}

    def swap(training, step):
        for place, weight in enumerate(training.weights):
            average[place] = 0.9 * average.get(place, weight) + 0.1 * weight
            if step % 50 == 49:
                training.weights[place] = average[place].copy()

    assert alarms(Training(before_step=swap, rate=3e-3).run(200)) == []


def test_not_of_a_restart():
    """A learning rate that restarts moves the weights further, by their updates."""

    def rate(step):
        return 1e-2 * (1 - (step % 40) / 40) ** 2

    assert alarms(Training(rate=rate).run(200)) == []
    assert alarms(Training(rate=rate).run(400, 40)) == []


def test_set_back_to_an_old_checkpoint():
    """A layer that is set back to what it was later than at first is named."""
    old = {}

    def reset(training, step):
        if step == 60:
            old["value"] = training.weights[1].copy()
        if step == 180:
            training.weights[1] = old["value"].copy()

    table = Training(before_step=reset, rate=3e-3).run(250, 5)
    assert alarms(table) == [("overwritten", layer(1))]


def walked(steps, size=0.02, update=0.001):
    """The vitals of kernels that go these ways between logged steps, five training steps apart."""
    table = Training().run(5 * (len(steps[0]) + 1), 5)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    for number, way in enumerate(steps):
        columns["value_rms"][2 * number] = size
        columns["update_rms"][2 * number] = update
        for projection in range(4):
            columns[f"sketch_{projection}"][2 * number] = np.cumsum([0.0, *way])
    return make_table(table.steps, table.variables, columns, table.step_values)


@pytest.mark.parametrize("straight, found", [(0.0105, ["overwritten"]), (0.0054, [])])
def test_not_of_updates_that_lead_back(straight, found):
    """A way back that these updates make when all agree is healthy; a longer one is not."""
    rest = [0.0021, -0.0021] * 15
    way = [0.0003, -0.0003] * 10 + [straight / 2, straight / 2, -straight] + [0.0003, -0.0003] * 3
    table = walked([rest, [*way, 0.0], rest, rest])
    assert [fault for fault, _ in alarms(table) if fault == "overwritten"] == found


@pytest.mark.parametrize("leap, found", [(0.0195, []), (0.03, ["overwritten"])])
def test_not_of_a_burst_of_updates(leap, found):
    """Updates in a burst between two logged steps lead somewhat farther than they show."""
    rest = [0.0021, -0.0021] * 15
    way = [0.0003, -0.0003] * 10 + [leap] + [0.0003, -0.0003] * 4 + [0.0]
    table = walked([rest, way, rest, rest])
    assert [fault for fault, _ in alarms(table) if fault == "overwritten"] == found


@pytest.mark.parametrize("others, found", [(0.0001, ["overwritten"]), (0.002, [])])
def test_a_jump_as_far_as_all_updates_could_carry(others, found):
    """Where small updates never did so before, and the other kernels do not, it is a jump."""
    rest = [others, -others] * 15
    way = [0.0001, -0.0001] * 10 + [0.0065] + [0.0001, -0.0001] * 4 + [0.0]
    table = walked([rest, way, rest, rest], update=0.0005)
    assert [fault for fault, _ in alarms(table) if fault == "overwritten"] == found


def test_a_layer_that_is_set_to_zeros():
    """Units that are dead after it do not hide it."""

    def zero(training, step):
        if step == 80:
            training.weights[1] *= 0.0

    assert alarms(Training(before_step=zero).run(150, 3))[0] == ("overwritten", layer(1))
