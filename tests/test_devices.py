"""Where variables and operations are on several devices, the same is logged as on one."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
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
