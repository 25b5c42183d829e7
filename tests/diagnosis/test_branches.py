"""Layers that are not all of one chain: branches, experts, heads, what is added to each example."""

import numpy as np
import pytest

from gtlog.diagnosis.evidence import Evidence
from gtlog.diagnosis.judge import judge
from gtlog.vitals.table import VariableRow

from .judged import alarms, layer, notes
from .training import Training, make_table

SECOND = slice(2, 4)  # rows of the kernel and the bias of the second layer


def changed(table, change, variables=None):
    """The table with other columns, and with other variables where given."""
    columns = {name: np.array(table.column(name)) for name in table.columns}
    change(columns)
    return make_table(table.steps, variables or table.variables, columns, table.step_values)


def without_gradient(first, last=None):
    """The second layer gets exactly nothing from one logged step to another."""

    def change(columns):
        columns["gradient_rms"][SECOND, first:last] = 0.0
        columns["update_rms"][SECOND, first:last] = 0.0
        columns["dead_units"][2, first:last] = 1.0

    return change


def with_router(table):
    """The variables of the table with two more layers like the second, and a router before it."""
    shape = table.variables[2].shape
    router = (shape[0], 3)
    more = {0: router, 4: shape, 6: shape}
    return [
        row._replace(shape=more[place]) if place in more else row
        for place, row in enumerate(table.variables)
    ]


@pytest.mark.parametrize("every", [1, 10])
def test_a_branch_that_ceases_to_get_a_gradient(every):
    """A layer that gets nothing from a step on, while those before and after it do, is named."""
    table = Training().run(160, every)
    first = 80 // every
    table = changed(table, without_gradient(first))
    (finding,) = judge(table)
    assert (finding.fault, finding.layer) in (
        ("vanishing_gradients", layer(1)),
        ("dead_units", layer(1)),
    )
    assert finding.first_step == 80


def test_not_of_an_expert_that_gets_no_examples_any_more():
    """An expert of three, with a router that has the same inputs, may get nothing to the end."""
    table = Training().run(160)
    assert alarms(changed(table, without_gradient(80), with_router(table))) == []


def test_not_of_a_branch_without_a_gradient_for_some_steps():
    """A layer that is left out by chance now and then may be left out at the end."""
    table = Training().run(160)

    def change(columns):
        for first in (*range(3, 150, 12), 156):
            without_gradient(first, first + 5)(columns)

    assert alarms(changed(table, change)) == []


def test_a_branch_that_slowly_loses_its_gradient():
    """A layer whose gradient falls to a hundredth, while all others keep theirs, is named."""

    def fade(training, step, of_weights, of_biases):
        of_weights[1] = of_weights[1] * 0.01 ** min(1.0, max(0.0, (step - 60) / 60))

    assert alarms(Training(change_gradients=fade).run(200)) == [("vanishing_gradients", layer(1))]


def test_not_of_layers_beside_a_branch_that_opens():
    """Where one later layer gains a thousandfold at first, those before it have lost nothing."""

    def converge(columns):
        columns["gradient_rms"][:] *= 10 ** -np.linspace(0, 1.4, columns["gradient_rms"].shape[1])
        columns["gradient_rms"][4] *= 10 ** np.linspace(-3, 0, columns["gradient_rms"].shape[1])

    assert alarms(changed(Training().run(160), converge)) == []


def test_a_branch_that_never_gets_a_gradient_and_feeds_a_layer_that_does():
    """A layer that is cut off from the first step on is named, though the one before it learns."""
    table = changed(Training().run(160), without_gradient(0))
    assert alarms(table)[0][0] in ("no_gradient", "dead_units")
    assert alarms(table)[0][1] == layer(1)


@pytest.mark.parametrize("first", [0, 80])
def test_no_alarm_while_a_branch_may_still_be_opened(first):
    """Before the end of a run, a branch without a gradient may have its time still before it."""
    table = changed(Training().run(160), without_gradient(first))
    assert alarms(table, is_whole=False) == []
    assert layer(1) in [name for _, name in notes(table, is_whole=False)]


@pytest.mark.parametrize("is_learned", [True, False])
def test_a_branch_does_not_explain_that_nothing_is_learned(is_learned):
    """A branch with a small gradient from the start on is a note, where the loss stays as well."""
    table = Training(rate=3e-3, shuffled=not is_learned).run(160)

    def weaken(columns):
        columns["gradient_rms"][2] *= 10**-2.3

    expected = ("vanishing_gradients", layer(1)) if is_learned else ("not_learning", None)
    assert alarms(changed(table, weaken)) == [expected]


