"""A step that makes several updates, or whose update is made outside, is told what to write."""

import functools
import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.notices.updates_of_calls import optimizers_of
from gtlog.testing import read_events

SAID = gtlog.LoggingWarning

# What is said of a plain tape, in steps that have one, is not what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:The logged step changes:gtlog.LoggingWarning")


@pytest.fixture
def decorate(logdir):
    """The decorator."""
    return gtlog.logged_step(logdir)


@pytest.fixture(params=["eager", "above", "beneath"])
def build(request, logdir):
    """Decorates a step in one of the ways to run it."""

    def build(step, **options):
        decorate = gtlog.logged_step(logdir, **options)
        return {
            "eager": decorate,
            "above": lambda step: decorate(tf.function(step)),
            "beneath": lambda step: tf.function(decorate(step)),
        }[request.param](step)

    return build


@pytest.fixture
def eager_or_above(logdir):
    """The two ways in which Python begins the step."""
    decorate = gtlog.logged_step(logdir)
    return {"eager": decorate, "above": lambda step: decorate(tf.function(step))}


def variable(value=2.0, name="weight"):
    """A variable to train."""
    return tf.Variable(value, name=name)


def update(optimizer, weight, tape_class=tf.GradientTape):
    """One update of one variable."""
    with tape_class() as tape:
        loss = weight**2
    optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])


def sgd():
    """An optimizer that has made its counter."""
    optimizer = tf.keras.optimizers.SGD(0.1)
    int(optimizer.iterations.numpy())
    return optimizer


def small_model():
    """A compiled Keras model of one layer."""
    model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(0.01), "mse")
    return model


class TestSeveralUpdatesInOneCall:
    """A plain tape in a loop, or `fit`, inside of what is decorated."""

    @pytest.mark.parametrize("way", ["eager", "above"])
    def test_a_loop_with_a_plain_tape(self, way, eager_or_above):
        """The optimizer's count grew by more than one within the call: that is said once."""
        optimizer, weight = sgd(), variable()
        if hasattr(optimizer, "build"):
            optimizer.build([weight])

        def train():
            for _ in range(10):
                update(optimizer, weight)

        step = eager_or_above[way](train)
        with pytest.warns(SAID, match="Step 0, one call .* made 10 updates") as caught:
            step()
            step()
        assert len(caught) == 1 and "with log.step():" in str(caught[0].message)

    def test_a_function_that_calls_fit(self, decorate):
        """A function that trains a model by `fit` is told of the callback."""
        model, x = small_model(), np.ones([6, 1], np.float32)

        @decorate
        def train(data):
            model.fit(data, data, batch_size=2, verbose=0)

        with pytest.warns(SAID, match=r"(?s)made 3 updates, .*callbacks=\[log\.keras_callback"):
            train(x)

    def test_fit_itself(self, decorate):
        """The bound method `fit` is told of the callback when it is decorated, and once."""
        model, x = small_model(), np.ones([6, 1], np.float32)
        with pytest.warns(SAID, match="logged_step decorates the `fit` of a Keras model") as caught:
            fit = decorate(model.fit)
            fit(x, x, batch_size=2, verbose=0)
        assert len(caught) == 1

    def test_one_update_in_a_call(self, decorate):
        """A generator and a critic with an optimizer each are nothing to speak of."""
        weights, optimizers = [variable(), variable()], [sgd(), sgd()]

        @decorate
        def train_step():
            for optimizer, weight in zip(optimizers, weights):
                update(optimizer, weight)

        for _ in range(3):
            train_step()

    def test_one_optimizer_for_two_tapes_that_are_seen(self, decorate):
        """An optimizer that updates two variables apart has updated each once: silence."""
        weights, optimizer = [variable(), variable()], sgd()
        if hasattr(optimizer, "build"):
            optimizer.build(weights)

        @decorate
        def train_step():
            for weight in weights:
                update(optimizer, weight, gtlog.InstrumentedTape)

        train_step()

    def test_only_the_first_calls_are_looked_at(self, decorate, monkeypatch):
        """After three logged calls no optimizer is looked for any more."""
        looked = []
        monkeypatch.setattr(
            "gtlog.notices.updates_of_calls.optimizers_of",
            lambda *arguments: looked.append(1) or [],
        )
        weight = variable()
        step = decorate(lambda: weight.assign_add(1.0))
        for _ in range(5):
            step()
        assert len(looked) == 3

    def test_where_optimizers_are_found(self):
        """In a closure, arguments, a partial, the owner of a method, lists, a model's own."""
        optimizer, model = sgd(), small_model()

        class Trainer:
            """Has an optimizer."""

            def __init__(self):
                self.optimizers = [optimizer]

            def step(self):
                """Uses it."""
                return self.optimizers

        assert optimizers_of(lambda: optimizer) == [optimizer]
        assert optimizers_of(tf.function(lambda: optimizer)) == [optimizer]
        assert optimizers_of(lambda given: given, [{"one": optimizer}]) == [optimizer]
        assert optimizers_of(functools.partial(lambda given: given, optimizer)) == [optimizer]
        assert optimizers_of(Trainer().step) == [optimizer]
        assert optimizers_of(lambda: model) == [model.optimizer]
        assert optimizers_of(lambda: tf.zeros([])) == []


