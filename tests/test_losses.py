"""A loss keeps its tag by what it is the loss of, and many in one step become one figure."""

import dataclasses
from typing import Any, Callable

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import summaries
from gtlog.records.collected import Capture
from gtlog.records.losses import LossNames, Target
from gtlog.testing import read_events

from . import test_replicas as replicas
from .reference import assert_histogram
from .run_modes.rows.replicas import mirrored_strategy


@pytest.fixture(params=["eager", "above", "beneath"])
def build(request, logdir):
    """Decorates a step in one of the ways to run it."""
    decorate = gtlog.logged_step(logdir)
    return {
        "eager": decorate,
        "above": lambda step: decorate(tf.function(step)),
        "beneath": lambda step: tf.function(decorate(step)),
    }[request.param]


@dataclasses.dataclass
class Pair:
    """A generator and a critic of one variable each.

    Attributes:
      generator: Starts at 2.
      critic: Starts at 3.
    """

    generator: Any = dataclasses.field(default_factory=lambda: tf.Variable(2.0, name="generator"))
    critic: Any = dataclasses.field(default_factory=lambda: tf.Variable(3.0, name="critic"))

    def train(self, variable, loss: Callable, name=None):
        """One update of one of the two."""
        with gtlog.InstrumentedTape(name=name) as tape:
            value = loss(variable)
        variable.assign_sub(0.25 * tape.gradient(value, variable))


def loss_tags(logdir):
    """The tags of losses, each with its steps."""
    events = read_events(logdir)
    return {tag: list(events.of(tag)) for tag in events.tags if tag.partition("/")[0] == "loss"}


class TestTags:
    """Which tag a loss has."""

    def test_a_generator_that_is_trained_at_each_third_step(self, build, logdir):
        """The critic keeps `loss/1`, whether the generator is trained beside it or not."""
        pair, number = Pair(), tf.Variable(0)

        def train_step():
            number.assign_add(1)
            if number % 3 == 1:
                pair.train(pair.generator, lambda generator: 5.0 * generator)
            pair.train(pair.critic, lambda critic: 7.0 + 0.0 * critic)

        step = build(train_step)
        for _ in range(6):
            step()
        events = read_events(logdir)
        assert list(events.of("loss/0")) == [0, 3]
        assert events.of("loss/1") == {step: 7.0 for step in range(6)}
        assert "loss" not in events.tags

    def test_a_loss_that_turns_up_later(self, build, logdir):
        """The loss that was alone at first keeps `loss`; the later one is `loss/1`."""
        pair, number = Pair(), tf.Variable(0)

        def train_step():
            number.assign_add(1)
            if number == 3:
                pair.train(pair.generator, lambda generator: 5.0 + 0.0 * generator)
            pair.train(pair.critic, lambda critic: 7.0 + 0.0 * critic)

        step = build(train_step)
        for _ in range(4):
            step()
        assert loss_tags(logdir) == {"loss": [0, 1, 2, 3], "loss/1": [2]}
        assert read_events(logdir).of("loss/1") == {2: 5.0}

    def test_layers_that_are_trained_from_some_step_on(self, logdir):
        """The loss of a model of which more layers are trained than before keeps its tag."""
        base, head = tf.Variable(1.0, name="base"), tf.Variable(2.0, name="head")

        @gtlog.logged_step(logdir)
        def train_step(trained):
            with gtlog.InstrumentedTape() as tape:
                loss = base * head
            tape.gradient(loss, trained)

        for trained in ([head], [base, head], [base]):
            train_step(trained)
        assert loss_tags(logdir) == {"loss": [0, 1, 2]}

    def test_variables_that_the_filter_leaves_out(self, logdir):
        """Losses of models that are not logged are told apart as well."""
        pair = Pair()

        @gtlog.logged_step(logdir, include="other", summaries=[summaries.scalars()])
        def train_step():
            pair.train(pair.generator, lambda generator: generator)
            pair.train(pair.critic, lambda critic: critic)

        with pytest.warns(gtlog.LoggingWarning, match="logged no variable"):
            train_step()
        assert loss_tags(logdir) == {"loss/0": [0], "loss/1": [0]}

    def test_many_targets_of_one_tape(self, build, logdir):
        """More than eight targets of one persistent tape are one figure, the last."""
        weight = tf.Variable(1.0, name="weight")

        def train_step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                losses = [factor * weight for factor in range(9)]
            for loss in losses:
                tape.gradient(loss, weight)

        with pytest.warns(gtlog.LoggingWarning, match="differentiated 9 losses by the same"):
            build(train_step)()
        assert read_events(logdir).of("loss") == {0: 8.0}
        assert loss_tags(logdir) == {"loss": [0]}
        assert read_events(logdir).of("gradient_norm") == {0: float(sum(range(9)))}

    def test_the_description_says_which_variables(self, logdir):
        """The description of a numbered loss names what it was differentiated by."""
        pair = Pair()

        @gtlog.logged_step(logdir)
        def train_step():
            pair.train(pair.generator, lambda generator: generator)
            pair.train(pair.critic, lambda critic: critic)

        train_step()
        described = {one.tag: one.description for one in read_events(logdir)}
        assert described["loss/1"] == "What `tape.gradient` differentiated by `critic`."