def test_two_layers_that_start_at_zero():
    """Nothing comes through two kernels of zeros in a row; the first of them is named."""
    training = Training()
    training.weights[1][:] = training.weights[2][:] = 0.0
    assert alarms(training.run(60)) == [("no_gradient", layer(1))]


def test_not_of_one_layer_that_starts_at_zero():
    """One kernel of zeros gets a gradient, and is none after the first update."""
    training = Training(activation="tanh")
    training.weights[2][:] = 0.0
    assert alarms(training.run(60)) == []


def test_the_gates_of_a_recurrent_layer_do_not_die():
    """A recurrent layer without a gradient is cut off; it has no units that could be dead."""
    table = Training().run(160)
    rows = list(table.variables)
    rows[2] = rows[2]._replace(role="recurrent_kernel")
    table = changed(table, without_gradient(0), rows)
    assert "dead_units" not in [one.fault for one in judge(table)]


def test_all_units_of_a_matrix_without_a_known_role():
    """A kernel that a hand-written module calls otherwise is dead where its gradient is zero."""
    training = Training(before_step=lambda one, step: one.biases[2].__setitem__(slice(None), -50.0))
    table = training.run(80)
    rows = [
        row._replace(role="other", path=row.path.replace("kernel", "theta"))
        for row in table.variables
    ]

    def forget(columns):
        columns["dead_units"][:] = np.nan

    assert alarms(changed(table, forget, rows)) == [("dead_units", layer(2))]


def row(path, shape, role="kernel"):
    """A variable of some shape."""
    return VariableRow(path, path.rpartition("/")[0], role, shape, "float32", True, 0)


def evidence_of(*rows):
    """The evidence of a run of two logged steps with these variables."""
    numbered = [one._replace(order=place) for place, one in enumerate(rows)]
    ones = np.ones((len(rows), 2), np.float32)
    columns = {"value_rms": ones, "gradient_rms": ones, "asked": ones}
    return Evidence(make_table([0, 1], numbered, columns, {}))


def test_what_is_added_to_each_example_is_no_kernel():
    """Positions and the token of a class are no kernels, whatever their names are."""
    evidence = evidence_of(
        row("embed/kernel", (16, 20)),
        row("positions", (1, 10, 20), "other"),
        row("head/kernel", (20, 5)),
    )
    assert evidence.kernels.tolist() == [0, 2]


@pytest.mark.parametrize(
    "shape, next_shape, feeds",
    [
        ((20, 20), (20, 4, 5), True),  # to heads
        ((20, 4, 5), (4, 5, 20), True),  # from heads to the output of an attention
        ((4, 5, 20), (20, 60), True),
        ((3, 8, 16), (3, 16, 16), True),  # convolutions over time
        ((20, 7), (20, 60), False),
    ],
)
def test_whose_outputs_are_whose_inputs(shape, next_shape, feeds):
    """Kernels of heads have an axis more, of which either side may be the inputs."""
    evidence = evidence_of(row("a/kernel", shape), row("b/kernel", next_shape))
    assert evidence.connections.feeds_next.tolist() == [feeds, False]


def test_two_directions_feed_what_joins_them():
    """The outputs of two recurrent layers of one shape are joined to one input."""
    evidence = evidence_of(
        row("forward/kernel", (12, 56)),
        row("forward/recurrent_kernel", (14, 56), "recurrent_kernel"),
        row("backward/kernel", (12, 56)),
        row("backward/recurrent_kernel", (14, 56), "recurrent_kernel"),
        row("tag/kernel", (28, 22)),
    )
    assert evidence.connections.fed_by(1) == [4]


@pytest.mark.parametrize("inputs, is_routed", [(24, True), (12, False)])
def test_a_router_has_the_inputs_of_its_experts(inputs, is_routed):
    """Two layers of experts are told by their routers; a narrow layer elsewhere is none."""
    experts = [row(f"{layer}/expert_{n}/kernel", (24, 30)) for layer in "ab" for n in range(4)]
    routers = [row(f"{layer}/router/kernel", (inputs, 4)) for layer in "ab"]
    evidence = evidence_of(routers[0], *experts[:4], routers[1], *experts[4:])
    assert evidence.connections.may_be_routed(2) is is_routed
    assert evidence.connections.may_route(0) is is_routed
