"""Where variables and operations are on several devices, the same is logged as on one."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import gtlog
from gtlog import _compat
from gtlog.testing import read_events

PLACES = {
    "variables on the second device": (["/cpu:1", "/cpu:1"], "/cpu:0"),
    "operations on the second device": (["/cpu:0", "/cpu:0"], "/cpu:1"),
    "all on the second device": (["/cpu:1", "/cpu:1"], "/cpu:1"),
    "a variable on each device": (["/cpu:0", "/cpu:1"], "/cpu:0"),
}
WAYS = {
    "eager": lambda decorate, step: decorate(step),
    "above": lambda decorate, step: decorate(tf.function(step)),
    "beneath": lambda decorate, step: tf.function(decorate(step)),
}


def _weights(devices):
    weights = []
    for number, device in enumerate(devices):
        with tf.device(device):
            weights.append(tf.Variable([[1.0, -2.0], [3.0, 0.5]], name=f"weight_{number}"))
    return weights


def _step(weights, place):
    def train_step(x):
        with tf.device(place):
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(tf.matmul(tf.matmul(x, weights[0]), weights[1]) ** 2)
            for weight, gradient in zip(weights, tape.gradient(loss, weights)):
                weight.assign_sub(0.01 * gradient)
        return loss

    return train_step


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("case", list(PLACES))
def test_devices(case, way, logdir):
    """Weights and gradients are logged wherever they are, and the update is the same."""
    devices, place = PLACES[case]
    weights = _weights(devices)
    before = [weight.numpy().astype(np.float64) for weight in weights]
    x = np.array([[0.5, -1.0]])
    summaries = [gtlog.summaries.histograms(), gtlog.summaries.scalars()]
    decorate = gtlog.logged_step(logdir, summaries=summaries)
    WAYS[way](decorate, _step(weights, place))(tf.constant(x, tf.float32))

    output = x @ before[0] @ before[1]
    gradients = [x.T @ (2 * output) @ before[1].T, (x @ before[0]).T @ (2 * output)]
    changes = [-0.01 * gradient for gradient in gradients]
    after = [value + change for value, change in zip(before, changes)]
    events = read_events(logdir)
    assert [weight.device[-5:] for weight in weights] == [device.upper()[1:] for device in devices]
    for weight, value in zip(weights, after):
        np.testing.assert_allclose(weight.numpy(), value, rtol=1e-5)
    for tag, figure in (
        ("gradient_norm", _norm(gradients)),
        ("weight_norm", _norm(after)),
        ("update_ratio", _norm(changes) / _norm(after)),
    ):
        np.testing.assert_allclose(events.of(tag)[0], figure, rtol=1e-5)


def _norm(arrays):
    return np.sqrt(sum(np.sum(array**2) for array in arrays))


def _received_by_host(function, *arguments):
    """Names of the tensors that a graph sends from other devices to the host.

    TensorFlow tells them when the graph runs for the first time.
    """
    context.enable_run_metadata()
    try:
        function(*arguments)
        graphs = context.export_run_metadata().partition_graphs
    finally:
        context.disable_run_metadata()
    host = [node for graph in graphs for node in graph.node if node.device.endswith("CPU:0")]
    return [
        node.attr["tensor_name"].s.decode() for node in host if node.op in ("_Recv", "_HostRecv")
    ]


def test_a_graph_on_a_device_sends_no_gradient_to_the_host(logdir, monkeypatch):
    """Where there is an accelerator, for which a second CPU stands in here, no gradient crosses to
    the host, on a logged step or another; the loss that the step returns does."""
    monkeypatch.setattr(_compat, "computes_on_host_alone", lambda: False)
    weights = _weights(["/cpu:1", "/cpu:1"])
    decorate = gtlog.logged_step(logdir, summaries=[gtlog.summaries.scalars()])
    with tf.device("/cpu:1"):
        x = tf.constant([[0.5, -1.0]])
    received = _received_by_host(decorate(tf.function(_step(weights, "/cpu:1"))), x)
    assert "gradient_norm" in read_events(logdir).tags
    assert any("Sum" in name for name in received)
    assert not [name for name in received if "MatMul" in name]


def test_a_product_that_crosses_to_the_host_is_seen():
    """The test above would see a gradient that crosses: TensorFlow tells of such a tensor."""

    @tf.function
    def step(x):
        with tf.device("/cpu:1"):
            product = tf.matmul(x, x)
        with tf.device("/cpu:0"):
            return tf.reduce_sum(product)

    assert [name for name in _received_by_host(step, tf.ones([2, 2])) if "MatMul" in name]
