"""Which steps are logged, and under which numbers."""

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events


@pytest.fixture(params=["eager", "above", "beneath"])
def run(request, logdir):
    """Trains `count` steps with a decorated step; returns the logged step numbers."""

    def run(count, before_step=lambda: None, **options):
        weight = tf.Variable(1.0, name="weight")

        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = weight * 2.0
            weight.assign_sub(tape.gradient(loss, weight))

        decorate = gtlog.logged_step(logdir, **options)
        step = {
            "eager": lambda: decorate(train_step),
            "above": lambda: decorate(tf.function(train_step)),
            "beneath": lambda: tf.function(decorate(train_step)),
        }[request.param]()
        for _ in range(count):
            before_step()
            step()
        step.step_logger.close() if request.param != "beneath" else None
        return list(read_events(logdir).of("loss"))

    run.mode = request.param
    return run


def test_every_step_is_logged_by_default(run):
    """Without `every`, each step is logged, the first as step 0."""
    assert run(3) == [0, 1, 2]


def test_every_n(run):
    """`every=N` logs the steps 0, N, 2N."""
    assert run(8, every=3) == [0, 3, 6]


def test_every_may_be_a_callable(run):
    """A callable is asked with the number of each step."""
    assert run(8, every=lambda step: step in (1, 2, 5)) == [1, 2, 5]


def test_an_int_step_resumes(run):
    """With an int, the numbers go on from there, and so does the schedule."""
    assert run(6, step=10, every=4) == [12]


def test_a_variable_numbers_the_steps(run):
    """A variable is read before the step runs."""
    counter = tf.Variable(5, dtype=tf.int64)
    assert run(4, before_step=lambda: counter.assign_add(2), step=counter) == [7, 9, 11, 13]


def test_a_callable_numbers_the_steps(run):
    """A callable is asked before the step runs."""
    numbers = iter([3, 8, 20])
    assert run(3, step=lambda: next(numbers)) == [3, 8, 20]


def test_optimizer_iterations_number_the_steps(logdir):
    """`optimizer.iterations`, which the step itself advances, is read before the update."""
    optimizer = tf.keras.optimizers.SGD(0.1)
    weight = tf.Variable(1.0, name="weight")

    @gtlog.logged_step(logdir, step=optimizer.iterations)
    @tf.function
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = weight * 2.0
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])

    for _ in range(3):
        train_step()
    assert list(read_events(logdir).of("loss")) == [0, 1, 2]


def test_set_step_wins_over_the_own_counter(run):
    """A step set by tf.summary.experimental.set_step numbers the steps."""
    counter = tf.Variable(40, dtype=tf.int64)
    tf.summary.experimental.set_step(counter)
    try:
        assert run(3, before_step=lambda: counter.assign_add(1)) == [41, 42, 43]
    finally:
        tf.summary.experimental.set_step(None)


def test_a_python_number_as_set_step_beneath_tf_function_is_said(logdir):
    """A set Python number would freeze in the trace: gtlog counts itself, and says so."""
    weight = tf.Variable(1.0, name="weight")

    @tf.function
    @gtlog.logged_step(logdir)
    def train_step():
        return weight + 1.0

    tf.summary.experimental.set_step(17)
    try:
        with pytest.warns(gtlog.LoggingWarning, match="Python number"):
            train_step()
        train_step()
    finally:
        tf.summary.experimental.set_step(None)
    assert list(read_events(logdir).of("weights/weight")) == [0, 1]


def test_a_schedule_that_raises_does_not_end_training(run):
    """A failing schedule is said once; its steps are not logged."""

    def every(step):
        if step == 1:
            raise RuntimeError("no such step")
        return True

    with pytest.warns(gtlog.LoggingWarning, match="no such step"):
        assert run(3, every=every) == [0, 2]


def test_repeated_and_backward_steps_are_not_written(run):
    """Steps that TensorBoard would drop points for are left out, and that is said once."""
    numbers = iter([5, 5, 4, 6])
    with pytest.warns(gtlog.LoggingWarning, match="repeat or run backwards") as caught:
        assert run(4, step=lambda: next(numbers)) == [5, 6]
    assert len([one for one in caught if one.category is gtlog.LoggingWarning]) == 1


def test_an_unlogged_step_computes_no_statistics(logdir, monkeypatch):
    """A step that the schedule rejects reduces no tensor."""
    from gtlog import statistics

    weight = tf.Variable([1.0, 2.0], name="weight")
    described = []
    for name in ("extremes", "describe", "histogram"):
        real = getattr(statistics, name)
        monkeypatch.setattr(
            statistics, name, lambda *a, real=real: described.append(1) or real(*a)
        )

    @gtlog.logged_step(logdir, every=2)
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        weight.assign_sub(tape.gradient(loss, weight))

    train_step()
    count = len(described)
    assert count > 0
    train_step()
    assert len(described) == count
