"""Keras models, on whichever Keras this TensorFlow brings: fit, layers, paths."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .reference import assert_histogram

keras = tf.keras

# Keras 2 converts the gradient of an Embedding where an assignment needs it dense.
pytestmark = pytest.mark.filterwarnings("ignore:Converting sparse IndexedSlices:UserWarning")

X = np.random.RandomState(0).randn(24, 6).astype("f")
Y = np.random.RandomState(1).randn(24, 2).astype("f")


def seed():
    """The same random state for every model."""
    keras.backend.clear_session()
    getattr(keras.utils, "set_random_seed", tf.random.set_seed)(5)


def value_of(variable):
    """A copy of a variable's value as it is stored."""
    inner = getattr(variable, "_value", None)
    return (variable if inner is None else inner).numpy().copy()


def arrays(model):
    """Copies of the trainable weights."""
    return [value_of(variable) for variable in model.trainable_variables]


def train_step_of(decorate, tape_class):
    """A model class with a custom train_step, decorated."""

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(4, activation="relu", name="hidden")
            self.dropout = keras.layers.Dropout(0.5)
            self.out = keras.layers.Dense(2, name="out")

        def call(self, x, training=False):
            return self.out(self.dropout(self.hidden(x), training=training))

        @decorate
        def train_step(self, data):
            x, y = data
            with tape_class() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}

    return Model


def fitted(decorate, tape_class, **options):
    """A model after two epochs of fit with evaluation between them, its losses with it."""
    seed()
    model = train_step_of(decorate, tape_class)()
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        history = model.fit(
            X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)
        )
    return model, history.history["loss"]


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}], ids=["graph", "run_eagerly"])
class TestFit:
    """A custom train_step under fit, which Keras calls inside its own tf.function."""

    def test_training_is_not_disturbed(self, options, logdir):
        """Losses and weights are bit for bit those of the bare train_step."""
        bare, bare_losses = fitted(lambda step: step, tf.GradientTape, **options)
        expected = arrays(bare)
        model, losses = fitted(
            gtlog.logged_step(logdir, every=4), gtlog.InstrumentedTape, **options
        )
        assert losses == bare_losses
        for one, other in zip(arrays(model), expected):
            np.testing.assert_array_equal(one, other)

    def test_steps_are_logged(self, options, logdir):
        """Steps 0, N, 2N of all epochs are logged with weights, gradients and loss."""
        model, _ = fitted(gtlog.logged_step(logdir, every=5), gtlog.InstrumentedTape, **options)
        events = read_events(logdir)
        assert list(events.of("loss")) == [0, 5]
        kernels = [tag for tag in events.tags if tag.endswith("hidden/kernel")]
        assert len([tag for tag in kernels if tag.startswith("weights/")]) == 1
        assert len([tag for tag in kernels if tag.startswith("gradients/")]) == 1
        (tag,) = [tag for tag in events.tags if tag.startswith("biases/") and "out" in tag]
        assert_histogram(events.of(tag)[5], arrays(model)[3])


def test_a_second_fit_goes_on_counting(logdir):
    """The step numbers go on where the first fit ended."""
    model, _ = fitted(gtlog.logged_step(logdir, every=2), gtlog.InstrumentedTape)
    model.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert list(read_events(logdir).of("loss")) == [0, 2, 4, 6, 8]


def layer_zoo():
    """Small models, each with layers that need care."""
    layers = keras.layers

    def attention():
        x = keras.Input((4, 6))
        name = "MultiHeadAttention"
        if not hasattr(layers, name):
            pytest.skip(f"this Keras has no {name}")
        return keras.Model(x, layers.Flatten()(layers.MultiHeadAttention(2, 3)(x, x)))

    return {
        "without bias": lambda: keras.Sequential([layers.Dense(3, use_bias=False)]),
        "without weights": lambda: keras.Sequential([layers.Dense(3), layers.ReLU()]),
        "frozen": lambda: keras.Sequential([layers.Dense(3, trainable=False), layers.Dense(2)]),
        "batch norm": lambda: keras.Sequential([layers.Dense(3), layers.BatchNormalization()]),
        "layer norm": lambda: keras.Sequential([layers.Dense(3), layers.LayerNormalization()]),
        "embedding": lambda: keras.Sequential([layers.Embedding(9, 3), layers.Flatten()]),
        "attention": attention,
        "lstm": lambda: keras.Sequential([layers.LSTM(3)]),
        "depthwise": lambda: keras.Sequential([layers.DepthwiseConv2D(2), layers.Flatten()]),
    }


