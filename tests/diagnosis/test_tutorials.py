"""Small trainings as tutorials have them are healthy: the diagnosis is silent, live and after."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

import gtlog

_BATCH = 64


def line():
    """A noisy line, with its two weights."""
    x = np.random.RandomState(0).randn(1000, 1)
    return x, 3 * x + 2 + 0.3 * np.random.RandomState(1).randn(1000, 1)


def plane():
    """A noisy plane of five inputs."""
    x = np.random.RandomState(0).randn(1000, 5)
    return x, x @ np.arange(1.0, 6.0)[:, None] + 0.3 * np.random.RandomState(1).randn(1000, 1)


def xor():
    """All of its four examples."""
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


def sine():
    """A curve."""
    x = np.random.RandomState(0).uniform(-3, 3, (2000, 1))
    return x, np.sin(x)


def moons():
    """Two classes that a curve divides."""
    x, y = datasets.make_moons(1000, noise=0.2, random_state=0)
    return x, y[:, None]


def diabetes():
    """Targets of some hundreds, as they come."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return x, y[:, None]


def digits():
    """Ten classes."""
    x, y = datasets.load_digits(return_X_y=True)
    return x / 16, np.eye(10)[y]


def _square(y, outputs):
    return tf.reduce_mean((outputs - y) ** 2)


def _two_classes(y, outputs):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, outputs))


def _classes(y, outputs):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, outputs))


# Data, loss, hidden layers, activation, optimizer, learning rate, steps, every.
TRAININGS = {
    "line, SGD": (line, _square, (), None, "SGD", 0.1, 200, 1),
    "line, Adam": (line, _square, (), None, "Adam", 0.1, 300, 1),
    "plane": (plane, _square, (), None, "SGD", 0.05, 300, 10),
    "xor, tanh": (xor, _two_classes, (4,), "tanh", "SGD", 0.5, 600, 10),
    "xor, sigmoid": (xor, _two_classes, (2,), "sigmoid", "SGD", 1.0, 1000, 10),
    "xor, ever surer": (xor, _two_classes, (8,), "tanh", "Adam", 0.05, 3000, 50),
    "sine": (sine, _square, (32, 32), "tanh", "Adam", 0.01, 500, 10),
    "moons": (moons, _two_classes, (16, 16), "relu", "Adam", 0.01, 400, 10),
    "diabetes": (diabetes, _square, (64, 64), "relu", "Adam", 0.01, 400, 10),
    "digits, softmax": (digits, _classes, (), None, "SGD", 0.5, 300, 10),
    "digits, every step": (digits, _classes, (64, 64), "relu", "Adam", 3e-3, 150, 1),
}


@pytest.mark.no_cover  # trainings: the rules have tests of their own
@pytest.mark.parametrize("name", TRAININGS)
def test_a_tutorial_is_healthy(name, logdir):
    """No warning on the way, which would be an error here; no alarm at the end; the loss falls."""
    data, loss_of, widths, activation, optimizer, rate, steps, every = TRAININGS[name]
    # Keras 3 draws first weights from a seed of its own.
    getattr(tf.keras.utils, "set_random_seed", tf.random.set_seed)(1)
    x, y = (array.astype(np.float32) for array in data())
    layers = [tf.keras.layers.Dense(width, activation) for width in widths]
    model = tf.keras.Sequential(
        [tf.keras.Input(x.shape[1:]), *layers, tf.keras.layers.Dense(y.shape[1])]
    )
    optimizer = getattr(tf.keras.optimizers, optimizer)(rate)

    @gtlog.logged_step(logdir, every=every)
    @tf.function
    def train_step(x, y):
        with gtlog.InstrumentedTape() as tape:
            loss = loss_of(y, model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    random, losses = np.random.RandomState(0), []
    for _ in range(steps):
        rows = random.randint(0, len(x), _BATCH) if len(x) > _BATCH else np.arange(len(x))
        losses.append(float(train_step(x[rows], y[rows])))
    train_step.step_logger.close()
    assert np.mean(losses[-10:]) < 0.7 * losses[0]
    assert [one for one in gtlog.diagnose(logdir) if one.severity == "alarm"] == []
