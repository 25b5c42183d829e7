"""gtlog disturbs nothing: each shape of step is compared with itself undecorated."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .steps import Problem


def test_losses_are_those_of_the_bare_run(bare, logged):
    """Every loss is bit for bit the one of the undecorated run, dropout included."""
    assert bare.losses == logged.losses


def test_weights_are_those_of_the_bare_run(bare, logged):
    """Every weight after every step is bit for bit the one of the undecorated run."""
    for expected, actual in zip(bare.weights, logged.weights):
        for one, other in zip(expected, actual):
            np.testing.assert_array_equal(one, other)


def test_a_plain_tape_is_not_disturbed_either(bare, logged_with_plain_tape):
    """With tf.GradientTape inside, losses and weights are bit for bit the same too."""
    assert bare.losses == logged_with_plain_tape.losses
    np.testing.assert_array_equal(bare.weights[-1][0], logged_with_plain_tape.weights[-1][0])


def test_nothing_is_traced_again(bare, logged):
    """The step has exactly as many traces as undecorated."""
    assert logged.traces == bare.traces


def test_signature_and_name_are_kept(bare, logged):
    """inspect sees the same signature, and the same name where there is one."""
    assert inspect.signature(logged.step) == inspect.signature(bare.step)
    for attribute in ("__name__", "__doc__"):
        assert getattr(logged.step, attribute, None) == getattr(bare.step, attribute, None)


class Diverged(Exception):
    """What a user's step may raise."""


def test_exceptions_of_the_step_pass_through(shape, logdir):
    """An exception of the user's step arrives as from the bare step, and the next one is logged."""
    bare_error, _ = _fail(shape, lambda step: step, tf.GradientTape)
    error, succeed = _fail(shape, gtlog.logged_step(logdir), gtlog.InstrumentedTape)
    assert type(error) is type(bare_error)
    assert "loss is NaN" in str(error)
    assert str(error) == str(bare_error)
    assert not read_events(logdir)
    succeed()
    assert "loss" in read_events(logdir).tags


def _fail(shape, decorate, tape):
    """What a first step raises whose update fails, and a function that runs a second one."""
    problem = Problem()

    def update(gradients):
        raise Diverged("loss is NaN")

    problem.update = update
    step = shape.build(problem, decorate, tape)
    with pytest.raises(Diverged) as caught:
        step(tf.ones([8, 5]), tf.ones([8, 2]))
    del problem.update
    return caught.value, lambda: step(tf.ones([8, 5]), tf.ones([8, 2]))
