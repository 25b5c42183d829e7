"""Loss scales: divided out where the graph shows them, said where they may be and do not show."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.precision import LossScaled, eagerly_under_policy, under_policy

_UNSCALED_GRADIENT = [3.0, 4.0]


class Scaled:
    """A weight of two elements whose gradient is `[3, 4]`, and a scale that others multiply by."""

    def __init__(self, scale=2.0**14, name="current_loss_scale", trainable=False):
        self.weight = tf.Variable([1.0, 1.0], name="weight")
        self.scale = tf.Variable(scale, trainable=trainable, name=name)

    def loss(self):
        """7 at first."""
        return tf.reduce_sum(self.weight * tf.constant(_UNSCALED_GRADIENT))

    def step(self, logdir, scaled, **options):
        """A decorated `tf.function` that differentiates `scaled(loss, scale)`."""

        @gtlog.logged_step(logdir, **options)
        @tf.function
        def train_step():
            with gtlog.InstrumentedTape() as tape:
                target = scaled(self.loss(), self.scale)
            tape.gradient(target, [self.weight])

        return train_step


def described(events, tag):
    """The description of a tag."""
    return next(one.description for one in events if one.tag == tag)


@pytest.mark.parametrize(
    "scaled",
    [
        lambda loss, scale: loss * scale,
        lambda loss, scale: scale * loss,
        lambda loss, scale: loss * tf.cast(scale, loss.dtype),
        lambda loss, scale: tf.reduce_mean(tf.reshape(loss, [1]) * scale),
        lambda loss, scale: tf.identity(4.0 * (loss * scale)) / 4.0,
        lambda loss, scale: tf.cast(
            tf.cast(loss, tf.float64) * tf.cast(scale, tf.float64), tf.float32
        ),
    ],
    ids=["right", "left", "cast", "mean", "other factors", "float64"],
)
def test_scale_is_divided_out(scaled, logdir):
    """Where the target is a multiple of the scale, loss and gradients are logged without it."""
    problem = Scaled()
    problem.step(logdir, scaled)()
    events = read_events(logdir)
    np.testing.assert_allclose(events.of("loss")[0], 7.0)
    np.testing.assert_allclose(events.of("gradient_norm")[0], 5.0)
    rows = events.of("gradients/weight")[0]
    assert (rows[0, 0], rows[-1, 1]) == (3.0, 4.0)


@pytest.mark.parametrize("tag", ["loss", "gradient_norm", "gradients/weight"])
def test_descriptions_say_that_it_was_divided_out(tag, logdir):
    """Each tag that a scale is divided out of has that in its description."""
    Scaled().step(logdir, lambda loss, scale: loss * scale)()
    assert "Divided by the loss scale" in described(read_events(logdir), tag)


def test_scale_is_that_of_the_step(logdir):
    """A scale that changes is divided out with the value that it had at each step."""
    problem = Scaled(scale=8.0)
    step = problem.step(logdir, lambda loss, scale: loss * scale)
    for _ in range(3):
        step()
        problem.scale.assign(problem.scale * 2.0)
    assert read_events(logdir).of("loss") == {0: 7.0, 1: 7.0, 2: 7.0}


@pytest.mark.parametrize(
    "problem, scaled",
    [
        (Scaled(name="temperature"), lambda loss, scale: loss * scale),
        (Scaled(trainable=True), lambda loss, scale: loss * scale),
        (Scaled(scale=[2.0**14]), lambda loss, scale: loss * scale),
        (Scaled(), lambda loss, scale: loss + scale),
        (Scaled(), lambda loss, scale: loss * scale**2),
        (Scaled(), lambda loss, scale: loss),
    ],
    ids=["other name", "trainable", "vector", "summand", "square", "unused"],
)
def test_other_factors_stay(problem, scaled, logdir):
    """What is no loss scale, or no factor of the target, is left as `tape.gradient` had it."""
    problem.step(logdir, scaled)()
    events = read_events(logdir)
    expected = float(tf.reduce_sum(scaled(problem.loss(), problem.scale)))
    np.testing.assert_allclose(events.of("loss")[0], expected)
    assert "loss scale" not in described(events, "gradients/weight")


def test_scale_from_around_a_branch(logdir):
    """A scale is found from inside a `tf.cond`, where its variable is captured twice over."""
    problem = Scaled()

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step():
        def branch():
            with gtlog.InstrumentedTape() as tape:
                target = problem.loss() * problem.scale
            tape.gradient(target, [problem.weight])
            return target

        return tf.cond(problem.weight[0] > 0.0, branch, lambda: 0.0)

    train_step()
    assert read_events(logdir).of("loss") == {0: 7.0}


def test_rows_of_an_embedding(logdir):
    """`tf.IndexedSlices` are divided too."""
    table = tf.Variable(tf.ones([5, 2]), name="embedding")
    scale = tf.Variable(2.0**10, trainable=False, name="dynamic_scale")

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            target = tf.reduce_sum(3.0 * tf.gather(table, [1, 4])) * scale
        assert isinstance(tape.gradient(target, table), tf.IndexedSlices)

    train_step()
    rows = read_events(logdir).of("gradients/embedding")[0]
    assert (rows[0, 0], rows[-1, 1], rows[:, 2].sum()) == (3.0, 3.0, 4.0)


def test_small_float16_gradients_are_kept(logdir):
    """A float16 gradient is widened before it is divided: it stays what the scale has saved."""
    weight = tf.Variable(tf.ones([2], tf.float16), name="weight")
    scale = tf.Variable(2.0**14, trainable=False, name="loss_scale")

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(tf.cast(weight, tf.float32)) * 2.0**-26
            target = loss * scale
        tape.gradient(target, weight)

    train_step()
    np.testing.assert_allclose(
        read_events(logdir).of("gradient_norm")[0], np.sqrt(2.0) * 2.0**-26, rtol=1e-6
    )


class Overflowing(LossScaled):
    """The third batch is so large that its gradients overflow float16."""

    def batches(self):
        """Five batches."""
        return [(1e4 * x if k == 2 else x, y) for k, (x, y) in enumerate(super().batches())]


@pytest.fixture(params=["graph", "eager"])
def overflown(request, logdir):
    """The events of a run whose optimizer skipped step 2, and the weights after each step."""
    task, weights = Overflowing(), []

    def run(task, log):
        def train_step(x, y):
            return task.train(gtlog.InstrumentedTape, x, y)

        step = tf.function(train_step) if request.param == "graph" else train_step
        step = log(step)
        for x, y in task.batches():
            step(tf.constant(x), tf.constant(y))
            weights.append(task.weights())
        step.step_logger.close()

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Keras computes in float16", gtlog.LoggingWarning)
        warnings.filterwarnings("ignore", ".* are NaN or infinite", gtlog.LoggingWarning)
        under_policy(run, task, gtlog.logged_step(logdir))
    return read_events(logdir), weights


def test_a_skipped_step_is_logged_as_skipped(overflown):
    """Where gradients overflow and the optimizer skips the update, the update ratio is 0."""
    events, weights = overflown
    for before, after in zip(weights[1], weights[2]):
        np.testing.assert_array_equal(before, after)
    ratios = events.of("update_ratio")
    assert [ratios[step] == 0.0 for step in range(5)] == [False, False, True, False, False]


def test_gradients_that_overflowed_are_counted(overflown):
    """`nonfinite/` has the overflown gradients of the skipped step, and of no other."""
    events, _ = overflown
    (tag,) = [tag for tag in events.tags if tag.startswith("nonfinite/") and "conv/kernel" in tag]
    assert list(events.of(tag)) == [2]


def test_an_eager_run_says_that_scales_may_be_in_it(logdir):
    """Eagerly the scale stays in losses and gradients, and their descriptions say so."""
    task = LossScaled()

    class Log:
        tape = gtlog.InstrumentedTape
        decorate = gtlog.logged_step(logdir)

    with pytest.warns(gtlog.LoggingWarning, match="cannot see whether the loss was multiplied"):
        losses = eagerly_under_policy(task, Log)
    events = read_events(logdir)
    np.testing.assert_allclose(events.of("loss")[0], 2.0**8 * losses[0], rtol=1e-6)
    for tag in ("loss", "gradient_norm", "gradients/"):
        (first, *_) = [one for one in events.tags if one.startswith(tag)]
        assert "if the step multiplied its loss" in described(events, first)
