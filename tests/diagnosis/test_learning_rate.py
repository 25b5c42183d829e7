"""What a finding says of the learning rate, where the table of the steps has it."""

import numpy as np
import pytest

from gtlog.diagnosis import faults, learning_rate
from gtlog.diagnosis.judge import judge
from gtlog.diagnosis.sighting import Sighting
from gtlog.vitals.table import VitalsTable

from .training import Training, make_table


def jump(step):
    """A rate that is three hundred times as large from step 50 on."""
    return 1e-3 if step < 50 else 0.3


def with_rates(table, rate, name="learning_rate"):
    """The table with the learning rates of its steps; the simulation leaves them out."""
    rates = np.array([rate(int(step)) for step in table.steps])
    columns = {one: table.column(one) for one in table.columns}
    values = {**table.step_values, name: rates}
    return make_table(table.steps, table.variables, columns, values)


def said(rates, onset, fault=faults.UPDATES_TOO_LARGE, **others):
    """The sentence of a table of 30 logged steps, each second one."""
    steps = np.arange(0, 60, 2)
    values = {"learning_rate": rates, **others}
    table = VitalsTable(steps, (), {}, {name: np.array(one) for name, one in values.items()})
    return learning_rate.sentence(Sighting(fault, onset, "Seen."), table)


def test_of_a_rate_that_jumps():
    """Updates that are too large since the rate is say so, with rate and step."""
    table = Training(rate=jump).run(100)
    (finding,) = judge(with_rates(table, jump))
    assert finding.fault == "updates_too_large"
    assert finding.evidence.endswith("The learning rate went from 0.001 to 0.3 at step 50.")


def test_nothing_else_changes():
    """A log without learning rates has the same findings, but for the sentence."""
    table = Training(rate=jump).run(100)
    (without,), (known,) = judge(table), judge(with_rates(table, jump))
    assert "learning rate went" not in without.evidence
    assert known.evidence.startswith(without.evidence)
    assert (known.fault, known.first_step) == (without.fault, without.first_step)


@pytest.mark.parametrize("rate", [lambda step: 2e-5 * (step + 1), lambda step: 1e-2 * (step % 40)])
def test_healthy_schedules_stay_healthy(rate):
    """A rate that warms up from next to nothing or restarts is no finding by itself."""
    assert judge(with_rates(Training().run(100), rate)) == []


STEADY, JUMPED = [0.01] * 30, [0.01] * 20 + [1.0] * 10


def test_only_around_the_onset():
    """A rate that rose long before or after is not the reason."""
    expected = "The learning rate went from 0.01 to 1 at step 40."
    found = [said(JUMPED, onset) for onset in (10, 18, 19, 20, 23, 24)]
    assert found == ["", "", expected, expected, expected, ""]


def test_in_several_steps():
    """A rate that rises step by step is told with the steps between which it did."""
    rates = [0.01] * 20 + [0.03, 0.09] + [0.09] * 8
    assert said(rates, 21) == "The learning rate went from 0.01 to 0.09 between steps 38 and 42."


@pytest.mark.parametrize(
    "rates",
    [
        STEADY,
        [0.01] * 20 + [0.04] * 10,
        JUMPED[::-1],
        [0.0] * 20 + [1.0] * 10,
        [np.nan] * 30,
    ],
    ids=["steady", "fourfold", "falls", "from zero", "not known"],
)
def test_silent(rates):
    """There is no sentence where the rate did not rise to five times what it was."""
    assert said(rates, 20) == ""


def test_too_small():
    """Updates that become too small go with a rate that fell."""
    found = said(JUMPED[::-1], 10, faults.UPDATES_TOO_SMALL)
    assert found == "The learning rate went from 1 to 0.01 at step 20."


def test_other_faults():
    """Findings of other faults say nothing of it."""
    assert said(JUMPED, 20, faults.VANISHING_GRADIENTS) == ""


def test_of_several_optimizers():
    """Of several optimizers those are named whose rates rose."""
    found = said(STEADY, 20, **{"learning_rate/critic": JUMPED})
    assert found == "The learning rate of `critic` went from 0.01 to 1 at step 40."
