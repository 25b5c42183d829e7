"""`summaries.optimizer()`: the learning rate that was used, and what the optimizer keeps."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.summaries import less_often, optimizer, scalars
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy
from .test_models import ALL_WAYS

keras = tf.keras
schedules = keras.optimizers.schedules
# By generation: what Adam calls its two slots.
ADAM = ("m", "v") if hasattr(keras.optimizers.Adam(), "get_slot_names") else (
    "momentum",
    "velocity",
)


def schedule():
    """Halves the learning rate at each update."""
    return schedules.ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)


class Task:
    """One kernel, trained towards zero by an optimizer that is an attribute."""

    def __init__(self, optimizer_of_task):
        self.kernel = tf.Variable([[4.0, 2.0]], name="layer/kernel")
        self.rule = optimizer_of_task

    def step(self):
        """One update."""
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(self.kernel**2)
        self.rule.apply_gradients([(tape.gradient(loss, self.kernel), self.kernel)])
        return loss

    def slots(self):
        """The slots of the kernel as arrays, in the order in which the optimizer made them."""
        rule = getattr(self.rule, "inner_optimizer", self.rule)
        variables = rule.variables() if callable(rule.variables) else rule.variables
        return [one.numpy() for one in variables if tuple(one.shape) == (1, 2)]


@pytest.mark.parametrize("way", ALL_WAYS)
def test_rate_and_slots_of_each_logged_step(way, logdir):
    """The rate is that of the step's own update, and slots are those after it; nothing changes."""
    found = []
    for with_optimizer in (False, True):
        task = Task(keras.optimizers.Adam(schedule()))
        summaries = [scalars(), *([optimizer(task.rule, histograms=True)] * with_optimizer)]
        folder = f"{logdir}/{with_optimizer}"
        decorate = gtlog.logged_step(folder, every=2, summaries=summaries, on_error="raise")
        step = ALL_WAYS[way](decorate, task.step)
        losses, slots = [], []
        for _ in range(5):
            losses.append(float(step()))
            slots.append(task.slots())
        found.append((losses, task.kernel.numpy().tolist(), task.slots()[0].tolist()))
        events = read_events(folder)
    assert found[0] == found[1]
    rates = {number: 0.5 * 0.5**number for number in (0, 2, 4)}
    assert events.of("learning_rate") == pytest.approx(rates)
    for name, position in zip(ADAM, (0, 1)):
        norms = {number: np.linalg.norm(slots[number][position]) for number in (0, 2, 4)}
        assert events.of(f"slot_norm/layer/kernel/{name}") == pytest.approx(norms)
        histogram = events.of(f"slots/layer/kernel/{name}")[4]
        assert (histogram[0, 0], histogram[-1, 1]) == pytest.approx(
            (slots[4][position].min(), slots[4][position].max())
        )


@pytest.mark.parametrize("way", ["eager", "beneath"])
def test_found_where_none_is_passed(way, logdir):
    """The optimizer of the step's own object is found, and named by nothing: it is the only one."""
    task = Task(keras.optimizers.SGD(0.25, momentum=0.5))
    decorate = gtlog.logged_step(logdir, summaries=optimizer(), on_error="raise")
    step = ALL_WAYS[way](decorate, task.step)
    for _ in range(2):
        step()
    events = read_events(logdir)
    assert set(events.tags) == {"learning_rate", "slot_norm/layer/kernel/momentum"}
    assert events.of("learning_rate") == {0: 0.25, 1: 0.25}


def test_several_have_the_names_of_the_step(logdir):
    """Optimizers that the step closes over go by their names there, and only after an update."""
    one, other = tf.Variable([2.0], name="one"), tf.Variable([2.0], name="other")
    slow, fast = keras.optimizers.SGD(0.125), keras.optimizers.SGD(0.5)

    @gtlog.logged_step(logdir, summaries=optimizer())
    def step(both):
        for variable, rule in ((one, slow), (other, fast))[: 1 + both]:
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(variable**2)
            rule.apply_gradients([(tape.gradient(loss, variable), variable)])

    for both in (False, True):
        step(both)
    step.step_logger.close()
    events = read_events(logdir)
    assert events.of("learning_rate/slow") == {0: 0.125, 1: 0.125}
    assert events.of("learning_rate/fast") == {1: 0.5}


def test_names_of_a_dict(logdir):
    """A dict names several optimizers."""
    task, other = Task(keras.optimizers.SGD(0.25)), Task(keras.optimizers.SGD(0.5))
    summaries = optimizer({"a": task.rule, "b": other.rule})
    with gtlog.StepLogger(logdir, summaries=summaries) as log, log.step():
        task.step()
        other.step()
    events = read_events(logdir)
    assert events.of("learning_rate/a") == {0: 0.25}
    assert events.of("learning_rate/b") == {0: 0.5}