INPUTS = {
    "embedding": np.arange(8).reshape(2, 4) % 9,
    "attention": X[:8].reshape(2, 4, 6),
    "lstm": X[:8].reshape(2, 4, 6),
    "depthwise": X[:8].reshape(2, 4, 6, 1),
}


@pytest.mark.parametrize("kind", list(layer_zoo()))
def test_layers_have_sensible_tags(kind, logdir):
    """Every trainable variable has its histogram, bias or weight, under its own path."""
    seed()
    model = layer_zoo()[kind]()
    x = tf.constant(INPUTS.get(kind, X[:8]))

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_mean(tf.cast(model(x, training=True), tf.float32) ** 2)
        variables = model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.1 * tf.convert_to_tensor(gradient))

    train_step(x)
    events = read_events(logdir)
    logged = [tag for tag in events.tags if tag.split("/")[0] in ("weights", "biases")]
    expected = model.trainable_variables
    assert len(logged) == len(expected) > 0
    for variable in expected:
        path = getattr(variable, "path", variable.name).split(":")[0]
        is_bias = path.split("/")[-1] in ("bias", "beta")
        tag = f"{'biases' if is_bias else 'weights'}/{path}"
        assert_histogram(events.of(tag)[0], value_of(variable))


def test_model_adds_moving_statistics(logdir):
    """With `model=`, moving statistics are logged, and frozen layers."""
    seed()
    model = layer_zoo()["batch norm"]()

    @gtlog.logged_step(logdir, model=model)
    def train_step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        tape.gradient(loss, model.trainable_variables)

    train_step(X[:8])
    tags = read_events(logdir).tags
    assert [tag for tag in tags if tag.endswith("moving_mean")]
    assert [tag for tag in tags if tag.endswith("moving_variance")]


def test_layer_classes_reach_the_record(logdir):
    """With `model=`, each variable's record names the class of its layer."""
    seed()
    model = layer_zoo()["batch norm"]()
    seen = {}

    def remember(record):
        seen.update({one.path.rsplit("/", 1)[-1]: one.layer for one in record.variables})
        return ()

    @gtlog.logged_step(logdir, model=model, summaries=[remember])
    def train_step(x):
        return model(x, training=True)

    train_step(X[:8])
    assert seen["kernel"] == "Dense" and seen["gamma"] == "BatchNormalization"


def test_mixed_precision_variables(logdir):
    """Under mixed_float16 the float32 variables are logged, once each, with their gradients."""
    seed()
    mixed = getattr(keras, "mixed_precision", None) or keras.mixed_precision.experimental
    policy = getattr(mixed, "Policy", None) or mixed.experimental.Policy
    model = keras.Sequential([keras.layers.Dense(3, dtype=policy("mixed_float16"))])

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_mean(tf.cast(model(x, training=True), tf.float32) ** 2)
        variables = model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.1 * tf.cast(gradient, variable.dtype))

    train_step(X[:8])
    events = read_events(logdir)
    (tag,) = [tag for tag in events.tags if tag.startswith("weights/")]
    assert_histogram(events.of(tag)[0], value_of(model.trainable_variables[0]))
    assert "gradient_norm" in events.tags


def test_equally_named_models_have_paths_of_their_own(logdir):
    """Two models with equal layer names are logged side by side under stable paths."""
    seed()
    models = [keras.Sequential([keras.layers.Dense(2, name="dense")], name="m") for _ in range(2)]

    @gtlog.logged_step(logdir)
    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = sum(tf.reduce_mean(model(x) ** 2) for model in models)
        variables = [variable for model in models for variable in model.trainable_variables]
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.1 * gradient)

    train_step(X)
    train_step(X)
    events = read_events(logdir)
    kernels = [tag for tag in events.tags if tag.startswith("weights/")]
    assert len(kernels) == 2
    first, second = sorted(kernels)
    assert second == first + "_1"
    assert_histogram(events.of(first)[1], value_of(models[0].trainable_variables[0]))
    assert_histogram(events.of(second)[1], value_of(models[1].trainable_variables[0]))


def test_unnamed_variables_have_paths_of_their_own(logdir):
    """Variables without a name are told apart by numbers that stay."""
    variables = [tf.Variable([float(k)] * (k + 1)) for k in range(3)]

    @gtlog.logged_step(logdir)
    def train_step():
        with tf.GradientTape():
            return sum(tf.reduce_sum(variable) for variable in variables)

    train_step()
    events = read_events(logdir)
    for k, path in enumerate(["Variable", "Variable_1", "Variable_2"]):
        assert_histogram(events.of(f"weights/{path}")[0], [float(k)] * (k + 1))
