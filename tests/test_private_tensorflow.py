"""What TensorFlow keeps private and gtlog asks for is there, and answers as gtlog expects.

One test a probe: where a new TensorFlow moves something, its test says what.
"""

import numpy as np
import tensorflow as tf

from gtlog import _compat


def test_the_variable_watcher_sees_what_is_read():
    """The watcher tells the trainable variables that were read inside it."""
    variable, other = tf.Variable(1.0), tf.Variable(2.0)
    with _compat.variable_watcher() as watcher:
        variable.read_value()
    watched = watcher.watched_variables()
    assert [one is variable for one in watched] == [True]
    assert other is not None


def test_recording_can_be_stopped():
    """A tape does not record what runs while recording is stopped."""
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with _compat.stop_recording():
            y = x * x
    assert tape.gradient(y, x) is None


def test_variables_of_gtlogs_own_live_outside_of_graphs():
    """A variable made while a function is traced, or in a plain graph, is eager."""
    made = []
    tf.function(lambda: made.append(_compat.own_variable(1, tf.int64, "own")) or 0)()
    with tf.Graph().as_default():
        made.append(_compat.own_variable(2, tf.int64, "own"))
    assert [int(one.numpy()) for one in made] == [1, 2]


def test_xla_is_told_from_other_graphs():
    """A graph of a plain tf.function is not compiled by XLA."""
    answers = []
    tf.function(lambda: answers.append(_compat.compiles_with_xla()) or 0)()
    assert answers == [False]


def test_creators_reach_the_graphs_that_are_traced():
    """A creator of variables that is in force is in force in a traced function, and taken out."""

    def creator(next_creator, **arguments):
        return next_creator(**arguments)

    seen = []
    _compat.enter_variable_creator(creator)
    try:
        tf.function(lambda: seen.extend(_compat.variable_creators()) or 0)()
    finally:
        _compat.leave_variable_creator(creator)
    assert creator in seen
    assert creator not in _compat.variable_creators()


def test_a_function_is_made_like_another():
    """The clone of a tf.function has its options, and what surrounds its traces is called."""
    calls = []

    def around(body, args, kwargs):
        calls.append(args)
        return body(*args, **kwargs) + 1.0

    function = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec([])])
    assert float(_compat.function_like(function, around)(3.0)) == 7.0
    assert len(calls) == 1


def test_autograph_is_recognised_as_the_caller():
    """AutoGraph that calls a callable of another package is found on the stack."""
    found = []

    class Callable:
        autograph_info__ = "called as it is"

        def __call__(self):
            found.append(_caller())
            return 0

    def _caller():
        return _compat.called_by_autograph()

    one = Callable()
    tf.function(lambda: one())()
    assert _compat.called_by_autograph() is None
    assert len(found) == 1


def test_vectorized_map_is_recognised():
    """The body of tf.vectorized_map is told from other code that is traced."""
    answers = []

    def body(x):
        answers.append(_compat.is_vectorized())
        return x

    tf.vectorized_map(body, tf.constant([1.0, 2.0]))
    tf.map_fn(body, tf.constant([1.0, 2.0]))
    assert answers[0] is True
    assert answers[-1] is False


def test_a_branch_is_kept_whole():
    """A tf.cond of a graph takes the attribute that has TensorFlow run it as one operation."""

    @tf.function
    def function(x):
        outcome = tf.cond(x > 0.0, lambda: tf.constant(True), lambda: tf.constant(False))
        _compat.keep_whole(outcome)
        return outcome

    graph = function.get_concrete_function(tf.TensorSpec([])).graph
    kinds = ("If", "StatelessIf")
    kept = [one for one in graph.get_operations() if one.type in kinds]
    assert [one.get_attr("_lower_using_switch_merge") for one in kept] == [False]


def test_summaries_of_any_replica(tmp_path):
    """The state that keeps replicas from writing is there, and is restored."""
    with _compat.summaries_of_any_replica():
        assert not tf.summary.should_record_summaries()


def test_variables_are_read_together():
    """One operation reads them all, of whatever type; a later update leaves what was read alone."""
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([[3]]), tf.Variable(4.0, dtype=tf.bfloat16)]
    table = tf.Variable(tf.zeros([100, 4]))
    update = tf.IndexedSlices(tf.ones([1, 4]), tf.constant([0]))
    table.scatter_sub(update)  # from now on TensorFlow updates it where it is
    values = _compat.read_variables([*variables, table])
    expected = [np.array(one.numpy()) for one in (*variables, table)]
    for one in variables:
        one.assign_add(tf.ones_like(one))
    table.scatter_sub(update)
    for value, before in zip(values, expected):
        np.testing.assert_array_equal(value.numpy(), before)


def test_variables_are_numbered_in_the_order_they_are_made():
    """A variable that was made later has a larger number."""
    first, second = tf.Variable(1.0), tf.Variable(1.0)
    assert _compat.creation_number(first) < _compat.creation_number(second)


def test_traces_are_counted():
    """A tf.function says how often it was traced, and what its trace captures."""
    variable = tf.Variable(1.0)
    function = tf.function(lambda x: x * variable)
    function(tf.constant(1.0))
    assert _compat.tracing_count(function) == 1
    (captured,) = _compat.captured_variables(function, (tf.constant(1.0),), {})
    assert captured is variable


def test_each_worker_sums_in_its_own_way():
    """Whether graphs keep the parts of workers can be asked."""
    assert _compat.graphs_keep_parts_of_workers() in (True, False)