def test_fit(logdir):
    """The optimizer that a model is compiled with is found by the callback."""
    model = keras.Sequential([keras.layers.Dense(1, name="head")])
    model.build((None, 3))
    model.compile(keras.optimizers.Adam(schedule()), "mse")
    with gtlog.StepLogger(logdir, summaries=optimizer()) as log:
        callbacks = [log.keras_callback()]
        model.fit(np.ones([6, 3]), np.ones([6, 1]), batch_size=2, verbose=0, callbacks=callbacks)
    events = read_events(logdir)
    assert events.of("learning_rate") == pytest.approx({0: 0.5, 1: 0.25, 2: 0.125})
    assert any(tag.endswith(f"head/kernel/{ADAM[0]}") for tag in events.tags)


def test_replicas(logdir):
    """Under MirroredStrategy the slots are those of the summed gradient, of any replica's copy."""
    strategy = mirrored_strategy()
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(1, name="head", use_bias=False)])
        model.build((None, 2))
        rule = keras.optimizers.SGD(0.25, momentum=0.5)
        if hasattr(rule, "build"):  # Keras 3 fails to make slots in a graph of several replicas
            rule.build(model.trainable_variables)

    def replica_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(model(tf.ones([1, 2])))
        variables = model.trainable_variables
        rule.apply_gradients(zip(tape.gradient(loss, variables), variables))

    step = gtlog.logged_step(logdir, model=model, summaries=optimizer(rule), on_error="raise")(
        tf.function(lambda: strategy.run(replica_step))
    )
    step()
    events = read_events(logdir)
    assert events.of("learning_rate") == {0: 0.25}
    (tag,) = [tag for tag in events.tags if tag.startswith("slot_norm/")]
    slot = 0.25 * 2 * np.ones(2)  # the gradient of each replica is 1
    assert events.of(tag)[0] == pytest.approx(np.linalg.norm(slot))


def test_a_loss_scale_is_looked_through(logdir):
    """Of an optimizer that scales the loss, rate and slots are those of the one inside."""
    if hasattr(keras.optimizers, "LossScaleOptimizer"):
        rule = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.25, momentum=0.5))
    else:  # before Keras 3
        mixed_precision = keras.mixed_precision
        kind = getattr(mixed_precision, "LossScaleOptimizer", None)
        if kind is None:
            kind = mixed_precision.experimental.LossScaleOptimizer
            rule = kind(keras.optimizers.SGD(0.25, momentum=0.5), "dynamic")
        else:
            rule = kind(keras.optimizers.SGD(0.25, momentum=0.5))
    task = Task(rule)
    with gtlog.StepLogger(logdir, summaries=optimizer(rule), on_error="raise") as log:
        with log.step():
            task.step()
    assert set(read_events(logdir).tags) == {"learning_rate", "slot_norm/layer/kernel/momentum"}


@pytest.mark.skipif(ADAM[0] != "m", reason="optimizers have no decay any more")
def test_legacy_decay(logdir):
    """A legacy optimizer divides its rate by 1 + decay * updates; that is what is written."""
    task = Task(keras.optimizers.SGD(0.5, decay=1.0))
    with gtlog.StepLogger(logdir, summaries=optimizer(task.rule)) as log:
        for _ in range(3):
            with log.step():
                task.step()
    expected = {0: 0.5, 1: 0.25, 2: 0.5 / 3}
    assert read_events(logdir).of("learning_rate") == pytest.approx(expected)


def test_less_often(logdir):
    """The summary can run on some of the logged steps only."""
    task = Task(keras.optimizers.SGD(0.25))
    summaries = [less_often(optimizer(task.rule), every=2)]
    with gtlog.StepLogger(logdir, summaries=summaries) as log:
        for _ in range(3):
            with log.step():
                task.step()
    assert list(read_events(logdir).of("learning_rate")) == [0, 2]


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        (("adam",), TypeError, "must be a Keras optimizer"),
        (({},), ValueError, "empty dict"),
        (({"a": 3},), TypeError, "got 3"),
    ],
)
def test_what_is_no_optimizer(arguments, kind, message):
    """What has no updates is refused at once."""
    with pytest.raises(kind, match=message):
        optimizer(*arguments)


def test_parameters():
    """Histograms are asked for by a bool."""
    with pytest.raises(TypeError, match="histograms must be a bool"):
        optimizer(histograms=1)
