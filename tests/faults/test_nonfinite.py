"""NaN and infinity: counted, named once, and kept out of the statistics of all else."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from ..reference import assert_histogram

SIZE = 12
FINITE = np.linspace(-3.0, 4.0, SIZE).astype(np.float32)
POISONED = {
    "one": lambda bad: np.r_[[bad], FINITE[1:]],
    "some": lambda bad: np.where(np.arange(SIZE) % 3 == 0, bad, FINITE),
    "all but one": lambda bad: np.r_[np.full(SIZE - 1, bad), FINITE[-1:]],
    "all": lambda bad: np.full(SIZE, bad),
}


@pytest.fixture(params=["nan", "inf", "-inf"])
def bad(request):
    """A number that is not finite."""
    return np.float32(request.param)


@pytest.fixture(params=list(POISONED))
def poisoned(request, bad):
    """A vector with bad elements, from one to all."""
    return POISONED[request.param](bad).astype(np.float32)


@pytest.fixture(params=["eager", "above", "beneath"])
def build(request, logdir):
    """Decorates a step in one of the ways to run it."""
    decorate = gtlog.logged_step(logdir, model=None)
    return {
        "eager": decorate,
        "above": lambda step: decorate(tf.function(step)),
        "beneath": lambda step: tf.function(decorate(step)),
    }[request.param]


def counted(array):
    """How many elements are not finite."""
    return int(np.sum(~np.isfinite(array)))


def test_weights(poisoned, build, logdir):
    """Bad weights are counted, and the histogram and norm are those of the others."""
    good, weight = tf.Variable(FINITE, name="good"), tf.Variable(FINITE, name="weight")

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(good) + tf.reduce_sum(weight)
        tape.gradient(loss, [good, weight])
        weight.assign(poisoned)

    step, count = build(train_step), counted(poisoned)
    said = (
        rf"^At step 0 {count} of {SIZE} elements of the value of 'weight' are NaN or infinite: the "
        "first NaN or infinite value that was logged"
    )
    with pytest.warns(gtlog.TrainingWarning, match=said) as caught:
        step()
    assert len(caught) == 1
    events = read_events(logdir)
    finite = poisoned[np.isfinite(poisoned)]
    assert events.of("nonfinite/weight") == {0: count}
    assert "nonfinite/good" not in events.tags
    assert_histogram(events.of("weights/weight")[0], finite)
    assert_histogram(events.of("weights/good")[0], FINITE)
    norm = np.sqrt(np.sum(np.square(finite)) + np.sum(np.square(FINITE)))
    assert events.of("weight_norm")[0] == pytest.approx(norm, rel=1e-6)


def test_gradients(poisoned, build, logdir):
    """Bad gradients are counted, and the histogram and norm are those of the others."""
    weight = tf.Variable(FINITE, name="weight")

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            output = tf.identity(weight)
        tape.gradient(output, weight, poisoned)

    step, count = build(train_step), counted(poisoned)
    said = f"^At step 0 {count} of {SIZE} elements of the gradient of 'weight' are NaN or infinite"
    with pytest.warns(gtlog.LoggingWarning, match=said):
        step()
    events, finite = read_events(logdir), poisoned[np.isfinite(poisoned)]
    assert events.of("nonfinite/weight") == {0: count}
    assert_histogram(events.of("gradients/weight")[0], finite)
    norm = np.sqrt(np.sum(np.square(finite)))
    assert events.of("gradient_norm")[0] == pytest.approx(norm, rel=1e-6)


def test_loss(bad, build, logdir):
    """A bad loss is logged as it is, and named."""
    weight = tf.Variable(FINITE, name="weight")

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight) + bad
        tape.gradient(loss, weight)

    with pytest.warns(gtlog.LoggingWarning, match=f"^At step 0 the loss is {bad}: the first"):
        build(train_step)()
    np.testing.assert_equal(read_events(logdir).of("loss"), {0: float(bad)})


def test_one_warning_names_the_first(build, logdir):
    """Of several variables at several steps the first is named, and nothing is said again."""
    variables = [tf.Variable(FINITE, name=name) for name in ("a", "b", "c")]
    number = tf.Variable(0)

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.add_n([tf.reduce_sum(one) for one in variables])
        tape.gradient(loss, variables)
        number.assign_add(1)
        variables[1].assign(tf.where(number >= 3, np.nan, 1.0) * tf.ones([SIZE]))
        variables[2].assign(tf.where(number >= 2, np.nan, 1.0) * tf.ones([SIZE]))

    step = build(train_step)
    with pytest.warns(gtlog.TrainingWarning) as caught:
        for _ in range(5):
            step()
    (warning,) = caught
    assert str(warning.message).startswith("At step 1 12 of 12 elements of the value of 'c' are")
    events = read_events(logdir)
    assert events.of("nonfinite/c") == {step: 12 for step in (1, 2, 3, 4)}
    assert list(events.of("nonfinite/b")) == [2, 3, 4]
