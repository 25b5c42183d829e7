"""Steps in the replicas of `tf.distribute.MirroredStrategy`, beyond what run_modes holds."""

import contextlib
import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import _compat, summaries
from gtlog.testing import read_events

from .reference import assert_histogram, charts
from .run_modes.rows.replicas import mirrored_strategy

keras = tf.keras


@pytest.fixture
def strategy():
    """Two replicas on two devices."""
    return mirrored_strategy()


def variable(strategy, value, name="w/kernel", **options):
    """A variable that each replica has a copy of."""
    with strategy.scope():
        return tf.Variable(value, name=name, **options)


def replica():
    """Number of the replica, float."""
    return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)


def apply(weight, gradient):
    """Subtracts the sum of the replicas' gradients."""

    def update(strategy, gradient):
        total = strategy.extended.reduce_to(tf.distribute.ReduceOp.SUM, gradient, weight)
        strategy.extended.update(weight, lambda one, total: one.assign_sub(total), args=(total,))

    tf.distribute.get_replica_context().merge_call(update, args=(gradient,))


def differentiate(weight):
    """A replica's part of a step: loss and gradient are 3 in the first and 4 in the second."""
    with gtlog.InstrumentedTape() as tape:
        loss = (3.0 + replica()) * weight
    apply(weight, tape.gradient(loss, weight))
    return loss


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
class TestOneStep:
    """A step of two replicas is one step."""

    def test_the_gradient_is_the_sum(self, strategy, logdir, wrap):
        """The gradient that is applied is logged: 3 + 4."""
        weight = variable(strategy, 1.0)
        step = gtlog.logged_step(logdir)(wrap(lambda: strategy.run(differentiate, (weight,))))
        step()
        assert_histogram(read_events(logdir).of("gradients/w/kernel")[0], [7.0])

    def test_the_loss_is_the_sum(self, strategy, logdir, wrap):
        """The loss is what the summed gradient is the gradient of."""
        weight = variable(strategy, 2.0)
        step = gtlog.logged_step(logdir)(wrap(lambda: strategy.run(differentiate, (weight,))))
        step()
        assert read_events(logdir).of("loss") == {0: 14.0}

    def test_the_spread_over_the_replicas(self, strategy, logdir, wrap):
        """On request the norms of the replicas' own gradients are written: 3 and 4."""
        weight = variable(strategy, 1.0)
        logged = gtlog.logged_step(logdir, summaries=[summaries.scalars(per_replica=True)])
        logged(wrap(lambda: strategy.run(differentiate, (weight,))))()
        events = read_events(logdir)
        assert events.of("replica_gradient_norm/min") == {0: 3.0}
        assert events.of("replica_gradient_norm/max") == {0: 4.0}
        assert events.of("replica_gradient_norm/mean") == {0: 3.5}

    def test_an_unlogged_step_that_traces(self, strategy, logdir, wrap):
        """Gradients are seen of a graph that was traced on a step that is not logged."""
        weight = variable(strategy, 1.0)
        logged = gtlog.logged_step(logdir, every=lambda step: step == 1)
        step = logged(wrap(lambda: strategy.run(differentiate, (weight,))))
        step()
        step()
        assert list(read_events(logdir).of("gradients/w/kernel")) == [1]

    def test_moving_statistics_are_put_together(self, strategy, logdir, wrap):
        """A variable that is averaged when it is read is logged as its average."""
        weight = variable(strategy, 1.0)
        options = {
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
            "trainable": False,
        }
        holder = tf.Module()
        holder.mean = variable(strategy, 0.0, "norm/moving_mean", **options)

        def replica_step():
            holder.mean.assign(10.0 + replica())
            return differentiate(weight)

        gtlog.logged_step(logdir, model=holder)(wrap(lambda: strategy.run(replica_step)))()
        assert_histogram(read_events(logdir).of("weights/norm/moving_mean")[0], [10.5])


def test_a_replica_that_fails(strategy, logdir):
    """A step that an exception left in one replica is dropped; the next one is logged whole."""
    weight = variable(strategy, 1.0)
    shares = ["bad", "good", "good"]

    @gtlog.logged_step(logdir)
    def replica_step():
        if shares.pop(0) == "bad":
            raise ValueError("bad share")
        return differentiate(weight)

    with pytest.raises(ValueError, match="bad share"):
        strategy.run(replica_step)
    shares[:] = ["good", "good"]
    strategy.run(replica_step)
    events = read_events(logdir)
    assert {one.step for one in events} == {1}
    assert_histogram(events.of("gradients/w/kernel")[1], [7.0])


def test_autograph_converts_a_decorated_replica_function(strategy, logdir):
    """A condition on a tensor works in a decorated replica function as in the bare one."""
    weight = variable(strategy, 1.0)

    @gtlog.logged_step(logdir)
    def replica_step(x):
        if tf.reduce_sum(x) > 0:
            x = x + 1
        return x * weight

    @tf.function
    def train_step(x):
        return strategy.run(replica_step, args=(x,))

    assert strategy.experimental_local_results(train_step(tf.constant(1.0)))[0].numpy() == 2.0


