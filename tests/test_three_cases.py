"""Three models that must be right: every event is compared with a computation of its own.

The models are trained with a decorated step. Beside them stand copies of their weights, taken after
each step, and of their gradients, which the step returns. What the events must hold is computed
from these copies, without gtlog's code.
"""

import numpy as np
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .reference import assert_histogram, norm

keras = tf.keras
EVERY, STEPS = 3, 7
LOGGED = [0, 3, 6]


class Trained:
    """A model after a few decorated steps, its events, and copies of its tensors at each step."""

    def __init__(self, layers, x, y, loss_of, logdir, **options):
        keras.backend.clear_session()
        getattr(keras.utils, "set_random_seed", tf.random.set_seed)(11)
        self.model = keras.Sequential(layers)
        optimizer = keras.optimizers.Adam(0.01)

        @gtlog.logged_step(tf.summary.create_file_writer(logdir), every=EVERY, **options)
        @tf.function
        def train_step(x, y):
            with gtlog.InstrumentedTape() as tape:
                loss = loss_of(y, self.model(x, training=True))
            gradients = tape.gradient(loss, self.model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
            return loss, gradients

        self.before, self.after, self.gradients, self.losses = [], [], [], []
        for step in range(STEPS):
            batch = slice(8 * step, 8 * step + 8)
            loss, gradients = train_step(tf.constant(x[batch]), tf.constant(y[batch]))
            self.losses.append(float(loss))
            self.gradients.append([gradient.numpy().copy() for gradient in gradients])
            self.before.append(self.after[-1] if self.after else None)
            self.after.append([value_of(one) for one in self.model.trainable_variables])
        self.events = read_events(logdir)
        self.paths = [
            getattr(one, "path", one.name).split(":")[0] for one in self.model.trainable_variables
        ]

    def assert_common_events(self):
        """Histograms of weights, biases and gradients, and every scalar, at steps 0, N, 2N."""
        for position, path in enumerate(self.paths):
            kind = "biases" if path.endswith("bias") else "weights"
            of_value = self.events.of(f"{kind}/{path}")
            of_gradient = self.events.of(f"gradients/{path}")
            assert list(of_value) == list(of_gradient) == LOGGED
            for step in LOGGED:
                assert_histogram(of_value[step], self.after[step][position])
                assert_histogram(of_gradient[step], self.gradients[step][position])
        for step in LOGGED:
            self._assert_scalars(step)
        assert not [tag for tag in self.events.tags if tag.startswith("nonfinite/")]

    def _assert_scalars(self, step):
        scalars = {one.tag: one.value for one in self.events if one.step == step}
        np.testing.assert_allclose(scalars["loss"], self.losses[step], rtol=1e-6)
        np.testing.assert_allclose(scalars["weight_norm"], norm(self.after[step]), rtol=1e-6)
        np.testing.assert_allclose(scalars["gradient_norm"], norm(self.gradients[step]), rtol=1e-6)
        if step:
            pairs = zip(self.after[step], self.before[step])
            update = norm([after.astype("d") - before for after, before in pairs])
            ratio = update / norm(self.after[step])
            np.testing.assert_allclose(scalars["update_ratio"], ratio, rtol=1e-5)


def value_of(variable):
    """A copy of a variable's value."""
    inner = getattr(variable, "_value", None)
    return (variable if inner is None else inner).numpy().copy()


def sparse_cross_entropy(labels, logits):
    """The usual loss of a classifier."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def test_dense(logdir):
    """784-64-10 with Adam: a histogram each for kernels and biases at steps 0, N, 2N."""
    random = np.random.RandomState(0)
    layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    x, y = random.rand(64, 784).astype("f"), random.randint(0, 10, 64)
    trained = Trained(layers, x, y, sparse_cross_entropy, logdir)
    assert [array.shape for array in trained.after[0]] == [(784, 64), (64,), (64, 10), (10,)]
    trained.assert_common_events()
    assert not [tag for tag in trained.events.tags if tag.startswith(("images/", "gates/"))]


def test_convolution(logdir):
    """Conv2D(32), a second one with 32 channels, Dense: both kernels as images, pixel for pixel."""
    random = np.random.RandomState(0)
    layers = [
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(3),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ]
    x, y = random.rand(64, 28, 28, 1).astype("f"), random.randint(0, 10, 64)
    trained = Trained(layers, x, y, sparse_cross_entropy, logdir)
    trained.assert_common_events()

    first = trained.events.of(f"images/{trained.paths[0]}")
    second = trained.events.of(f"images/{trained.paths[2]}")
    assert list(first) == list(second) == LOGGED
    for step in LOGGED:
        kernel = trained.after[step][0]
        assert kernel.shape == (3, 3, 1, 32)
        tiles = [kernel[:, :, 0, f] for f in range(32)]
        assert_tiles(first[step], tiles, columns=8, bound=np.abs(kernel).max())
        kernel = trained.after[step][2]
        assert kernel.shape == (3, 3, 32, 8)
        tiles = [kernel[:, :, c, f] for c in range(16) for f in range(8)]  # 16 channels at most
        assert_tiles(second[step], tiles, columns=8, bound=np.abs(kernel[:, :, :16]).max())


def assert_tiles(pixels, tiles, columns, bound):
    """Asserts the centre pixel of every weight, for 3x3 tiles of 16 pixels a weight, lines of 2."""
    for index, tile in enumerate(tiles):
        top, left = 2 + index // columns * 50, 2 + index % columns * 50
        for row in range(3):
            for column in range(3):
                expected = colour(float(tile[row, column]), float(bound))
                pixel = pixels[top + 16 * row + 8, left + 16 * column + 8]
                assert np.abs(pixel.astype(int) - expected).max() <= 1
                assert pixel.max() > 100  # none black because it is negative


def colour(value, bound):
    """White at zero, red at the bound, blue at minus the bound."""
    end = np.array((178, 24, 43) if value > 0 else (33, 102, 172))
    return np.rint(255 + abs(value) / bound * (end - 255))


def test_lstm(logdir):
    """LSTM(64) and Dense(1): kernels and bias whole, by gate, and averaged over the input axis."""
    random = np.random.RandomState(0)
    layers = [keras.layers.LSTM(64), keras.layers.Dense(1)]
    x, y = random.randn(64, 5, 3).astype("f"), random.randn(64, 1).astype("f")
    trained = Trained(layers, x, y, lambda y, out: tf.reduce_mean((out - y) ** 2), logdir)
    trained.assert_common_events()

    for position, shape in enumerate([(3, 256), (64, 256), (256,)]):
        path = trained.paths[position]
        for step in LOGGED:
            value = trained.after[step][position]
            assert value.shape == shape
            for k, gate in enumerate("ifco"):
                rows = trained.events.of(f"gates/{path}/{gate}")[step]
                assert_histogram(rows, value[..., 64 * k : 64 * (k + 1)])
            if position < 2:
                means = value.astype("d").mean(axis=0)
                assert_histogram(trained.events.of(f"unit_means/{path}")[step], means)
    assert len([tag for tag in trained.events.tags if tag.startswith("gates/")]) == 12
