"""`keras_callback(gradients=True)`: plain Keras `fit`, logged as a step with its own tape is."""

import functools
import gc
import inspect
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.fit import steps_per_execution, without_jit_compile

keras = tf.keras

X = np.random.RandomState(0).randn(24, 3).astype("f")
Y = np.random.RandomState(1).randn(24, 2).astype("f")
_MIXED_PRECISION = keras.mixed_precision
if not hasattr(_MIXED_PRECISION, "LossScaleOptimizer"):  # before TensorFlow 2.4
    _MIXED_PRECISION = _MIXED_PRECISION.experimental


class CountedDense(keras.layers.Dense):
    """A dense layer that counts how often Python runs it in training."""

    calls = 0

    def call(self, inputs, training=None):
        """As `Dense.call`."""
        self.calls += 1 if training else 0
        return super().call(inputs)


def network(optimizer=None, model_class=keras.Sequential, units=4, **options):
    """A compiled model with dropout, from seeds."""
    keras.backend.clear_session()
    tf.random.set_seed(1)
    getattr(keras.utils, "set_random_seed", tf.random.set_seed)(1)
    layers = [
        keras.Input((3,)),
        CountedDense(units, activation="relu", name="hidden"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(2, name="out"),
    ]
    model = model_class(layers, name="net")
    random = np.random.RandomState(3)
    model.set_weights([random.randn(*one.shape) for one in model.get_weights()])
    options.setdefault("metrics", ["mae"])
    model.compile(optimizer or keras.optimizers.SGD(0.01), "mse", **options)
    return model


def fit(model, *callbacks, **options):
    """One epoch of six batches; Keras's history of it."""
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, **options}
    return model.fit(X, Y, callbacks=list(callbacks), **options).history


def left_behind(model):
    """Names of what gtlog has put among a model's and its optimizer's own attributes."""
    own = [pair for one in (model, model.optimizer) for pair in vars(one).items()]
    modules = {
        name: {getattr(value, "__module__", None), type(value).__module__} for name, value in own
    }
    return [
        name for name, found in modules.items() if any(str(one)[:5] == "gtlog" for one in found)
    ]


class WithOwnTape(keras.Sequential):
    """Trains on the mean squared error by a tape of its own."""

    tape = tf.GradientTape

    def train_step(self, data):
        """As Keras's own, by hand."""
        x, y = data[:2]
        with self.tape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"squares": loss}


class WithInstrumentedTape(WithOwnTape):
    """The same, whose tape is seen."""

    tape = gtlog.InstrumentedTape


WAYS = {
    "graph": {},
    "eager": {"run_eagerly": True},
    "several at once": steps_per_execution(4),
}


@pytest.mark.parametrize("way", WAYS)
def test_records_are_those_of_an_instrumented_tape(way, tmp_path):
    """Loss, gradients and values around the update equal those of a decorated `train_step`."""
    of_callback, of_tape = [], []
    log = gtlog.StepLogger(tmp_path / "1", summaries=lambda one: of_callback.append(one) or [])
    fit(network(**WAYS[way]), log.keras_callback(gradients=True))
    model = network(model_class=WithInstrumentedTape, metrics=None, **WAYS[way])
    decorate = gtlog.logged_step(tmp_path / "2", summaries=lambda one: of_tape.append(one) or [])
    vars(model)["train_step"] = decorate(model.train_step)
    fit(model)
    assert [one.step for one in of_callback] == list(range(6))
    for ours, theirs in zip(of_callback, of_tape):
        assert (ours.step, ours.losses) == (theirs.step, pytest.approx(theirs.losses, rel=1e-6))
        assert len(ours.variables) == len(theirs.variables) == 4
        for one, other in zip(ours.variables, theirs.variables):
            assert one.is_trained and one.was_asked and one.was_read and one.is_missing is False
            assert one.path == other.path
            np.testing.assert_allclose(one.gradient_array, other.gradient_array, 1e-5, 1e-7)
            np.testing.assert_allclose(one.before_array, other.before_array, 1e-6)
            np.testing.assert_allclose(one.value_array, other.value_array, 1e-6)


def trained(way, *callbacks):
    """A fit, `evaluate`, a fit without the callbacks, another one with them.

    Returns what Keras showed, the weights, and how often Python has run a layer.
    """
    model = network(keras.optimizers.Adam(0.01), **WAYS[way])
    seen = [fit(model, *callbacks, validation_data=(X, Y))]
    seen.append(model.evaluate(X, Y, verbose=0, callbacks=list(callbacks)))
    seen += [fit(model), fit(model, *callbacks)]
    assert not left_behind(model)
    return seen, model.get_weights(), model.layers[0].calls


@pytest.fixture(scope="module")
def trained_bare():
    """What `trained` returns of each way without a callback."""
    return functools.lru_cache(maxsize=None)(trained)


