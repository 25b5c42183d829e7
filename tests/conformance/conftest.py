"""Runs of the listed steps, bare and decorated, for the promises to be checked on."""

import dataclasses
from typing import Any, List

import pytest
import tensorflow as tf

import gtlog
from gtlog import _compat

from .steps import EVERY, SHAPES, Problem, batches


@dataclasses.dataclass
class Run:
    """What one run of a step left behind."""

    losses: List[float]
    weights: List[List[Any]]
    traces: int
    step: Any


def run(shape, decorate=lambda step: step, tape=tf.GradientTape):
    """Trains with one shape of step, keeping copies of the weights after every step."""
    problem = Problem()
    step = shape.build(problem, decorate, tape)
    losses, weights = [], []
    for x, y in batches():
        losses.append(step(x, y).numpy())
        weights.append([variable.numpy().copy() for variable in problem.variables])
    traces = _compat.tracing_count(step) if shape.runs_in_graph else 0
    return Run(losses, weights, traces, step)


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.name)
def shape(request):
    """Each supported shape of train_step in turn."""
    return request.param


@pytest.fixture
def bare(shape):
    """The run without gtlog."""
    return run(shape)


@pytest.fixture
def logged(shape, logdir):
    """The decorated run, with the instrumented tape; its events are in `logdir`."""
    return run(shape, gtlog.logged_step(logdir, every=EVERY), gtlog.InstrumentedTape)


@pytest.fixture
def logged_with_plain_tape(shape, logdir):
    """The decorated run, with TensorFlow's own tape; its events are in `logdir`."""
    with pytest.warns(gtlog.LoggingWarning, match="has seen no gtlog.InstrumentedTape") as caught:
        finished = run(shape, gtlog.logged_step(logdir, every=EVERY))
    assert len(caught) == 1
    return finished
