"""`StepLogger.keras_callback`: the batches that Keras `fit` trains on, logged from outside."""

import gc
import importlib.util
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .processes import run_python
from .reference import assert_histogram
from .run_modes.rows.fit import steps_per_execution

keras = tf.keras

X = np.random.RandomState(0).randn(12, 3).astype("f")
Y = np.random.RandomState(1).randn(12, 2).astype("f")


def network(**options):
    """A compiled model of one dense layer, `dense`."""
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="net")
    model.compile(keras.optimizers.SGD(0.1), "mse", **options)
    return model


def fit(model, *callbacks, epochs=1, x=X, y=Y, **options):
    """Trains on three batches an epoch."""
    options = {"batch_size": 4, "shuffle": False, **options}
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


class Copies(keras.callbacks.Callback):
    """Copies of the kernel before and behind each execution, by the number of its batches' end."""

    def __init__(self):
        super().__init__()
        self.before, self.after = [], []

    def on_train_batch_begin(self, batch, logs=None):
        """Copies it."""
        self.before.append(self.model.get_weights())

    def on_train_batch_end(self, batch, logs=None):
        """Copies it."""
        self.after.append(self.model.get_weights())


def tag_of(events, start, end):
    """The one tag with this beginning and end."""
    (tag,) = [tag for tag in events.tags if tag.startswith(start) and tag.endswith(end)]
    return tag


def test_values_are_those_around_the_update(logdir):
    """Histograms are of the values after each batch's update, the ratio is of that update."""
    copies = Copies()
    fit(network(), copies, gtlog.StepLogger(logdir).keras_callback(), epochs=2)
    events = read_events(logdir)
    assert sorted(events.of("update_ratio")) == list(range(6))
    for step in range(6):
        kernel, bias = copies.after[step]
        assert_histogram(events.of(tag_of(events, "weights/", "dense/kernel"))[step], kernel)
        assert_histogram(events.of(tag_of(events, "biases/", "dense/bias"))[step], bias)
        before, after = (
            np.concatenate([part.ravel() for part in parts[step]])
            for parts in (copies.before, copies.after)
        )
        ratio = np.linalg.norm(after - before) / np.linalg.norm(after)
        np.testing.assert_allclose(events.of("update_ratio")[step], ratio, rtol=1e-4)


def test_several_steps_at_once(logdir):
    """They are logged once, under the number of the last; an update is told of single steps."""
    copies = Copies()
    log = gtlog.StepLogger(logdir, every=2)
    fit(network(**steps_per_execution(2)), copies, log.keras_callback(), epochs=3)
    events = read_events(logdir)
    # 0 and 1, 2 | 3 and 4, 5 | 6 and 7, 8
    kernels = events.of(tag_of(events, "weights/", "dense/kernel"))
    assert sorted(kernels) == [1, 2, 4, 7, 8]
    for execution, step in enumerate([1, 2, 4, 5, 7, 8]):
        if step in kernels:
            assert_histogram(kernels[step], copies.after[execution][0])
    assert sorted(events.of("update_ratio")) == [2, 8]


def test_steps_go_on(logdir):
    """Each batch of training counts, over epochs and fits; evaluation and prediction do not."""
    log, model = gtlog.StepLogger(logdir, every=4), network()
    callback = log.keras_callback()
    fit(model, callback, epochs=2, validation_data=(X, Y))
    model.evaluate(X, Y, verbose=0, callbacks=[callback])
    model.predict(X, verbose=0, callbacks=[callback])
    fit(model, callback)
    fit(model, log.keras_callback())
    assert sorted(read_events(logdir).of("weight_norm")) == [0, 4, 8]


