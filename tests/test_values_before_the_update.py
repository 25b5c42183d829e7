"""The value before an update is the one that was differentiated, whoever reads it.

Above `tf.function` the host reads it before the call, as long as the graph has not written the
variable by then; everything else is read in the graph.
"""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog

SAID = gtlog.LoggingWarning


@pytest.fixture
def logged(logdir):
    """What each logged step knew of its variables: a list of dicts from path to (before, after)."""
    seen = []

    def keep(record):
        seen.append({one.path: (_copy(one.before), _copy(one.value)) for one in record.variables})
        return ()

    seen_with = {"writer": logdir, "summaries": [keep]}
    return seen, seen_with


def _copy(value):
    return None if value is None else np.array(value)


def variable(value=8.0, name="weight"):
    """A variable to train."""
    return tf.Variable(value, name=name)


def halve(weight):
    """Half of the weight is the gradient of its square, times a quarter."""
    with gtlog.InstrumentedTape() as tape:
        loss = weight**2
    weight.assign_sub(0.25 * tape.gradient(loss, weight))


def gated_branches(function, *args):
    """How many branches gtlog has left in the graph of a `tf.function`."""
    graph = function.get_concrete_function(*args).graph
    branches = [one for one in graph.get_operations() if one.type in ("If", "StatelessIf")]
    return len([one for one in branches if one.name.startswith("gtlog")])


def test_the_graph_has_one_branch_above_it(logged):
    """What the host can read costs the unlogged steps no branch: the gradients' alone is left."""
    seen, options = logged
    weight = variable()
    function = tf.function(lambda: halve(weight))
    step = gtlog.logged_step(**options)(function)
    for _ in range(2):
        step()
    assert gated_branches(function) == 1
    assert seen == [{"weight": (8, 4)}, {"weight": (4, 2)}]


def test_a_value_that_the_step_writes_first_is_read_in_the_graph(logged):
    """A weight that is clipped before it is differentiated is updated from its clipped value."""
    seen, options = logged
    weight = variable()

    @gtlog.logged_step(**options)
    @tf.function
    def step():
        weight.assign(tf.minimum(weight, 6.0))
        halve(weight)

    step()
    assert seen == [{"weight": (6, 3)}]


@pytest.mark.parametrize("writes", ["function", "branch", "loop"])
def test_an_inner_graph_may_write_it_first(writes, logged):
    """Also where a function, a branch or a loop of the graph has written it."""
    seen, options = logged
    weight = variable()

    @tf.function
    def clip():
        weight.assign(tf.minimum(weight, 6.0))

    @gtlog.logged_step(**options)
    @tf.function
    def step(one):
        if writes == "function":
            clip()
        elif writes == "branch":
            if one > 0:
                clip()
        else:
            while one > 0:
                weight.assign_sub(2.0)
                one -= 1
        halve(weight)

    step(tf.constant(1))
    assert seen == [{"weight": (6, 3)}]


def test_inner_graphs_that_read_it_change_nothing(logged):
    """A function, a branch and a loop that only read the variable leave it to the host."""
    _, options = logged
    weight = variable()
    read = tf.function(lambda: weight * 1.0)

    def train_step(one):
        loss = read()
        if one > 0:
            loss += weight
        while one > 0:
            loss += weight
            one -= 1
        halve(weight)
        return loss

    function = tf.function(train_step)
    gtlog.logged_step(**options)(function)(tf.constant(1))
    assert gated_branches(function, tf.constant(1)) == 1


def test_the_second_of_two_updates_starts_where_the_first_ended(logged):
    """Two updates in one step: the record is of the whole way that the variable went."""
    seen, options = logged
    first, second = variable(name="first"), variable(name="second")

    @gtlog.logged_step(**options)
    @tf.function
    def step():
        halve(first)
        halve(second)
        halve(first)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAID)  # several updates: said, and not the matter here
        step()
    assert seen == [{"first": (8, 2), "second": (8, 4)}]


def test_variables_that_the_first_call_makes(logged):
    """Their first value is not known before that call runs, and is logged all the same."""
    seen, options = logged

    class Lazy(tf.Module):
        """Makes its variable when it is called."""

        weight = None

        def __call__(self):
            if self.weight is None:
                self.weight = tf.Variable(8.0, name="weight")
            halve(self.weight)

    step = gtlog.logged_step(**options)(tf.function(Lazy().__call__))
    for _ in range(2):
        step()
    assert [list(one.values()) for one in seen] == [[(8, 4)], [(4, 2)]]


def test_a_trace_on_a_step_that_is_not_logged(logged):
    """The host knows what to read once the step is traced, logged or not, and at each shape."""
    seen, options = logged
    weight = variable()

    @gtlog.logged_step(every=lambda step: step in (1, 3), **options)
    @tf.function
    def step(x):
        halve(weight)
        return x

    for shape in ([1], [1], [2], [2]):
        step(tf.zeros(shape))
    assert seen == [{"weight": (4, 2)}, {"weight": (1, 0.5)}]


def test_a_function_that_another_graph_calls_later(logged):
    """Traced by a call of its own, then called in a larger graph: that graph reads the values."""
    seen, options = logged
    weight = variable()
    step = gtlog.logged_step(**options)(tf.function(lambda: halve(weight)))

    @tf.function
    def two_steps():
        step()
        step()

    step()
    two_steps()
    assert seen == [{"weight": (8, 4)}, {"weight": (4, 2)}, {"weight": (2, 1)}]


def test_a_step_that_calls_it_without_the_decorator_is_told(logged):
    """Nobody has read the values before such a call, which is said once."""
    seen, options = logged
    weight = variable()
    function = tf.function(lambda: halve(weight))
    step = gtlog.logged_step(**options)(function)
    step()
    told = "called without the decorator.*update_ratio is not logged"
    with pytest.warns(SAID, match=told) as said:
        for _ in range(2):
            with step.step_logger.step():
                function()
    assert len(said) == 1
    assert seen == [{"weight": (8, 4)}, {"weight": (None, 2)}, {"weight": (None, 1)}]


def test_a_variable_that_is_gone_costs_itself_alone(logged):
    """The other variables of the step keep their values before the update."""
    seen, options = logged
    weights = [variable(name=name) for name in ("gone", "kept")]

    @gtlog.logged_step(**options)
    @tf.function
    def step(which):
        halve(weights[which])

    step(0)
    weights[0] = None
    for _ in range(2):
        step(1)
    assert [one["kept"] for one in seen if "kept" in one] == [(8, 4), (4, 2)]
