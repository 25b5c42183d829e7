"""Updates too small: of the network, or of one layer."""

import pytest

from .judged import alarms, layer
from .training import Training


def test_of_the_network():
    """A learning rate of one millionth trains nothing, and no layer is named."""
    assert alarms(Training(rate=1e-6).run(100)) == [("updates_too_small", None)]


@pytest.mark.parametrize("optimizer, rate", [("adam", 1e-3), ("sgd", 0.1)])
@pytest.mark.parametrize("factor", [1e-3, 0.03])
def test_of_a_layer(optimizer, rate, factor):
    """A layer with a multiplier of its own is named."""
    training = Training(optimizer=optimizer, rate=rate)
    training.rates[1] = factor
    assert alarms(training.run(100)) == [("updates_too_small", layer(1))]


def test_not_of_a_warm_up():
    """A learning rate that grows from zero is small at first."""
    assert alarms(Training(rate=lambda step: 1e-7 * step).run(60)) == []


def test_not_of_a_schedule_that_ends_at_zero():
    """The largest update of the run counts, not the last."""
    assert alarms(Training(rate=lambda step: 3e-3 * 0.9**step).run(150)) == []


def test_not_of_fine_tuning():
    """Small updates of weights that are good already are healthy."""
    training = Training(rate=3e-3)
    training.run(200, 200)
    training.rate = 1e-5
    assert alarms(training.run(100)) == []


def test_from_scratch():
    """A run that begins at random with updates of 8e-5 and a loss that stays is not fine-tuning."""
    training = Training(sizes=(10, 32, 32, 2), optimizer="sgd", rate=6e-5)
    assert alarms(training.run(100)) == [("updates_too_small", None)]


@pytest.mark.parametrize("lasts, found", [(40, [("updates_too_small", None)]), (120, [])])
def test_updates_that_settle_far_below_any_use(lasts, found):
    """Tiny updates that grow at first are no warm-up; those that grow on to the end may be one."""

    def rate(step):
        return 4e-6 * min(1.0, (step + 1) / lasts)

    assert alarms(Training(rate=rate).run(120)) == found
