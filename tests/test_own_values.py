"""Numbers and pictures of the user's own are written with the step that they belong to."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy

WAYS = {
    "eager": lambda decorate, step: decorate(step),
    "above": lambda decorate, step: decorate(tf.function(step)),
    "beneath": lambda decorate, step: tf.function(decorate(step)),
    "above XLA": lambda decorate, step: decorate(_compiled(step)),
}


def _compiled(step):
    try:
        return tf.function(step, jit_compile=True)
    except TypeError:  # TensorFlow 2.3
        return tf.function(step, experimental_compile=True)


class Task:
    """One weight, trained towards zero; the step logs it, its parts and a picture."""

    def __init__(self, log=None, tape=gtlog.InstrumentedTape):
        self.log = log
        self.tape = tape
        self.weight = tf.Variable([4.0, 2.0], name="weight")
        self.traces = 0

    def step(self, x):
        """One update."""
        self.traces += 1
        with self.tape() as tape:
            loss = tf.reduce_sum((self.weight * x) ** 2)
        self.weight.assign_sub(0.125 * tape.gradient(loss, self.weight))
        if self.log is not None:
            self.log.scalar("largest", tf.reduce_max(self.weight))
            self.log.histogram("both", self.weight, buckets=3)
            self.log.image("picture", tf.cast(tf.reshape(self.weight, [1, 2, 1]), tf.uint8))
        return loss


@pytest.fixture(params=WAYS)
def way(request):
    """A way to run a step."""
    return WAYS[request.param]


def decorated_by(log):
    """A decorator that makes each call a step of a logger."""

    def decorate(function):
        def step(x):
            with log.step():
                return function(x)

        return step

    return decorate


def test_inside_a_step(way, logdir):
    """Figures are those of each logged step; weights, losses and traces those of the bare run."""
    bare, losses = Task(tape=tf.GradientTape), []
    run = WAYS["beneath"](lambda function: function, bare.step)
    expected = {}
    for number in range(5):
        losses.append(float(run(tf.constant(1.0))))
        expected[number] = bare.weight.numpy()
    task = Task()
    decorated = way(gtlog.logged_step(logdir, every=2), task.step)
    task.log = _logger_of(decorated)
    seen = [float(decorated(tf.constant(1.0))) for _ in range(5)]
    task.log.close()
    events = read_events(logdir)
    assert events.of("largest") == {
        step: float(expected[step].max()) for step in (0, 2, 4)
    }
    assert [rows[:, 2].sum() for rows in events.of("both").values()] == [2.0] * 3
    np.testing.assert_array_equal(
        events.of("picture")[2].reshape(-1), expected[2].astype(np.uint8)
    )
    assert seen == losses
    np.testing.assert_array_equal(task.weight.numpy(), expected[4])


def _logger_of(decorated):
    """The logger of a decorated function, above `tf.function` or beneath."""
    own = getattr(decorated, "step_logger", None)
    return own if own is not None else decorated.python_function.step_logger


def test_between_steps(logdir):
    """A figure that is logged after a step has its number, whether the step is logged or not."""
    log = gtlog.StepLogger(logdir, every=10)
    task = Task()
    step = decorated_by(log)(task.step)
    for number in range(5):
        step(tf.constant(1.0))
        assert log.step_number == number
        log.scalar("validation/loss", number / 2.0)
    log.close()
    events = read_events(logdir)
    assert events.of("validation/loss") == {
        number: number / 2.0 for number in range(5)
    }
    assert list(events.of("loss")) == [0]


def test_before_the_first_step(logdir):
    """What comes before all steps has number 0, and takes no point from step 0."""
    log = gtlog.StepLogger(logdir)
    log.scalar("validation/loss", 1.0)
    decorated_by(log)(Task().step)(tf.constant(1.0))
    log.close()
    events = read_events(logdir)
    assert list(events.of("validation/loss")) == list(events.of("loss")) == [0]


def test_after_steps_of_a_graph(logdir):
    """The number of the step before is that of a loop in a graph, too."""
    task = Task()
    decorated = gtlog.logged_step(logdir)(task.step)
    log = decorated.step_logger

    @tf.function
    def epoch():
        for _ in tf.range(3):
            decorated(tf.constant(1.0))

    epoch()
    log.scalar("validation/loss", 0.5)
    log.close()
    assert list(read_events(logdir).of("validation/loss")) == [2]


def test_in_a_plain_loop(logdir):
    """With a tape that has the logger, a figure belongs to the step that the tape began."""
    log = gtlog.StepLogger(logdir, every=2)
    weight = tf.Variable(3.0, name="weight")
    for number in range(4):
        with gtlog.InstrumentedTape(logger=log) as tape:
            loss = weight**2
        weight.assign_sub(0.25 * tape.gradient(loss, weight))
        log.scalar("twice", 2.0 * weight)
        assert log.step_number == number
    log.close()
    events = read_events(logdir)
    assert events.of("twice") == {0: 3.0, 2: 0.75}


def test_of_replicas_the_first_counts(logdir):
    """Each replica logs the tag: it is written once, as the first one has it."""
    strategy = mirrored_strategy()
    log = gtlog.StepLogger(logdir)
    with strategy.scope():
        weight = tf.Variable(3.0, name="weight")

    @tf.function
    def replica_step():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        log.scalar("replica", tf.cast(number, tf.float32))
        with gtlog.InstrumentedTape() as tape:
            loss = weight**2
        return tape.gradient(loss, weight)

    with log.step():
        strategy.run(replica_step)
    log.close()
    assert list(read_events(logdir).of("replica").values()) == [0.0]


@pytest.mark.parametrize("way", ["eager", "beneath"], indirect=True)
def test_the_last_of_a_step_counts(way, logdir):
    """A tag that a step logs twice has the second value."""
    weight = tf.Variable(1.0, name="weight")

    def step(x):
        log.scalar("part", 1.0 * x)
        log.scalar("part", 2.0 * x)
        return weight.assign_add(x)

    decorated = way(gtlog.logged_step(logdir), step)
    log = _logger_of(decorated)
    decorated(tf.constant(1.0))
    log.close()
    assert list(read_events(logdir).of("part").values()) == [2.0]


class TestBadInput:
    """What cannot be logged."""

    @pytest.mark.parametrize("tag", ["loss", "weights/a", "gtlog/vitals", ""])
    def test_tag(self, logdir, tag):
        """A tag that gtlog writes, or none, is an error that shows it."""
        with pytest.raises(ValueError, match="tag"):
            gtlog.StepLogger(logdir).scalar(tag, 1.0)

    def test_type_of_tag(self, logdir):
        """A tag that is no string is an error that shows it."""
        with pytest.raises(TypeError, match="tag must be a string, got 3"):
            gtlog.StepLogger(logdir).scalar(3, 1.0)

    @pytest.mark.parametrize("way", ["eager", "above", "beneath"], indirect=True)
    def test_value(self, way, logdir):
        """A scalar that is none is said once; the training goes on and all else is logged."""
        weight = tf.Variable([1.0, 2.0], name="weight")

        def step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight**2)
            weight.assign_sub(0.25 * tape.gradient(loss, weight))
            log.scalar("accuracy", weight)
            return loss

        decorated = way(gtlog.logged_step(logdir), step)
        log = _logger_of(decorated)
        with pytest.warns(gtlog.LoggingWarning, match="'accuracy'.*one real number") as caught:
            for _ in range(3):
                decorated()
        log.close()
        assert len(caught) == 1
        assert list(read_events(logdir).of("loss")) == [0, 1, 2]

    def test_outside_of_any_step(self, logdir):
        """In a graph that belongs to no step it is said that nothing is logged."""
        log = gtlog.StepLogger(logdir)

        @tf.function
        def validate():
            log.scalar("validation/loss", tf.constant(1.0))

        with pytest.warns(gtlog.LoggingWarning, match="belongs to no step of its logger"):
            validate()
        log.close()

    def test_closed(self, logdir):
        """After `close` it is said that nothing is written."""
        log = gtlog.StepLogger(logdir)
        log.close()
        with pytest.warns(gtlog.LoggingWarning, match="'validation/loss'.*closed"):
            log.scalar("validation/loss", 1.0)