class TestNamedTapes:
    """`InstrumentedTape(name=...)`."""

    def test_tags(self, build, logdir):
        """Loss, gradient norm, weight norm and update ratio have the name, each of its own."""
        pair = Pair()

        def train_step():
            pair.train(pair.generator, lambda generator: generator**2, "generator")
            pair.train(pair.critic, lambda critic: 4.0 * critic, "critic")

        build(train_step)()
        events = read_events(logdir)
        assert loss_tags(logdir) == {"loss/generator": [0], "loss/critic": [0]}
        expected = {
            "loss/generator": 4.0,
            "gradient_norm/generator": 4.0,
            "weight_norm/generator": 1.0,
            "update_ratio/generator": 1.0,
            "loss/critic": 12.0,
            "gradient_norm/critic": 4.0,
            "weight_norm/critic": 2.0,
            "update_ratio/critic": 0.5,
            "gradient_norm": np.sqrt(32.0),
            "update_ratio": np.sqrt(2.0) / np.sqrt(5.0),
        }
        for tag, value in expected.items():
            np.testing.assert_allclose(events.of(tag)[0], value, rtol=1e-6, err_msg=tag)

    def test_a_variable_of_two_tapes(self, build, logdir):
        """Each name has the gradient of its own tapes; the variable has the sum."""
        shared = tf.Variable(2.0, name="shared")

        def train_step():
            with gtlog.InstrumentedTape(name="one") as one:
                first = 3.0 * shared
            with gtlog.InstrumentedTape(name="two") as two:
                second = 4.0 * shared
            one.gradient(first, shared)
            two.gradient(second, shared)

        build(train_step)()
        events = read_events(logdir)
        assert events.of("gradient_norm/one") == {0: 3.0}
        assert events.of("gradient_norm/two") == {0: 4.0}
        assert_histogram(events.of("gradients/shared")[0], [7.0])

    def test_several_targets_of_a_named_tape(self, logdir):
        """The second target of a persistent tape has a number after the name."""
        weight = tf.Variable(2.0, name="weight")

        @gtlog.logged_step(logdir)
        def train_step():
            with gtlog.InstrumentedTape(persistent=True, name="heads") as tape:
                first, second = 3.0 * weight, 4.0 * weight
            for loss in (first, second):
                tape.gradient(loss, weight)

        train_step()
        assert loss_tags(logdir) == {"loss/heads": [0], "loss/heads/1": [0]}

    @pytest.mark.parametrize("name", ["", "7", "a\n", "\ud800"])
    def test_names_that_are_refused(self, name):
        """A name that is empty, a number or not printable is an error with what to write."""
        with pytest.raises(ValueError, match="name must have characters that can be printed"):
            gtlog.InstrumentedTape(name=name)

    def test_a_name_that_is_no_string(self):
        """Anything but a string is an error that says what was given."""
        with pytest.raises(TypeError, match=r"name must be a string, got 3 \(int\)"):
            gtlog.InstrumentedTape(name=3)


