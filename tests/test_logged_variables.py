"""Which variables a step logs: those that it trains, and what else a model has."""

import gc

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .steps_in_ways import WAYS

X = tf.ones([4, 3])
# Named, so that nothing is said of the gradients of a plain tape.
WEIGHTS = {"summaries": [gtlog.summaries.histograms(), gtlog.summaries.scalars()]}


class Net(tf.Module):
    """A frozen layer beneath a trained one; TensorFlow takes both for trainable."""

    def __init__(self, prefix=""):
        super().__init__()
        self.frozen = tf.Variable(tf.fill([3, 2], 30.0), name=f"{prefix}frozen/kernel")
        self.head = tf.Variable(tf.fill([2, 1], 3.0), name=f"{prefix}head/kernel")

    def __call__(self, x):
        return x @ self.frozen @ self.head

    @property
    def trainable_variables(self):
        """The head alone, as Keras gives it where a layer is frozen."""
        return (self.head,)


def train(tape_class, net):
    """One step of gradient descent on the head."""
    with tape_class() as tape:
        loss = tf.reduce_sum(net(X))
    (gradient,) = tape.gradient(loss, [net.head])
    net.head.assign_sub(0.001 * gradient)
    return loss


def paths(events):
    """The paths of the weights that are logged."""
    return {tag.partition("/")[2] for tag in events.tags if tag.startswith("weights/")}


@pytest.fixture(params=WAYS)
def way(request):
    """How a step is decorated: a function of the decorator and the step."""
    return WAYS[request.param]


class TestWhatIsTrained:
    """With an InstrumentedTape, what the tape is asked for; with another, what is read."""

    def test_what_is_only_read_is_not_logged(self, way, logdir):
        """A frozen layer has no tags where an InstrumentedTape shows what is trained."""
        net = Net()
        step = way(gtlog.logged_step(logdir), lambda: train(gtlog.InstrumentedTape, net))
        step()
        step()
        events = read_events(logdir)
        assert paths(events) == {"head/kernel"}
        expected = np.linalg.norm(net.head.numpy())
        np.testing.assert_allclose(events.of("weight_norm")[1], expected, rtol=1e-6)

    def test_a_plain_tape_shows_what_is_read(self, way, logdir):
        """With tf.GradientTape, all trainable variables that the step reads are logged."""
        net = Net()
        step = way(gtlog.logged_step(logdir, **WEIGHTS), lambda: train(tf.GradientTape, net))
        step()
        step()
        assert paths(read_events(logdir)) == {"frozen/kernel", "head/kernel"}

    def test_model_brings_the_rest_back_but_into_no_norm(self, way, logdir):
        """With model=, a frozen layer has its tags, and its norm is in no global one."""
        net = Net()
        decorate = gtlog.logged_step(logdir, model=net)
        step = way(decorate, lambda: train(gtlog.InstrumentedTape, net))
        step()
        step()
        events = read_events(logdir)
        assert paths(events) == {"frozen/kernel", "head/kernel"}
        expected = np.linalg.norm(net.head.numpy())
        np.testing.assert_allclose(events.of("weight_norm")[1], expected, rtol=1e-6)

    def test_a_frozen_layer_has_a_ratio_of_zero(self, way, logdir):
        """With model= and per_variable, the ratio of a layer that stands still is 0."""
        net = Net()
        summaries = [gtlog.summaries.scalars(per_variable=True)]
        decorate = gtlog.logged_step(logdir, model=net, summaries=summaries)
        step = way(decorate, lambda: train(gtlog.InstrumentedTape, net))
        step()
        step()
        events = read_events(logdir)
        assert events.of("update_ratio/frozen/kernel") == {0: 0.0, 1: 0.0}
        assert events.of("update_ratio/head/kernel")[1] > 0.0

    def test_records_say_what_is_trained(self, way, logdir):
        """`VariableRecord.is_trained` tells the trained variables from the model's others."""
        net, seen = Net(), {}

        def remember(record):
            seen.update({one.path: one.is_trained for one in record.variables})
            return ()

        decorate = gtlog.logged_step(logdir, model=net, summaries=remember)
        way(decorate, lambda: train(gtlog.InstrumentedTape, net))()
        assert seen == {"frozen/kernel": False, "head/kernel": True}


@pytest.mark.parametrize("tape", [tf.GradientTape, gtlog.InstrumentedTape])
class TestSeveralModels:
    """What the step no longer reads is no longer logged."""

    @pytest.mark.parametrize("name", WAYS)
    def test_models_one_after_the_other(self, name, tape, logdir):
        """Each step logs the model that it trains, and its norm is that of this model."""
        nets = [Net("first/"), Net("second/")]
        step = WAYS[name](gtlog.logged_step(logdir, **WEIGHTS), lambda net: train(tape, net))
        for net in (nets[0], nets[0], nets[1], nets[1], nets[0]):
            step(net)
        events = read_events(logdir)
        assert list(events.of("weights/first/head/kernel")) == [0, 1, 4]
        assert list(events.of("weights/second/head/kernel")) == [2, 3]


class TestMadeAnew:
    """Variables that live for one step."""

    def test_one_tag_for_a_variable_made_in_each_step(self, logdir):
        """A temporary copy that each step makes has one tag, and no record of it is kept."""
        weight = tf.Variable([3.0], name="weight")

        @gtlog.logged_step(logdir)
        def train_step():
            copy = tf.Variable(weight, name="copy/kernel")
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(copy**2)
            weight.assign_sub(0.1 * tape.gradient(loss, copy))

        for _ in range(10):
            train_step()
            gc.collect()
        events = read_events(logdir)
        assert paths(events) == {"copy/kernel"}
        assert list(events.of("weights/copy/kernel")) == list(range(10))
        registry = train_step.step_logger._post_hook.registry
        assert len(registry._known) <= 2
