"""Over many steps nothing grows, whichever way they run."""

import gc
import os
import resource
import threading
import tracemalloc

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy
from .run_modes.ways import compiled

pytestmark = pytest.mark.no_cover  # the same lines some thousand times
WARM_UP, STEPS, EVERY = 100, 1000, 10
MORE = 300  # steps under the eyes of tracemalloc, which makes them slow


@pytest.fixture(autouse=True)
def _short_history(monkeypatch):
    """As if the models were so large that the diagnosis keeps few steps: the warm-up fills it."""
    monkeypatch.setattr("gtlog.diagnosis.live.MOST_NUMBERS", 1)
    monkeypatch.setattr("gtlog.diagnosis.live.FEWEST_KEPT", 8)


def _weight():
    return tf.Variable(tf.reshape(tf.linspace(-1.0, 1.0, 1000), [100, 10]), name="weight")


def _descent(weight):
    target = tf.constant(weight.numpy()[::-1])

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum((weight - target) ** 2)
        weight.assign_sub(0.001 * tape.gradient(loss, weight))
        return loss

    return train_step


def _repeated(step):
    def run(count):
        for _ in range(count):
            step()

    return run


def _in_a_loop(decorate, step):
    decorated = decorate(step)

    @tf.function
    def run(count):
        for _ in tf.range(count):
            decorated()

    return lambda count: run(tf.constant(count))


def _around(decorate, step):
    inner = tf.function(step)
    return _repeated(decorate(lambda: inner()))


def _in_replicas(decorate, step):
    strategy = mirrored_strategy()
    return _repeated(decorate(tf.function(lambda: strategy.run(step))))


WAYS = {
    "eager": lambda decorate, step: _repeated(decorate(step)),
    "above": lambda decorate, step: _repeated(decorate(tf.function(step))),
    "beneath": lambda decorate, step: _repeated(tf.function(decorate(step))),
    "above XLA": lambda decorate, step: _repeated(decorate(compiled(step))),
    "around an inner function": _around,
    "a loop in a graph": _in_a_loop,
    "replicas": _in_replicas,
}


def _counts():
    gc.collect()
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    return len(gc.get_objects()), threading.active_count(), files


def _assert_steady(run):
    """Asserts that after a warm-up objects, threads, files and resident memory do not grow."""
    run(WARM_UP)
    before, peak = _counts(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(STEPS)
    after = _counts()
    assert after[0] - before[0] < STEPS // EVERY  # not one for each logged step
    assert after[1:] == before[1:]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 15_000  # kB


def _assert_python_holds_nothing(run):
    """Asserts that some steps more leave less than 100 bytes each in Python's memory."""
    tracemalloc.start()
    try:
        run(MORE)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        run(MORE)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100 * MORE


@pytest.mark.parametrize("way", list(WAYS))
def test_1000_steps(way, logdir):
    """Neither objects, memory, threads nor open files grow, logged steps among them."""
    weight = _weight()
    run = WAYS[way](gtlog.logged_step(logdir, every=EVERY), _descent(weight))
    _assert_steady(run)
    _assert_python_holds_nothing(run)
    assert len(read_events(logdir).of("loss")) == (WARM_UP + STEPS + 2 * MORE) // EVERY


def _left_to_the_collector(run):
    """Types of gtlog's objects that only Python's garbage collector frees after some steps."""
    gc.collect()
    gc.disable()
    try:
        run(2 * EVERY)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        types = {type(each) for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    return {kind for kind in types if kind.__module__.startswith("gtlog")}


@pytest.mark.parametrize("way", list(WAYS))
def test_no_cycles(way, logdir):
    """A step is free as soon as it is over, and with it the gradients that it has seen."""
    weight = _weight()
    run = WAYS[way](gtlog.logged_step(logdir, every=EVERY), _descent(weight))
    run(EVERY)
    assert _left_to_the_collector(run) == set()


def test_no_cycles_in_a_plain_loop(logdir):
    """Nor does a step of `InstrumentedTape(logger=...)` wait for the garbage collector."""
    weight = tf.Variable(tf.ones([100, 10]), name="weight")
    with gtlog.StepLogger(logdir, every=EVERY) as log:

        def run(count):
            for _ in range(count):
                with gtlog.InstrumentedTape(logger=log) as tape:
                    loss = tf.reduce_sum(weight**2)
                weight.assign_sub(0.001 * tape.gradient(loss, weight))

        run(EVERY)
        assert _left_to_the_collector(run) == set()


@pytest.mark.parametrize("way", ["decorated train_step", "callback"])
def test_1000_batches_of_fit(way, logdir):
    """Nor do they in `fit`, over its epochs."""
    keras = tf.keras
    decorate = gtlog.logged_step(logdir, every=EVERY)

    class Model(keras.Sequential):
        @decorate
        def train_step(self, data):
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_mean(self(data, training=True) ** 2)
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            return {"loss": loss}

    own = way == "decorated train_step"
    model = (Model if own else keras.Sequential)([keras.Input((10,)), keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(0.001), "mse")
    callbacks = [] if own else [Model.train_step.step_logger.keras_callback()]
    data = tf.ones([100, 10])
    dataset = tf.data.Dataset.from_tensors(data if own else (data, data)).repeat()

    def run(count):
        options = {"verbose": 0, "shuffle": False, "callbacks": callbacks}
        model.fit(dataset, steps_per_epoch=count, **options)

    _assert_steady(run)
    assert len(read_events(logdir).of("weight_norm")) == (WARM_UP + STEPS) // EVERY
