"""Runs of the listed steps, bare and decorated, for the promises to be checked on."""

import dataclasses
from typing import Any, List

import pytest
import tensorflow as tf

import gtlog
from gtlog import _compat
from gtlog.testing import read_events

from .steps import EVERY, SHAPES, Problem, batches


@dataclasses.dataclass
class Run:
    """What one run of a step left behind; a logged one its events too."""

    losses: List[float]
    weights: List[List[Any]]
    traces: int
    step: Any
    events: Any = None


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


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def shape(request):
    """Each supported shape of train_step in turn; its runs are made once for a module."""
    return request.param


@pytest.fixture(scope="module")
def bare(shape):
    """The run without gtlog."""
    return run(shape)


@pytest.fixture(scope="module")
def logged(shape, tmp_path_factory):
    """The decorated run, with the instrumented tape."""
    logdir = str(tmp_path_factory.mktemp("logged"))
    finished = run(shape, gtlog.logged_step(logdir, every=EVERY), gtlog.InstrumentedTape)
    return dataclasses.replace(finished, events=read_events(logdir))


@pytest.fixture(scope="module")
def logged_with_plain_tape(shape, tmp_path_factory):
    """The decorated run, with TensorFlow's own tape."""
    logdir = str(tmp_path_factory.mktemp("plain"))
    with pytest.warns(gtlog.LoggingWarning, match="has seen no gtlog.InstrumentedTape") as caught:
        finished = run(shape, gtlog.logged_step(logdir, every=EVERY))
    assert len(caught) == 1
    return dataclasses.replace(finished, events=read_events(logdir))