@pytest.mark.no_cover  # the lines that the other tests run too
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("every", [1, 3])
def test_training_is_that_of_before(way, every, trained_bare, logdir):
    """Bit for bit: fit, evaluate, a fit without the callback, another one with it; no new trace."""
    log = gtlog.StepLogger(logdir, every=every)
    seen, weights, calls = trained(way, log.keras_callback(gradients=True))
    bare_seen, bare_weights, bare_calls = trained_bare(way)
    assert (seen, calls) == (bare_seen, bare_calls)
    assert all((one == other).all() for one, other in zip(weights, bare_weights))
    assert sorted(read_events(logdir).of("gradient_norm")) == list(range(0, 12, every))


def test_nothing_is_left_of_a_fit_that_fails(logdir):
    """After an exception, in a callback or in the data, model and optimizer are Keras's own."""

    class Fails(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                raise KeyError("mine")

    def examples():
        yield X[:4], Y[:4]
        raise ValueError("no more of it")

    model, log = network(), gtlog.StepLogger(logdir)
    callback = log.keras_callback(gradients=True)
    with pytest.raises(KeyError, match="mine"):
        fit(model, callback, Fails())
    assert left_behind(model) == ["train_function"]  # which steps aside when it is called
    with pytest.raises(Exception, match="no more of it"):
        model.fit(examples(), steps_per_epoch=3, verbose=0, shuffle=False, callbacks=[callback])
    count = len(read_events(logdir).of("loss"))
    fit(model)
    assert len(read_events(logdir).of("loss")) == count >= 2
    assert not left_behind(model)


def test_models_that_were_trained_or_compiled_anew(logdir):
    """Gradients are seen after a fit without the callback, and after `compile` in between."""
    model, log = network(), gtlog.StepLogger(logdir)
    fit(model)
    fit(model, log.keras_callback(gradients=True))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    fit(model, log.keras_callback(gradients=True))
    model.evaluate(X, Y, verbose=0, callbacks=[log.keras_callback(gradients=True)])
    fit(model, log.keras_callback(gradients=True))
    events = read_events(logdir)
    assert sorted(events.of("loss")) == sorted(events.of("gradient_norm")) == list(range(18))


def test_a_shape_that_was_traced_without_it(logdir):
    """Of a trace that Keras made in a fit without the callback, one step is logged from outside."""
    model, log = network(), gtlog.StepLogger(logdir)
    fit(model, log.keras_callback(gradients=True))
    fit(model, batch_size=6)
    fit(model, log.keras_callback(gradients=True), batch_size=6)
    events = read_events(logdir)
    assert sorted(events.of("weight_norm")) == list(range(10))
    assert set(range(10)) - set(events.of("gradient_norm")) <= {6}


def test_gradients_before_clipping(logdir):
    """As of any tape, they are what it returned; the update shows what the optimizer made of it."""
    log = gtlog.StepLogger(logdir)
    fit(network(keras.optimizers.SGD(1.0, clipnorm=1e-3)), log.keras_callback(gradients=True))
    events = read_events(logdir)
    assert min(events.of("gradient_norm").values()) > 0.1
    assert max(events.of("update_ratio").values()) < 1e-3


def loss_scaled():
    """An SGD whose loss is scaled."""
    options = inspect.signature(_MIXED_PRECISION.LossScaleOptimizer).parameters
    scale = {"loss_scale": "dynamic"} if "loss_scale" in options else {}
    return _MIXED_PRECISION.LossScaleOptimizer(keras.optimizers.SGD(0.01), **scale)


@pytest.mark.parametrize("way", ["graph", "eager"])
def test_the_loss_scale_is_divided_out(way, tmp_path):
    """Loss and gradients of a scaled loss are those of the same training without a scale."""
    found = []
    for name, optimizer in (("scaled", loss_scaled()), ("plain", keras.optimizers.SGD(0.01))):
        log = gtlog.StepLogger(tmp_path / name)
        fit(network(optimizer, **WAYS[way]), log.keras_callback(gradients=True))
        events = read_events(tmp_path / name)
        found.append([events.of(tag) for tag in ("loss", "gradient_norm")])
    for scaled, plain in zip(*found):
        assert scaled == pytest.approx(plain, rel=1e-5)


def test_what_keras_shows(logdir):
    """Loss and metrics after logged steps; those of epoch and validation at its last step."""
    log = gtlog.StepLogger(logdir, every=4)
    history = fit(
        network(), log.keras_callback(gradients=True), epochs=2, validation_data=(X, Y)
    )
    events = read_events(logdir)
    for name, values in history.items():
        assert events.of(f"epoch/{name}") == pytest.approx({5: values[0], 11: values[1]}, rel=1e-6)
    assert {"epoch/val_loss", "epoch/val_mae"} <= set(events.tags)
    assert sorted(events.of("fit/mae")) == sorted(events.of("fit/loss")) == [0, 4, 8]
    assert events.of("fit/loss")[0] == pytest.approx(events.of("loss")[0], rel=1e-6)
    assert not [tag for tag in events.tags if tag.startswith("fit/val_")]


def test_without_gradients_nothing_changes(logdir):
    """The callback logs values and updates alone, and no number of Keras's."""
    fit(network(), gtlog.StepLogger(logdir).keras_callback(), validation_data=(X, Y))
    kinds = {tag.partition("/")[0] for tag in read_events(logdir).tags}
    assert kinds == {"weights", "biases", "weight_norm", "update_ratio", "gtlog"}


@pytest.mark.parametrize("way", WAYS)
def test_a_schedule_is_asked_once_a_step(way, logdir):
    """In order, also where a step that was looked at ahead comes in the next execution."""
    asked = []
    log = gtlog.StepLogger(logdir, every=lambda step: asked.append(step) or step % 3 == 2)
    fit(network(**WAYS[way]), log.keras_callback(gradients=True), epochs=2)
    assert asked[:12] == list(range(12)) and len(set(asked)) == len(asked)
    assert sorted(read_events(logdir).of("loss")) == [2, 5, 8, 11]


def test_train_steps_of_the_users_own(tmp_path):
    """Of a plain tape gradients are seen; an instrumented one's are not counted twice."""
    for folder, model_class in (("plain", WithOwnTape), ("seen", WithInstrumentedTape)):
        log = gtlog.StepLogger(tmp_path / folder)
        model = network(model_class=model_class, metrics=None)
        fit(model, log.keras_callback(gradients=True))
    plain, seen = (read_events(tmp_path / folder) for folder in ("plain", "seen"))
    assert plain.of("gradient_norm") == pytest.approx(seen.of("gradient_norm"), rel=1e-5)
    assert len(seen.of("loss")) == 6 and "loss" not in plain.tags


class WithTwoOptimizers(keras.Sequential):
    """Trains its two layers with an optimizer for each."""

    def train_step(self, data):
        """One step of both."""
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        pairs = list(zip(gradients, self.trainable_variables))
        self.optimizer.apply_gradients(pairs[:2])
        self.second.apply_gradients(iter(pairs[2:]))
        return {"squares": loss}


def test_two_optimizers(logdir):
    """Gradients are seen that any optimizer among the attributes of the model is handed."""
    model = network(model_class=WithTwoOptimizers, metrics=None)
    model.second = keras.optimizers.SGD(0.02)
    fit(model, gtlog.StepLogger(logdir).keras_callback(gradients=True))
    events = read_events(logdir)
    seen = [tag for tag in events.tags if tag.startswith("gradients/")]
    assert len(seen) == 4 and all(sorted(events.of(tag)) == list(range(6)) for tag in seen)
    assert not left_behind(model) and not [one for one in vars(model.second) if "apply" in one]


def test_a_decorated_train_step_logs_itself(logdir):
    """The callback of the same logger stands aside."""
    model = network(model_class=WithInstrumentedTape, metrics=None)
    step = gtlog.logged_step(logdir)(model.train_step)
    vars(model)["train_step"] = step
    fit(model, step.step_logger.keras_callback(gradients=True))
    events = read_events(logdir)
    assert sorted(events.of("loss")) == sorted(events.of("gradient_norm")) == list(range(6))


def test_two_loggers_in_one_fit(tmp_path):
    """One sees gradients; the other logs from outside, and says so."""
    first, second = (gtlog.StepLogger(tmp_path / name) for name in ("first", "second"))
    with pytest.warns(gtlog.LoggingWarning, match="another logger"):
        fit(network(), *(one.keras_callback(gradients=True) for one in (first, second)))
    assert sorted(read_events(tmp_path / "first").of("weight_norm")) == list(range(6))
    assert sorted(read_events(tmp_path / "second").of("gradient_norm")) == list(range(6))


@pytest.mark.skipif(bool(without_jit_compile()), reason="Keras has no `jit_compile` here")
def test_what_xla_compiles_is_said_once(logdir):
    """Values and updates are logged from outside."""
    log, model = gtlog.StepLogger(logdir), network(jit_compile=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, log.keras_callback(gradients=True))
        fit(model, log.keras_callback(gradients=True))
    messages = [str(one.message) for one in caught if one.category is gtlog.LoggingWarning]
    assert len(messages) == 1 and "jit_compile=False" in messages[0]
    events = read_events(logdir)
    assert sorted(events.of("update_ratio")) == sorted(events.of("fit/loss")) == list(range(12))
    assert "gradient_norm" not in events.tags


def test_a_dead_layer_is_found(logdir):
    """`gtlog.diagnose` names a layer whose ReLUs were shut before a plain `fit`."""
    model = network(units=16)
    weights = model.get_weights()
    weights[1] -= 100
    model.set_weights(weights)
    log = gtlog.StepLogger(logdir, diagnose=lambda finding: None)
    fit(model, log.keras_callback(gradients=True), epochs=8)
    found = [(one.fault, one.layer.split("/")[-1]) for one in gtlog.diagnose(logdir)]
    assert found == [("dead_units", "hidden")]


def test_a_dropped_model_is_collected(logdir):
    """So is a dropped logger, whose model is kept with what was traced."""

    def train():
        model, log = network(), gtlog.StepLogger(logdir)
        fit(model, log.keras_callback(gradients=True))
        return model, log

    model, log = train()
    of_model, of_log = weakref.ref(model), weakref.ref(log)
    del log
    gc.collect()
    assert of_log() is None
    fit(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert of_model() is None