class TestUpdateOutside:
    """A step that returns its gradients, which the program applies after the call."""

    def gradients(self, weight):
        """The part that is decorated."""
        with gtlog.InstrumentedTape() as tape:
            loss = weight**2
        return tape.gradient(loss, weight)

    def test_it_is_said_once(self, build, logdir):
        """Gradients that are not zero, no change in the step, a change before the next."""
        weight = variable()
        step = build(lambda: self.gradients(weight))
        with pytest.warns(SAID, match="^Step 0 took gradients .* changed none") as caught:
            for _ in range(4):
                weight.assign_sub(0.1 * step())
        (message,) = [str(one.message) for one in caught]
        assert "before the next step 'weight' had changed: the update is made outside" in message
        assert "Put the update (optimizer.apply_gradients) into the decorated function" in message
        assert read_events(logdir).of("update_ratio") == {step: 0.0 for step in range(4)}

    def test_after_an_unlogged_step(self, logdir):
        """The next call tells, logged or not."""
        weight = variable()
        step = gtlog.logged_step(logdir, every=100)(lambda: self.gradients(weight))
        with pytest.warns(SAID, match="^Step 0 took gradients"):
            for _ in range(2):
                weight.assign_sub(0.1 * step())

    def test_accumulation_over_calls(self, build):
        """A step that adds gradients up and applies them at each third call is silent."""
        weight, total, calls = variable(), variable(0.0), variable(0.0)

        def train_step():
            total.assign_add(self.gradients(weight))
            calls.assign_add(1.0)
            due = tf.cast(tf.equal(calls % 3.0, 0.0), tf.float32)
            weight.assign_sub(0.1 * due * total)
            total.assign((1.0 - due) * total)

        step = build(train_step)
        for _ in range(7):
            step()

    def test_steps_between_that_were_not_logged(self, build):
        """An update in a later step that is not logged is no update outside."""
        weight, calls = variable(), variable(0.0)

        def train_step():
            calls.assign_add(1.0)
            due = tf.cast(calls > 1.0, tf.float32)
            weight.assign_sub(0.1 * due * self.gradients(weight))

        step = build(train_step, every=3)
        for _ in range(7):
            step()

    def test_frozen_variables(self, build):
        """A gradient that is never applied is silent."""
        weight = variable()
        step = build(lambda: self.gradients(weight))
        for _ in range(5):
            step()

    def test_gradients_of_zero(self, build):
        """Where the gradients are zero nothing is to be said, whatever changes in between."""
        weight = variable(0.0)
        step = build(lambda: self.gradients(weight))
        for _ in range(3):
            step()
            weight.assign(0.0)

    def test_an_overflow_that_the_optimizer_skips(self, build):
        """Infinite gradients, as a loss scale brings them, are no evidence."""
        weight, number = variable(), variable(0.0)

        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = weight / number
            number.assign_add(1.0)
            gradient = tape.gradient(loss, weight)
            weight.assign_sub(tf.where(tf.math.is_finite(gradient), gradient, 0.0))

        step = build(train_step)
        with pytest.warns(SAID, match="NaN or infinite") as caught:
            for _ in range(3):
                step()
        assert len(caught) == 1

    def test_it_is_settled_by_the_first_update(self, decorate):
        """Once a logged step has changed a variable, nothing is kept or compared any more."""
        weight = variable()

        @decorate
        def train_step():
            weight.assign_sub(0.1 * self.gradients(weight))

        train_step()
        outside = train_step.step_logger._post_hook.update_outside
        assert not outside.is_waiting and not outside._remaining

    def test_a_variable_that_is_dropped(self, decorate):
        """A variable that the program has dropped by the next step is compared with nothing."""
        weights = [variable()]
        step = decorate(lambda: self.gradients(weights[-1]))
        step()
        weights[:] = [variable(7.0)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step()
