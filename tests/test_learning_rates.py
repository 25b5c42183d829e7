"""The learning rate in the table of the steps, which nobody has asked for."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .run_modes.events import step_values
from .run_modes.rows.replicas import mirrored_strategy
from .test_models import ALL_WAYS
from .test_optimizer_summary import Task, schedule

keras = tf.keras
RATE = "learning_rate"


def rates_of(logdir):
    """By name and step the learning rates in the tables of the steps."""
    rates = {}
    for (step, name), number in step_values(read_events(logdir)).items():
        if name.partition("/")[0] == RATE:
            rates.setdefault(name, {})[step] = number
    return rates


def optimizers():
    """Makers of optimizers, each with the rates of its first five updates."""
    return {
        "number": (lambda: keras.optimizers.Adam(0.25), [0.25] * 5),
        "schedule": (lambda: keras.optimizers.Adam(schedule()), [0.5**k for k in range(1, 6)]),
    }


def counted(task, traces):
    """The step of a task, which notes each time that Python runs it."""

    def train():
        traces.append(1)
        return task_step()

    task_step = task.step
    return train


@pytest.mark.parametrize("kind", optimizers())
@pytest.mark.parametrize("way", ALL_WAYS)
def test_rate_of_each_logged_step(way, kind, logdir):
    """It is that of the step's own update; losses, weights and traces are those without it."""
    make, expected = optimizers()[kind]
    found = []
    for summaries in ([gtlog.summaries.scalars()], None):
        task, traces = Task(make()), []
        folder = f"{logdir}/{summaries is None}"
        decorate = gtlog.logged_step(folder, every=2, summaries=summaries, on_error="raise")
        with warnings.catch_warnings():
            warnings.simplefilter("error", gtlog.LoggingWarning)
            step = ALL_WAYS[way](decorate, counted(task, traces))
            losses = [float(step()) for _ in range(5)]
        found.append((losses, task.kernel.numpy().tolist(), len(traces)))
    assert found[0] == found[1]
    (rates,) = rates_of(folder).values()
    assert rates == pytest.approx({number: expected[number] for number in (0, 2, 4)})


def test_replicas(logdir):
    """Under MirroredStrategy there is one rate, that of all replicas."""
    strategy = mirrored_strategy()
    with strategy.scope():
        kernel = tf.Variable([[1.0, 2.0]], name="kernel")
        rule = keras.optimizers.SGD(0.25)
        if hasattr(rule, "build"):
            rule.build([kernel])

    def replica_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(kernel**2)
        rule.apply_gradients([(tape.gradient(loss, kernel), kernel)])

    @gtlog.logged_step(logdir, on_error="raise")
    @tf.function
    def step():
        strategy.run(replica_step)

    for _ in range(2):
        step()
    assert rates_of(logdir) == {RATE: {0: 0.25, 1: 0.25}}


@pytest.mark.parametrize("gradients", [False, True])
def test_fit(gradients, logdir):
    """In `fit` it is that of the model's optimizer, and changes where the program changes it."""
    model = keras.Sequential([keras.layers.Dense(1, name="head")])
    model.build((None, 3))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    change = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.optimizer.learning_rate.assign(0.5 / 4**epoch)
    )
    with gtlog.StepLogger(logdir, on_error="raise") as log:
        callbacks = [log.keras_callback(gradients=gradients), change]
        data = dict(x=np.ones([4, 3]), y=np.ones([4, 1]), batch_size=2)
        model.fit(**data, epochs=2, verbose=0, callbacks=callbacks)
    assert rates_of(logdir) == {RATE: {0: 0.5, 1: 0.5, 2: 0.125, 3: 0.125}}


def test_names_of_several(logdir):
    """Of several optimizers each has its name in the step, as in `summaries.optimizer()`."""
    one, other = tf.Variable([2.0], name="one"), tf.Variable([2.0], name="other")
    slow, fast = keras.optimizers.SGD(0.125), keras.optimizers.SGD(0.5)
    summaries = [gtlog.summaries.vitals(), gtlog.summaries.optimizer()]

    @gtlog.logged_step(logdir, summaries=summaries)
    def step():
        for variable, rule in ((one, slow), (other, fast)):
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(variable**2)
            rule.apply_gradients([(tape.gradient(loss, variable), variable)])

    step()
    step.step_logger.close()
    charts = read_events(logdir)
    names = (f"{RATE}/slow", f"{RATE}/fast")
    assert rates_of(logdir) == {name: charts.of(name) for name in names}


def test_those_that_were_named(logdir):
    """Where `summaries.optimizer(…)` names optimizers, their rates are in the table."""
    task = Task(keras.optimizers.SGD(0.25))
    summaries = [gtlog.summaries.vitals(), gtlog.summaries.optimizer({"mine": task.rule})]
    with gtlog.StepLogger(logdir, summaries=summaries) as log, log.step():
        task.step()
    assert rates_of(logdir) == {f"{RATE}/mine": {0: 0.25}}


def test_absent_where_none_is_found(logdir):
    """Around `log.step()` no function is seen; then there is no rate, and nothing is said."""
    task = Task(keras.optimizers.SGD(0.25))
    with warnings.catch_warnings():
        warnings.simplefilter("error", gtlog.LoggingWarning)
        with gtlog.StepLogger(logdir, on_error="raise") as log:
            for _ in range(2):
                with log.step():
                    task.step()
    assert rates_of(logdir) == {}


def test_one_that_takes_the_place_of_another(logdir):
    """From the step on that another optimizer makes, its rate is there and the other's is not."""
    first = rule = keras.optimizers.SGD(0.25)
    kernel = tf.Variable([1.0], name="kernel")

    @gtlog.logged_step(logdir)
    def step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(kernel**2)
        rule.apply_gradients([(tape.gradient(loss, kernel), kernel)])

    for number in range(8):
        if number == 5:
            rule = keras.optimizers.SGD(0.5)
        step()
    assert first is not rule
    assert rates_of(logdir) == {
        RATE: {number: 0.25 for number in range(5)},
        f"{RATE}/rule": {5: 0.5, 6: 0.5, 7: 0.5},
    }


def test_a_new_one_for_each_fold_keeps_the_name(logdir):
    """Where the program has dropped the optimizer before it, the next one has its name."""
    task = Task(keras.optimizers.SGD(0.25))
    step = gtlog.logged_step(logdir)(task.step)
    step()
    task.rule = keras.optimizers.SGD(0.5)
    step()
    assert rates_of(logdir) == {RATE: {0: 0.25, 1: 0.5}}


def test_a_function_is_not_called(logdir):
    """A function that stands for the rate may count its calls: no rate is written of it."""
    calls = []

    def rate():
        calls.append(1)
        return 0.25

    numbers = []
    for summaries in ([gtlog.summaries.scalars()], None):
        calls.clear()
        task = Task(keras.optimizers.SGD(rate))
        step = gtlog.logged_step(f"{logdir}/{summaries is None}", summaries=summaries)(task.step)
        for _ in range(3):
            step()
        numbers.append(len(calls))
    assert numbers[0] == numbers[1]
    assert rates_of(f"{logdir}/True") == {}


def test_slots_are_not_read(logdir):
    """The record knows the optimizer and its rate, and none of its slots."""
    task, seen = Task(keras.optimizers.Adam(0.25)), []
    summaries = [gtlog.summaries.vitals(), lambda record: seen.extend(record.optimizers)]
    step = gtlog.logged_step(logdir, summaries=summaries)(task.step)
    step()
    (record,) = seen
    assert (record.name, record.updates, record.learning_rate, record.slots) == ("", 1, 0.25, ())
