"""Updates too large: of the network, or of one layer."""

import numpy as np
import pytest

from gtlog.diagnosis.judge import judge

from .judged import alarms, layer
from .training import Training, make_table


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


def leaping(before, after, at=62):
    """A learning rate that leaps at a step."""
    return lambda step: before if step < at else after


@pytest.mark.parametrize("every", [1, 5, 10])
@pytest.mark.parametrize("optimizer, rates", [("sgd", (0.05, 10.0)), ("adam", (1e-3, 0.5))])
def test_of_a_leap_between_logged_steps(optimizer, rates, every):
    """A rate that leaps is to blame for the units that are dead at the next logged step."""
    table = Training(optimizer=optimizer, rate=leaping(*rates)).run(150, every)
    (found,) = [one for one in judge(table) if one.severity == "alarm"]
    assert (found.fault, found.layer) == ("updates_too_large", None)
    assert 62 <= found.first_step < 62 + every


def test_a_leap_leaves_no_update_to_be_seen():
    """The test above has a run in which no kernel is updated after the leap."""
    table = Training(optimizer="sgd", rate=leaping(0.05, 10.0)).run(150, 10)
    after = table.column("update_ratio")[::2, list(table.steps).index(80) :]
    assert not (after[:3] > 0).any()
    (found,) = judge(table)
    assert [one.fault for one in found.consequences] == ["dead_units"]


@pytest.mark.parametrize("every", [1, 10])
@pytest.mark.parametrize("optimizer, rates", [("sgd", (2e-3, 0.2)), ("adam", (3e-5, 3e-3))])
def test_not_of_a_stage_with_a_larger_rate(optimizer, rates, every):
    """A rate that is a hundred times as large from a step on is healthy where the run learns."""
    assert alarms(Training(optimizer=optimizer, rate=leaping(*rates)).run(250, every)) == []


def test_not_of_other_weights_for_all_layers():
    """Weights that are all replaced by hand moved as far, and no update is to blame."""

    def replace(training, step):
        if step == 62:
            for place, weight in enumerate(training.weights):
                training.weights[place] = training.random.permutation(weight.ravel()).reshape(
                    weight.shape
                )

    assert ("updates_too_large", None) not in alarms(Training(before_step=replace).run(90, 10))


@pytest.mark.parametrize("every", [1, 5])
def test_not_of_a_rate_that_rises_while_the_loss_falls(every):
    """A plain rate that rises tenfold makes the loss jump for once, and ends below all before."""
    rate = lambda step: 0.05 * 10 ** min(1, max(0, step - 60) / 60)  # noqa: E731
    table = Training(optimizer="sgd", rate=rate).run(200, every)
    assert table.column("update_ratio")[-2].max() > 0.12
    assert alarms(table) == []


@pytest.mark.parametrize("every", [1, 5, 10])
def test_of_a_rate_that_drifts_up(every):
    """A plain rate that rises far too high is of all kernels alike, though one shows it first."""
    rate = lambda step: 0.1 * 25 ** min(1, max(0, step - 60) / 60)  # noqa: E731
    found = alarms(Training(optimizer="sgd", rate=rate).run(200, every))
    assert found[0] == ("updates_too_large", None)


def test_not_of_a_network_that_is_replaced_at_first_and_learns():
    """First updates that replace most kernels do no harm where the loss falls to a hundredth."""
    training = Training(optimizer="sgd", rate=lambda step: 2.0 if step < 4 else 0.1)
    batch = training.data()
    training.change_data = lambda *_: batch
    table = training.run(400)
    assert (table.column("update_ratio")[::2, :2] > 0.12).mean() > 0.5
    assert table.step_values["loss"][-1] < 0.01 * table.step_values["loss"][0]
    assert alarms(table) == []


def test_of_the_first_update_that_blows_a_layer_up():
    """A layer that the first update makes far larger than the others is named, though all learn."""

    def rate(training, step):
        training.rates[1] = 1500.0 if step == 0 else 1.0

    training = Training(before_step=rate, rate=1e-3)
    (finding,) = [one for one in judge(training.run(200, 10)) if one.severity == "alarm"]
    assert (finding.fault, finding.layer, finding.first_step) == ("updates_too_large", layer(1), 0)


def leapt_once(of_loss, others=1.0):
    """The update of the second layer is a hundred times as large at one logged step."""
    table = Training(optimizer="sgd", rate=0.02).run(160, 5)
    columns = {name: np.array(table.column(name)) for name in table.columns}
    columns["update_rms"][2, 18] *= 100.0
    columns["update_ratio"][2, 18] = 0.3
    for row in (0, 4, 6):
        columns["update_rms"][row, 18] *= others
    loss = np.array(table.step_values["loss"])
    loss[18:] *= of_loss
    return make_table(table.steps, table.variables, columns, {"loss": loss})


def test_of_the_rate_of_one_layer_that_leaps():
    """One update that is far larger for the same gradient is enough, if the loss is the worse."""
    (finding,) = judge(leapt_once(2.0))
    assert (finding.fault, finding.layer, finding.first_step) == ("updates_too_large", layer(1), 90)


@pytest.mark.parametrize("of_loss, others", [(1.0, 1.0), (2.0, 100.0)])
def test_not_of_a_leap_without_harm_or_of_all(of_loss, others):
    """It is nothing if the loss goes on to fall, and no fault of a layer if all have leapt."""
    assert ("updates_too_large", layer(1)) not in alarms(leapt_once(of_loss, others))


@pytest.mark.parametrize("optimizer, rate", [("adam", 1e-3), ("momentum", 0.02)])
def test_of_a_rate_that_grows_in_all_layers(optimizer, rate):
    """Where the rates of all layers have grown alike, none is named, whichever is replaced."""
    training = Training(optimizer=optimizer, rate=lambda step: rate * 10 ** (step / 60))
    assert alarms(training.run(180, 5))[0] == ("updates_too_large", None)


@pytest.mark.parametrize("is_spoilt", [True, False])
def test_of_the_first_update_where_nothing_is_learned_afterwards(is_spoilt):
    """A layer that the first update replaces is to blame, where the run then learns nothing."""

    def rate(training, step):
        training.rates[1] = 300.0 if step == 0 and is_spoilt else 1.0

    training = Training(before_step=rate, rate=3e-3, shuffled=True)
    expected = ("updates_too_large", layer(1)) if is_spoilt else ("not_learning", None)
    assert alarms(training.run(160)) == [expected]
