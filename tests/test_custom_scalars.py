"""The layout of charts for TensorBoard's tab "custom scalars"."""

import re

import pytest
import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2

import gtlog
from gtlog import summaries, tags
from gtlog.summaries.chart_layout import layout
from gtlog.testing import read_events

from .tab.server import LOADERS, running

NORMS = ("gradient_norm", "weight_norm", "update_ratio")


@pytest.fixture(name="logdir", scope="module")
def _logdir(tmp_path_factory):
    """A log directory of three steps of a small model, with the layout."""
    folder = tmp_path_factory.mktemp("layout") / "logs" / "run"
    weights = [tf.Variable([[1.0, 2.0]], name=f"net/dense_{k}/kernel") for k in range(2)]
    chosen = [summaries.scalars(per_variable=True), summaries.custom_scalars_layout(True)]

    @gtlog.logged_step(str(folder), summaries=chosen)
    def step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weights[0] * weights[1])
        for weight, gradient in zip(weights, tape.gradient(loss, weights)):
            weight.assign_sub(0.1 * gradient)

    for _ in range(3):
        step()
    step.step_logger.close()
    return folder


def read(per_variable):
    """The layout as TensorBoard's own protocol buffer."""
    return layout_pb2.Layout.FromString(layout(per_variable))


@pytest.mark.parametrize("per_variable, charts", [(False, [4]), (True, [4, 3])])
def test_bytes_are_those_of_tensorboard(per_variable, charts):
    """TensorBoard reads the layout, and would write the same bytes."""
    message = read(per_variable)
    assert message.SerializeToString() == layout(per_variable)
    assert [len(category.chart) for category in message.category] == charts
    assert all(one.title and one.multiline.tag for two in message.category for one in two.chart)


@pytest.mark.parametrize(
    "tag, found",
    [
        (tags.loss(), ["Loss"]),
        (tags.loss("critic"), ["Loss"]),
        (tags.of_step(tags.WEIGHT_NORM), ["Weight norm"]),
        (tags.of_step(tags.WEIGHT_NORM, "critic"), ["Weight norm", "Weight norm"]),
        (tags.of_step(tags.UPDATE_RATIO, "net/dense/kernel"), ["Update ratio"]),
        (tags.gradients("net/dense/kernel"), []),
        ("loss_of_my_own", []),
    ],
)
def test_which_tag_is_in_which_chart(tag, found):
    """Each number that `scalars` writes has its chart, and nothing else has one."""
    charts = [chart for category in read(True).category for chart in category.chart]
    # As TensorBoard's plugin does: from the beginning of the tag on.
    assert [one.title for one in charts if re.match(one.multiline.tag[0], tag)] == found


def test_it_is_written_once(logdir):
    """The layout stands at the first logged step alone, and reads back as it went in."""
    values = read_events(logdir).of("custom_scalars__config__")
    assert list(values) == [0] and values[0].item() == layout(True)


def test_one_logger_each():
    """Each summary writes its own; a parameter that is no bool is told so."""
    assert len(list(summaries.custom_scalars_layout()(None))) == 1
    with pytest.raises(TypeError, match="per_variable must be a bool, got 1"):
        summaries.custom_scalars_layout(per_variable=1)
    with pytest.raises(TypeError, match="layout must be bytes, got"):
        gtlog.values.ChartLayout("tag", "text")


@pytest.mark.parametrize("loader", LOADERS)
def test_tensorboard_draws_it(logdir, tmp_path, loader):
    """A real server has the layout, and each chart's expression finds its tags."""
    with running(logdir.parent, tmp_path / "server", loader=loader) as server:
        route = "data/plugin/custom_scalars"
        served = server.wait_for(lambda: server.get(f"{route}/layout").json)
        assert [len(category["chart"]) for category in served["category"]] == [4, 3]
        for chart, kind in zip(served["category"][1]["chart"], NORMS):
            (expression,) = chart["multiline"]["tag"]
            found = server.get(f"{route}/scalars", run="run", tag=expression).json
            assert found["regex_valid"] and set(found["tag_to_events"]) == {
                f"{kind}/net/dense_{k}/kernel" for k in range(2)
            }