@pytest.mark.parametrize("source", ["int", "iterations", "callable"])
def test_numbers_given_as_step(source, logdir):
    """`step=` numbers the batches as it numbers decorated steps."""
    model = network(**steps_per_execution(3))
    iterations = model.optimizer.iterations
    step = {"int": 100, "iterations": iterations, "callable": lambda: int(iterations.numpy()) + 50}
    log = gtlog.StepLogger(logdir, step=step[source])
    fit(model, log.keras_callback(), epochs=2)
    first = {"int": 100, "iterations": 0, "callable": 50}[source]
    assert sorted(read_events(logdir).of("weight_norm")) == [first + 2, first + 5]


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_an_epoch_that_ends_early(logdir):
    """Of a data set without a length, only the batches that there were are counted."""

    def examples():
        return iter(zip(X[:8], Y[:8]))

    shapes = (tf.TensorShape([3]), tf.TensorShape([2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        dataset = tf.data.Dataset.from_generator(examples, (tf.float32, tf.float32), shapes)
    log = gtlog.StepLogger(logdir)
    fit(network(), log.keras_callback(), x=dataset.batch(4), y=None, batch_size=None, epochs=3)
    assert sorted(read_events(logdir).of("update_ratio")) == list(range(6))


def test_a_model_that_its_first_batch_builds(logdir):
    """Its first step has no values before the update; everything else is there."""
    keras.backend.clear_session()
    model = keras.Sequential([keras.layers.Dense(2, name="dense")])
    model.compile("sgd", "mse")
    fit(model, gtlog.StepLogger(logdir).keras_callback())
    events = read_events(logdir)
    assert sorted(events.of("weight_norm")) == [0, 1, 2]
    assert sorted(events.of("update_ratio")) == [1, 2]


def test_all_variables_with_the_classes_of_their_layers(logdir):
    """Moving statistics and frozen layers are logged, and have no part in the update."""
    keras.backend.clear_session()
    layers = [keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    layers.append(keras.layers.Dense(2, name="frozen", trainable=False))
    model, records = keras.Sequential(layers), []
    model.compile("sgd", "mse")
    log = gtlog.StepLogger(logdir, summaries=lambda record: records.append(record) or [])
    fit(model, log.keras_callback())
    by_end = {"/".join(one.path.split("/")[-2:]): one for one in records[-1].variables}
    layer_of = {path.rpartition("/")[2]: one.layer for path, one in by_end.items()}
    assert layer_of["moving_mean"] == layer_of["gamma"] == "BatchNormalization"
    assert layer_of["kernel"] == "Dense"
    without = {path for path, one in by_end.items() if one.before is None}
    assert {path.rpartition("/")[2] for path in without} == {
        "moving_mean",
        "moving_variance",
        "kernel",
        "bias",
    }
    assert len(by_end) == len(model.weights) == 8


def decorated(log_or_decorate):
    """A model with a decorated `train_step`, and its logger."""

    class Model(keras.Sequential):
        @log_or_decorate
        def train_step(self, data):
            x, y = data
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            return {"loss": loss}

    keras.backend.clear_session()
    model = Model([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    return model, Model.train_step.step_logger


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["graph", "run_eagerly"])
def test_a_schedule_is_asked_once_a_step(run_eagerly, logdir):
    """Beside a decorated `train_step`, a schedule that remembers is not asked a second time."""
    asked = []

    def first_time(step):
        asked.append(step)
        return asked.count(step) == 1

    model, log = decorated(gtlog.logged_step(logdir, every=first_time))
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
    fit(model, log.keras_callback(), epochs=2)
    assert asked == list(range(6))
    assert sorted(read_events(logdir).of("loss")) == list(range(6))


def test_it_stands_aside_in_a_later_fit(logdir):
    """A graph that was traced in a fit without the callback logs on; nothing is written twice."""
    model, log = decorated(gtlog.logged_step(logdir))
    model.compile(keras.optimizers.SGD(0.1))
    fit(model)
    fit(model, log.keras_callback())
    assert sorted(read_events(logdir).of("loss")) == list(range(6))


def test_a_failing_schedule_is_said_once(logdir):
    """Training goes on, unlogged."""

    def broken(step):
        raise ZeroDivisionError("never")

    log = gtlog.StepLogger(logdir, every=broken)
    with pytest.warns(gtlog.LoggingWarning, match="decide whether to log a step: Zero") as caught:
        fit(network(), log.keras_callback())
    assert len([one for one in caught if one.category is gtlog.LoggingWarning]) == 1


def test_on_error_raise(logdir):
    """With on_error="raise" a failure ends `fit`, once the batch is done."""

    def broken(record):
        raise ZeroDivisionError("no filters")

    log, model = gtlog.StepLogger(logdir, summaries=broken, on_error="raise"), network()
    before = model.get_weights()[0]
    with pytest.raises(gtlog.LoggingError, match="no filters"):
        fit(model, log.keras_callback())
    assert (model.get_weights()[0] != before).all()


def test_it_keeps_its_logger_and_nothing_else(logdir):
    """A logger made only for its callback logs to the end; dropped, both are collected."""
    callback = gtlog.StepLogger(logdir).keras_callback()
    logger = weakref.ref(callback.step_logger)
    gc.collect()
    fit(network(), callback)
    assert sorted(read_events(logdir).of("weight_norm")) == [0, 1, 2]
    del callback
    keras.backend.clear_session()
    gc.collect()
    assert logger() is None


def test_tf_keras_beside_keras_3(tmp_path):
    """A program that trains with `tf_keras` gets a callback that it takes, and Keras 3 as well."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("tf_keras is not installed")
    run_python(
        """
        import sys
        import numpy as np
        import tf_keras, keras
        import gtlog
        from gtlog.testing import read_events

        for library in (tf_keras, keras):
            log = gtlog.StepLogger(f"{sys.argv[1]}/{library.__name__}")
            model = library.Sequential([library.layers.Dense(2)])
            model.compile("sgd", "mse")
            x, y = np.ones((8, 3)), np.ones((8, 2))
            model.fit(x, y, batch_size=4, verbose=0, callbacks=[log.keras_callback()])
            events = read_events(f"{sys.argv[1]}/{library.__name__}")
            assert sorted(events.of("weight_norm")) == [0, 1]
        """,
        tmp_path,
    )


@pytest.mark.parametrize("way", ["decorated", "callback"])
def test_a_dropped_model_is_collected(way, logdir):
    """After `fit` a model goes when the program drops it, though its logger is kept."""

    def train():
        model, log = decorated(gtlog.logged_step(logdir))
        if way == "callback":
            model, log = network(), gtlog.StepLogger(logdir)
            fit(model, log.keras_callback())
        else:
            model.compile(keras.optimizers.SGD(0.1))
            fit(model)
        return weakref.ref(model), log

    model, log = train()
    keras.backend.clear_session()
    gc.collect()
    assert model() is None
    assert log is not None