class TestSeveralUpdates:
    """A step that changes a variable between its gradients."""

    MESSAGE = "^Step 0 took the gradient of 'critic' at 3 different values"

    def three_updates(self, pair):
        """The critic goes 3, 1.5, 0.75, 0.375; its gradients are 6, 3, 1.5."""
        for _ in range(3):
            pair.train(pair.critic, lambda critic: critic**2)

    def test_the_last_gradient_counts(self, build, logdir):
        """Gradients at different weights are not summed, and it is said what to write."""
        pair = Pair()
        with pytest.warns(gtlog.LoggingWarning, match=self.MESSAGE) as caught:
            build(lambda: self.three_updates(pair))()
        assert len(caught) == 1 and "with log.step():" in str(caught[0].message)
        events = read_events(logdir)
        assert events.of("gradient_norm") == {0: 1.5}
        assert events.of("loss") == {0: 0.75**2}
        ratio = (3.0 - 0.375) / 0.375
        np.testing.assert_allclose(events.of("update_ratio")[0], ratio, rtol=1e-6)
        described = {one.tag: one.description for one in events}
        assert "the last gradient counts" in described["gradient_norm"]
        assert "The last one" in described["loss"]

    def test_a_loop_in_the_graph(self, build, logdir):
        """A loop of the graph, or of Python, that makes the updates is one figure as well."""
        pair = Pair()

        def train():
            for _ in tf.range(3):
                pair.train(pair.critic, lambda critic: critic**2)

        with pytest.warns(gtlog.LoggingWarning, match=self.MESSAGE):
            build(train)()
        assert read_events(logdir).of("gradient_norm") == {0: 1.5}
        assert loss_tags(logdir) == {"loss": [0]}

    def test_a_nested_function_called_several_times(self, build, logdir):
        """The same tape of a nested tf.function, run several times, is one figure."""
        pair = Pair()
        one_update = tf.function(lambda: pair.train(pair.critic, lambda critic: critic**2))

        def train():
            for _ in range(3):
                one_update()

        with pytest.warns(gtlog.LoggingWarning, match=self.MESSAGE):
            build(train)()
        assert read_events(logdir).of("gradient_norm") == {0: 1.5}
        assert loss_tags(logdir) == {"loss": [0]}

    def test_two_optimizers_each_once(self, build, logdir):
        """A generator and a critic, each updated once, are nothing to speak of."""
        pair = Pair()

        def train_step():
            pair.train(pair.generator, lambda generator: generator**2)
            pair.train(pair.critic, lambda critic: critic**2)

        step = build(train_step)
        for _ in range(3):
            step()
        assert loss_tags(logdir) == {"loss/0": [0, 1, 2], "loss/1": [0, 1, 2]}

    def test_nan_is_no_change(self, build, logdir):
        """A variable that is NaN before each of two gradients has not changed."""
        weight = tf.Variable(np.nan, name="weight")

        def train_step():
            with gtlog.InstrumentedTape(persistent=True) as tape:
                first, second = weight * 0.0 + 1.0, weight * 3.0
            for loss in (first, second):
                tape.gradient(loss, weight)

        with pytest.warns(gtlog.TrainingWarning, match="NaN") as caught:
            build(train_step)()
        assert len(caught) == 1
        assert read_events(logdir).of("gradient_norm") == {0: 3.0}

    @pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float64, tf.complex64])
    def test_any_dtype(self, dtype, logdir):
        """Values of any type, scalars as well, are compared."""
        weight = tf.Variable(tf.cast(2.0, dtype), name="weight")
        capture_values = [weight.read_value(), weight.read_value(), weight.assign_add(weight)]
        capture = Capture(0)
        for value in capture_values:
            capture.add_before("weight", tf.convert_to_tensor(value))
            capture.add_gradient("weight", tf.constant(1.0), enclosed=False)
        assert capture.changed_between == {"weight": 1}


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])
class TestReplicas:
    """Two replicas, whose losses and gradients are 3 and 4 times the weight, and 3 and 4."""

    @pytest.fixture
    def weight(self):
        """A variable that each replica has a copy of, at first 1."""
        self.strategy = mirrored_strategy()
        return replicas.variable(self.strategy, 1.0)

    def run(self, logdir, wrap, replica_step):
        """Runs a step once in both replicas; returns its events."""
        gtlog.logged_step(logdir)(wrap(lambda: self.strategy.run(replica_step)))()
        return read_events(logdir)

    def test_a_named_tape(self, wrap, weight, logdir):
        """Loss and norm of a named tape are those of the sum over the replicas."""

        def replica_step():
            for name, factor in (("critic", 1.0), ("penalty", 2.0)):
                with gtlog.InstrumentedTape(name=name) as tape:
                    loss = factor * (3.0 + replicas.replica()) * weight
                tape.gradient(loss, weight)

        events = self.run(logdir, wrap, replica_step)
        assert events.of("loss/critic") == {0: 7.0}
        assert events.of("gradient_norm/penalty") == {0: 14.0}
        assert_histogram(events.of("gradients/w/kernel")[0], [21.0])

    def test_several_updates(self, wrap, weight, logdir):
        """After an update of all replicas, only the gradients at the new value count."""

        def replica_step():
            replicas.differentiate(weight)
            replicas.differentiate(weight)

        with pytest.warns(gtlog.LoggingWarning, match="at 2 different values"):
            events = self.run(logdir, wrap, replica_step)
        assert_histogram(events.of("gradients/w/kernel")[0], [7.0])
        assert events.of("loss") == {0: 7.0 * (1.0 - 7.0)}


class TestTable:
    """`LossNames`."""

    def of(self, *names_and_sources):
        """Targets, each given by its sources."""
        return [Target("", tuple(sources), 0) for sources in names_and_sources]

    def test_two_that_were_one(self):
        """A loss that was taken for another one gets its own number once both are there."""
        names = LossNames()
        assert names.of(self.of("a")) == [""]
        assert names.of(self.of("ba")) == [""]
        assert names.of(self.of("a", "ba")) == ["", "1"]
        assert names.of(self.of("ba")) == ["1"]

    def test_never_a_hundred(self):
        """After 32 names there are no more."""
        names = LossNames()
        given = [names.of(self.of([f"v{number}"]))[0] for number in range(40)]
        assert given[:32] == ["", *map(str, range(1, 32))]
        assert given[32:] == [None] * 8