def test_a_step_that_the_users_tape_alone_sees(strategy, logdir):
    """A plain tape in replicas of a graph shows each variable once, under its own name."""
    weight = variable(strategy, 1.0)

    def replica_step():
        with tf.GradientTape() as tape:
            loss = 2.0 * weight
        apply(weight, tape.gradient(loss, weight))

    gtlog.logged_step(logdir)(tf.function(lambda: strategy.run(replica_step)))()
    assert charts(read_events(logdir)) == ["weight_norm", "weights/w/kernel"]


def test_an_inline_tape_in_a_replica(strategy, logdir):
    """A tape with a logger cannot tell the replicas' steps apart; the warning says what to do."""
    weight = variable(strategy, 1.0)
    logger = gtlog.StepLogger(logdir)

    def replica_step():
        with gtlog.InstrumentedTape(logger=logger) as tape:
            loss = 2.0 * weight
        return tape.gradient(loss, weight)

    with pytest.warns(gtlog.LoggingWarning, match="around strategy.run"):
        strategy.run(replica_step)
    with logger.step():
        strategy.run(replica_step)
    logger.close()
    assert list(read_events(logdir).of("gradients/w/kernel")) == [0]


def test_nothing_is_left_in_force(strategy, logdir):
    """After a step no creator of gtlog's stands in the way of the user's variables."""
    weight = variable(strategy, 1.0)
    with strategy.scope():
        before = _compat.variable_creators()
        logger = gtlog.StepLogger(logdir)
        with logger.step():
            weight.read_value()
            assert len(_compat.variable_creators()) == len(before) + 1
        assert _compat.variable_creators() == before


def keras_model(decorate, tape_class):
    """A model with batch normalization and a custom train_step."""

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(4, name="hidden")
            self.norm = keras.layers.BatchNormalization(name="norm")
            self.out = keras.layers.Dense(2, name="out")

        def call(self, x, training=False):
            return self.out(self.norm(self.hidden(x), training=training))

        @decorate
        def train_step(self, data):
            x, y = data
            with tape_class() as tape:
                loss = tf.reduce_sum((self(x, training=True) - y) ** 2) / 8.0
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}

    return Model


def fitted(strategy, decorate, tape_class):
    """The weights of a model after `fit` on two replicas."""
    getattr(keras.utils, "set_random_seed", tf.random.set_seed)(5)
    random = np.random.RandomState(0)
    x, y = random.randn(24, 6).astype("f"), random.randn(24, 2).astype("f")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with strategy.scope():
            model = keras_model(decorate, tape_class)()
            model.compile(optimizer=keras.optimizers.SGD(0.1))
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return [np.array(tf.convert_to_tensor(one)) for one in model.trainable_variables], model


def test_fit_under_a_strategy(strategy, logdir):
    """A decorated train_step that `fit` runs on replicas: as many steps as batches, undisturbed."""
    expected, _ = fitted(strategy, lambda step: step, tf.GradientTape)
    actual, _ = fitted(strategy, gtlog.logged_step(logdir), gtlog.InstrumentedTape)
    for one, other in zip(actual, expected):
        np.testing.assert_array_equal(one, other)
    events = read_events(logdir)
    assert list(events.of("gradient_norm")) == list(range(6))
    last = events.of(next(tag for tag in events.tags if tag.endswith("out/kernel")))
    assert list(last) == list(range(6))


def test_plain_fit_under_a_strategy(strategy, tmp_path):
    """The callback sees of two replicas the loss and gradients that one device has; undisturbed."""

    def trained(scope, *callbacks):
        random = np.random.RandomState(0)
        x, y = random.randn(24, 3).astype("f"), random.randn(24, 2).astype("f")
        with scope:
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
            model.set_weights([random.randn(3, 2), random.randn(2)])
            model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        model.fit(x, y, batch_size=8, shuffle=False, verbose=0, callbacks=list(callbacks))
        return model.get_weights()

    logs = {name: gtlog.StepLogger(tmp_path / name) for name in ("replicas", "one device")}
    actual = trained(strategy.scope(), logs["replicas"].keras_callback(gradients=True))
    for one, other in zip(actual, trained(strategy.scope())):
        np.testing.assert_array_equal(one, other)
    trained(contextlib.nullcontext(), logs["one device"].keras_callback(gradients=True))
    replicas, alone = (read_events(tmp_path / name) for name in logs)
    for tag in ("loss", "gradient_norm", "update_ratio"):
        assert list(replicas.of(tag)) == [0, 1, 2]
        assert replicas.of(tag) == pytest.approx(alone.of(tag), rel=1e-5)
