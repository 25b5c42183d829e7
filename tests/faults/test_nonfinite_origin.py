"""The warning about the first NaN names the part of the step in which it came about."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.advice.nonfinite import FirstNonfinite
from gtlog.graphs import loss_scale
from gtlog.testing import read_events

from ..run_modes.rows.replicas import mirrored_strategy

LAYERS = 4


@pytest.fixture
def layers():
    """Four small layers in a row, `h0/kernel` to `h3/kernel`."""
    return [tf.Variable(tf.eye(2), name=f"h{number}/kernel") for number in range(LAYERS)]


@pytest.fixture(params=["eager", "above", "beneath"])
def build(request, logdir):
    """Decorates a step in one of the ways to run it."""

    def build(step, **options):
        decorate = gtlog.logged_step(logdir, **options)
        return {
            "eager": decorate,
            "above": lambda step: decorate(tf.function(step)),
            "beneath": lambda step: tf.function(decorate(step)),
        }[request.param](step)

    return build


def train_step_of(layers, tape_class=gtlog.InstrumentedTape, factor=1.0, upstream=None):
    """A step of gradient descent on the sum of what the layers make of ones."""

    def train_step():
        with tape_class() as tape:
            x = tf.ones([1, 2]) * factor
            for layer in layers:
                x = x @ layer
            loss = tf.reduce_sum(x)
        for layer, gradient in zip(layers, tape.gradient(loss, layers, upstream)):
            layer.assign_sub(0.01 * gradient)

    return train_step


_OF_NAN = "NaN or infinite"


def said_by(step, calls=1, between=lambda call: None):
    """The one warning that the calls of a step give."""
    with pytest.warns((gtlog.LoggingWarning, gtlog.TrainingWarning)) as caught:
        for call in range(calls):
            between(call)
            step()
    (message,) = [text for text in map(str, (one.message for one in caught)) if _OF_NAN in text]
    return message


def poison(variable):
    """Makes one element NaN."""
    variable.assign([[np.nan, 0.0], [0.0, 1.0]])


def test_a_value_before_the_step(layers, build):
    """A NaN that was in `h3/kernel` before the step is that kernel's, not `h0/kernel`'s."""
    step = build(train_step_of(layers))
    message = said_by(step, 2, lambda call: call == 1 and poison(layers[3]))
    assert message.startswith(
        "At step 1 1 of 4 elements of the value that 'h3/kernel' had before the step are NaN or "
        "infinite: the first NaN or infinite value that was logged. After step 0 it was finite, so "
        "it came between the two steps"
    )
    assert "h0" not in message


def test_a_value_of_steps_that_were_not_logged(layers, build):
    """Where steps in between were not logged, the last one that was logged is named."""
    step = build(train_step_of(layers), every=4)
    message = said_by(step, 5, lambda call: call == 2 and poison(layers[3]))
    assert "After step 0, the last one that was logged, it was finite: it came since" in message


def test_a_value_before_the_first_step(layers, build):
    """Of the first logged step it is said that nothing is known from before it."""
    poison(layers[3])
    assert "gtlog has not seen it after an earlier step" in said_by(build(train_step_of(layers)))


def test_the_forward_pass(layers, build):
    """A loss that is NaN while all values are finite comes from the forward pass."""
    message = said_by(build(train_step_of(layers, factor=np.nan)))
    assert message.startswith(
        "At step 0 the loss is nan: the first NaN or infinite value that was logged. The forward "
        "pass made it, or the data: before the step, the values of all 4 variables that the tape "
        "was asked for were finite."
    )


def test_the_backward_pass(layers, build):
    """Gradients that are NaN while the loss is finite come from the backward pass."""

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            root = tf.sqrt(tf.reduce_sum(layers[1] - layers[1]))  # its gradient is 0 * infinity
            loss = tf.reduce_sum(layers[0]) + root + tf.reduce_sum(layers[2])
        tape.gradient(loss, layers[:3])

    message = said_by(build(train_step))
    assert message.startswith("At step 0 4 of 4 elements of the gradient of 'h1/kernel' are NaN")
    assert "The backward pass made it: the loss is finite" in message
    assert "Of all 3 variables the gradients of 1 are not finite: 'h1/kernel'." in message
    assert "Finite are those of 'h0/kernel', 'h2/kernel'." in message


def test_the_update(layers, build):
    """Values that are NaN after the step although the gradients are finite: the update."""
    first = train_step_of(layers)

    def train_step():
        first()
        poison(layers[2])

    message = said_by(build(train_step))
    assert message.startswith("At step 0 1 of 4 elements of the value of 'h2/kernel' are NaN")
    assert "The update made it: loss, gradient and the value before the update are" in message


def test_a_plain_tape(layers, build):
    """Without an InstrumentedTape it says what cannot be told, and since when."""
    step = build(train_step_of(layers, tf.GradientTape), every=2)
    message = said_by(step, 3, lambda call: call == 2 and poison(layers[0]))
    assert "gtlog has not seen its value before the step; no loss and no gradients" in message
    assert "cannot be told. After step 0, the last one that was logged, it was finite" in message


def test_several_updates(layers, build):
    """Of several updates in one step it is not told which one it was."""

    def train_step():
        for factor in (1.0, np.inf):
            train_step_of(layers, factor=factor)()

    with pytest.warns((gtlog.LoggingWarning, gtlog.TrainingWarning)) as caught:
        build(train_step)()
    (message,) = [str(one.message) for one in caught if "NaN" in str(one.message)]
    assert message.startswith("At step 0 the loss is nan")
    assert "The step made several updates: in which of them it came" in message


def test_a_second_loss_beside_an_update(build):
    """Where an update and a later loss are not finite, both are named."""
    generator, critic = tf.Variable(1.0, name="generator"), tf.Variable(1.0, name="critic")

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = 2.0 * generator
        tape.gradient(loss, generator)
        generator.assign(np.inf)
        with gtlog.InstrumentedTape() as tape:
            loss = generator * critic
        tape.gradient(loss, critic)

    message = said_by(build(train_step))
    assert message.startswith("At step 0 loss/1 is inf")
    assert "the update of 'generator' made NaN or infinite values from finite" in message


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_replicas(wrap, logdir):
    """A value before the step is named in replicas as well."""
    strategy = mirrored_strategy()
    with strategy.scope():
        weights = [tf.Variable(1.0, name=name) for name in ("first", "second")]

    def replica_step():
        with gtlog.InstrumentedTape() as tape:
            loss = weights[0] * weights[1]
        tape.gradient(loss, weights)

    step = gtlog.logged_step(logdir)(wrap(lambda: strategy.run(replica_step)))
    message = said_by(step, 2, lambda call: call == 1 and weights[1].assign(np.nan))
    assert message.startswith(
        "At step 1 1 of 1 elements of the value that 'second' had before the step are NaN"
    )


def test_a_loss_scale_may_overflow(logdir):
    """Where a loss scale may be in the gradients, the warning says what that means."""
    record = gtlog.StepRecord(
        3,
        (1.0,),
        (
            gtlog.VariableRecord(
                "w", "kernel", tf.ones([2]), tf.ones([2]), tf.constant([np.inf, 1.0])
            ),
        ),
        gradient_note=loss_scale.DIVIDED,
    )
    list(gtlog.summaries.scalars()(record))
    message = FirstNonfinite().find(record)
    assert "the optimizer then skips the update and lowers the scale" in message


def test_what_is_finite_is_not_read_again(layers, logdir):
    """While all is finite, no value from before the step is looked at."""
    seen = []

    def summary(record):
        seen.extend(record.variables)
        return gtlog.summaries.scalars()(record)

    gtlog.logged_step(logdir, summaries=[summary])(train_step_of(layers))()
    assert len(seen) == LAYERS
    assert [one.path for one in seen if "before_extremes" in vars(one)] == []
    assert "nonfinite/h0/kernel" not in read_events(logdir).tags
