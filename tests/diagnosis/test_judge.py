"""The judge: guards, folding, order, and tables of all kinds."""

import numpy as np
import pytest

from gtlog.diagnosis import judge as judge_module
from gtlog.diagnosis.judge import judge
from gtlog.vitals.table import VariableRow, VitalsTable

from .judged import layer
from .training import Training


def test_rule_that_fails_costs_itself_alone(monkeypatch):
    """Another rule's finding is given all the same, and the failure is said."""

    def fail(evidence):
        raise ZeroDivisionError("planted")

    monkeypatch.setitem(judge_module.RULES, "overwritten", fail)
    table = Training(frozen=(1,)).run(60)
    with pytest.warns(RuntimeWarning, match="'overwritten' failed .* ZeroDivisionError: planted"):
        (finding,) = judge(table)
    assert finding.fault == "not_updated"


def test_what_follows_is_folded():
    """Updates in the wrong direction until nothing is finite are one finding, the end in it."""
    (finding,) = judge(Training(optimizer="sgd", rate=-0.1).run(100))
    assert finding.fault == "ascending"
    assert "nonfinite" in {one.fault for one in finding.consequences}


def test_two_faults_are_two_alarms():
    """Faults that do not follow from each other stand side by side, the earlier first."""

    def replace(training, step):
        if step == 60:
            training.weights[2] = training.random.permutation(training.weights[2].T).T

    found = judge(Training(frozen=(0,), before_step=replace).run(120))
    assert [(one.fault, one.layer) for one in found] == [
        ("not_updated", layer(0)),
        ("overwritten", layer(2)),
    ]


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5])
def test_short_tables(steps):
    """A table of few steps is no reason to fail, nor to alarm."""
    assert judge(Training().run(steps)) == [] if steps else judge(VitalsTable.empty()) == []


def test_tables_without_gradients():
    """Of a run with a plain tape values alone are known: no rule fails or alarms."""
    table = Training().run(60)
    columns = {name: table.column(name) for name in table.columns if name.startswith("value")}
    bare = VitalsTable(table.steps, table.variables, columns, {})
    assert judge(bare) == []


def test_tables_of_nothing_known():
    """A table in which nothing is known is no reason to fail or to alarm."""
    row = VariableRow("net/dense/kernel", "net/dense", "kernel", (3, 4), "float32", True, 0)
    rows = [row, row._replace(path="net/other/kernel", layer="net/other", order=1)]
    columns = {"value_rms": np.full((2, 30), np.nan), "gradient_rms": np.full((2, 30), np.nan)}
    assert judge(VitalsTable(np.arange(30), rows, columns, {"loss": np.full(30, np.nan)})) == []


def test_alternating_variables():
    """Steps that each train one of two networks, as in a GAN, are healthy."""
    first, second = Training(seed=1).run(120), Training(seed=2).run(120)
    table = VitalsTable.empty()
    for step in range(120):
        source, name = (first, "one") if step % 2 else (second, "two")
        rows = [
            row._replace(path=f"{name}/{row.path}", layer=f"{name}/{row.layer}")
            for row in source.variables
        ]
        values = np.stack([source.column(column)[:, step] for column in source.columns], axis=1)
        loss = {f"loss/{name}": source.step_values["loss"][step]}
        table = table.appended(step, rows, values, loss, source.columns)
    assert judge(table) == []


def _jump(training, step):
    training.weights[0] += 5.0 * (step == 20)


@pytest.mark.parametrize(
    "options", [{}, {"rate": 30.0}, {"rate": 1e-9}, {"after_update": _jump}, {"rate": -0.5}]
)
@pytest.mark.parametrize("number", [1, 2, 5, 12, 40])
def test_no_rule_fails_on_one_kernel(options, number):
    """Where a kernel has no peers, each rule abstains or judges it by its past."""
    table = Training(sizes=(4, 2), **options).run(40)
    for is_whole in (False, True):
        judge(table.latest(number), is_whole)  # a rule that fails warns, which is an error here


def test_what_has_not_stood_is_not_said_while_the_run_goes_on():
    """A fault of the last two logged steps may be a spike; at the end of the run it is one more."""

    def cut(training, step):
        training.scale_gradient[2] = 1e-4 if step >= 60 else 1.0

    table = Training(before_step=cut).run(63)
    assert judge(table, is_whole=False) == []
    assert judge(Training(before_step=cut).run(70), is_whole=False)[0].first_step <= 61


@pytest.mark.parametrize("factor, severity", [(1.02, "note"), (1.1, "alarm")])
def test_a_trend_is_a_note_while_the_loss_falls(factor, severity):
    """Weights that grow while a run learns are no alarm until it is over, but with the loss."""

    def grow(training, step):
        training.weights[1] *= factor

    table = Training(after_update=grow).run(100)
    (finding,) = judge(table, is_whole=False)
    assert (finding.fault, finding.severity) == ("weights_growing", severity)
    assert judge(table)[0].severity == "alarm"
