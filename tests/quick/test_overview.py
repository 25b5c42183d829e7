"""`summaries.overview()`: what fits a model of many variables."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.summaries import overview
from gtlog.testing import read_events


def train(logdir, summaries, steps):
    """Logs the steps of a small layer."""
    kernel = tf.Variable(np.ones((3, 3, 1, 2), np.float32), name="conv2d/kernel")
    with gtlog.StepLogger(logdir, summaries=summaries, diagnose=False) as log:
        for _ in range(steps):
            with log.step():
                with gtlog.InstrumentedTape() as tape:
                    loss = tf.reduce_sum(kernel**2)
                kernel.assign_sub(0.01 * tape.gradient(loss, kernel))
    return read_events(logdir)


def steps(events, tag):
    """The steps at which a tag was written."""
    return list(events.of(tag))


def descriptions(events, tag):
    """The descriptions under a tag."""
    return {one.description for one in events if one.tag == tag}


def test_vitals_and_scalars_are_written_at_each_logged_step(logdir):
    """The table and the loss are there for every step."""
    events = train(logdir, overview(), 20)
    for tag in ("loss", "weight_norm", "gtlog/vitals", "gtlog/steps"):
        assert steps(events, tag) == list(range(20))


def test_charts_are_written_ever_more_rarely(logdir):
    """Histograms and pictures are there at the first step and when their count has doubled."""
    events = train(logdir, overview(), 20)
    for tag in ("weights/conv2d/kernel", "gradients/conv2d/kernel", "images/conv2d/kernel"):
        assert steps(events, tag) == [0, 1, 2, 4, 8, 16]


def test_charts_follow_a_schedule_that_is_given(logdir):
    """`charts_every` decides on the charts alone."""
    events = train(logdir, overview(charts_every=10), 20)
    assert steps(events, "weights/conv2d/kernel") == [0, 10]
    assert steps(events, "loss") == list(range(20))


def test_each_rare_chart_says_that_steps_are_left_out(logdir):
    """The description of a chart names `overview` and where the other steps are."""
    events = train(logdir, overview(), 1)
    for tag in ("weights/conv2d/kernel", "images/conv2d/kernel"):
        (description,) = descriptions(events, tag)
        assert "summaries.overview()" in description
        assert "gtlog/vitals" in description
    assert "overview" not in str(descriptions(events, "loss"))


def test_a_schedule_of_another_kind_is_refused():
    """What `less_often` refuses is refused when the list is made."""
    with pytest.raises(ValueError, match="every"):
        overview(charts_every=0)
