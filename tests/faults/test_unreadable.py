"""What cannot be read in a step costs itself alone, is said once, and all else is written."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.records import collected as capture
from gtlog.records import step_record as record
from gtlog.summaries import Scalar
from gtlog.tensors import gradients
from gtlog.testing import read_events
from gtlog.variables.registry import registry as variables

from ..steps_in_ways import WAYS

STEPS = 3


class Fault(Exception):
    """What the planted faults raise."""


@pytest.fixture
def net():
    """Two variables, of which the second is the one that cannot be read."""
    return [tf.Variable([3.0, 4.0], name="good"), tf.Variable([1.0, 2.0], name="bad")]


def train(net):
    """One step of gradient descent."""
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(net[0] ** 2) + tf.reduce_sum(net[1] ** 2)
    for variable, gradient in zip(net, tape.gradient(loss, net)):
        variable.assign_sub(0.1 * gradient)
    return loss


def run(way, net, logdir, **options):
    """Trains, and returns the events and the warnings that were given."""
    step = WAYS[way](gtlog.logged_step(logdir, **options), lambda: train(net))
    with pytest.warns(gtlog.LoggingWarning) as warned:
        for _ in range(STEPS):
            step()
    return read_events(logdir), [str(one.message) for one in warned]


def fail_for(monkeypatch, module, name, is_meant):
    """Plants a fault into a function, for the arguments that are meant."""
    function = getattr(module, name)

    def faulty(*arguments):
        if is_meant(*arguments):
            raise Fault("planted")
        return function(*arguments)

    monkeypatch.setattr(module, name, faulty)


def assert_all_but(events, missing):
    """Asserts that each step has all that a healthy run writes, without what is missing."""
    expected = {"weights/good", "weights/bad", "gradients/good", "gradients/bad", "loss"}
    expected |= {"gradient_norm", "weight_norm", "update_ratio", "gtlog/steps"}
    for tag in expected - missing:
        assert list(events.of(tag)) == list(range(STEPS)), tag
    assert missing.isdisjoint(events.tags)


@pytest.mark.parametrize("way", ["eager", "above"])
def test_a_variable_after_the_update(way, net, logdir, monkeypatch):
    """A variable whose value cannot be read is missing; the other has all its tags."""

    def is_meant(known):  # a graph reads the value before the update while it is traced
        return known.path == "bad" and tf.executing_eagerly()

    fail_for(monkeypatch, variables.KnownVariable, "read", is_meant)
    events, warned = run(way, net, logdir)
    assert_all_but(events, {"weights/bad", "gradients/bad"})
    np.testing.assert_allclose(
        events.of("weight_norm")[STEPS - 1], np.linalg.norm(net[0].numpy()), rtol=1e-6
    )
    assert [text for text in warned if "read the variable 'bad' at step 0" in text]


def test_a_value_before_the_update(net, logdir, monkeypatch):
    """A value that cannot be read before the update costs the ratio of that variable alone."""
    asked = []

    def is_meant(known):
        asked.append(known.path)
        return known.path == "bad" and asked.count("bad") % 2 == 1

    fail_for(monkeypatch, variables.KnownVariable, "read", is_meant)
    events, warned = run("eager", net, logdir)
    assert_all_but(events, set())
    assert len(warned) == 1
    assert "read the variable 'bad' before the update" in warned[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_gradient(way, net, logdir, monkeypatch):
    """A gradient that cannot be summed up is missing; all else is there."""
    bad = net[1]
    fail_for(
        monkeypatch,
        gradients,
        "total",
        lambda parts: np.allclose(parts[0], 2 * bad) or np.allclose(parts[0], 2.5 * bad),
    )
    events, warned = run(way, net, logdir)
    assert_all_but(events, {"gradients/bad"})
    assert len(warned) == 1
    assert "read the gradient of 'bad' at step 0" in warned[0]


@pytest.mark.parametrize("way", WAYS)
def test_numbers_of_one_variable(way, net, logdir, monkeypatch):
    """A variable whose statistics fail costs none of the others theirs, in no summary."""
    fail_for(
        monkeypatch,
        record,
        "array_of",
        lambda tensor: tensor.shape == (2,) and bool(tf.reduce_all(tensor == net[1])),
    )
    events, warned = run(way, net, logdir)
    assert_all_but(events, {"weights/bad"})
    assert [text for text in warned if "read the variable 'bad' at step 0" in text]


@pytest.mark.parametrize("way", WAYS)
def test_a_loss(way, net, logdir, monkeypatch):
    """A loss that cannot be read is missing; all else is there."""
    fail_for(monkeypatch, capture, "array_of", lambda tensor: tensor.shape.rank == 0)
    events, warned = run(way, net, logdir)
    assert_all_but(events, {"loss"})
    assert len(warned) == 1
    assert "read the loss" in warned[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_summary(way, net, logdir):
    """A summary that raises keeps what it yielded before; the others are written whole."""

    def breaks(record):
        yield Scalar("before", 1.0)
        raise Fault("planted")

    stock = [gtlog.summaries.histograms(), gtlog.summaries.scalars(), gtlog.summaries.vitals()]
    events, warned = run(way, net, logdir, summaries=[breaks, *stock])
    assert_all_but(events, set())
    assert list(events.of("before")) == list(range(STEPS))
    assert len(warned) == 1
    assert "run the summary" in warned[0] and "breaks" in warned[0]


def test_a_value_that_no_summary_may_yield(net, logdir):
    """What is no value is said; the values after it are written."""

    def careless(record):
        yield 3.0
        yield Scalar("after", 1.0)

    events, warned = run("eager", net, logdir, summaries=[careless])
    assert list(events.of("after")) == list(range(STEPS))
    assert len(warned) == 1
    assert "3.0" in warned[0]
