"""Steps with something in them that has no numbers, or lives elsewhere: all else is logged."""

import json

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .steps_in_ways import WAYS


@pytest.fixture(params=WAYS)
def way(request):
    """How a step is decorated: a function of the decorator and the step."""
    return WAYS[request.param]


def train(weight, target_of):
    """One step of gradient descent, given what is differentiated."""
    with gtlog.InstrumentedTape() as tape:
        target = target_of(weight)
    weight.assign_sub(tf.cast(0.1 * tape.gradient(target, weight), weight.dtype))
    return tf.reduce_sum(weight)


class TestNumbersThatNumpyLacks:
    """dtypes that numpy has no scalars of."""

    def test_a_scalar_bfloat16_loss(self, way, logdir):
        """A loss of rank 0 in bfloat16 is logged, and everything beside it."""
        weight = tf.Variable([3.0, 1.0], name="weight")
        step = way(
            gtlog.logged_step(logdir),
            lambda: train(weight, lambda w: tf.cast(tf.reduce_sum(w**2), tf.bfloat16)),
        )
        step()
        step()
        events = read_events(logdir)
        assert events.of("loss")[0] == 10.0
        assert list(events.of("gradients/weight")) == [0, 1]

    def test_a_scalar_bfloat16_variable(self, way, logdir):
        """A variable of rank 0 in bfloat16 is logged with its value after the update."""
        weight = tf.Variable(tf.constant(2.0, tf.bfloat16), name="weight")
        step = way(
            gtlog.logged_step(logdir),
            lambda: train(weight, lambda w: tf.cast(w, tf.float32) ** 2),
        )
        after = float(step())
        rows = read_events(logdir).of("weights/weight")[0]
        assert rows[-1].tolist() == [after, after, 1.0]


def test_strings_among_the_targets(way, logdir):
    """A string among the targets is skipped, as the tape skips it; the loss is the rest."""
    weight = tf.Variable([3.0, 1.0], name="weight")
    step = way(
        gtlog.logged_step(logdir),
        lambda: train(weight, lambda w: [tf.reduce_sum(w**2), tf.constant("text")]),
    )
    step()
    events = read_events(logdir)
    assert events.of("loss") == {0: 10.0}
    assert "gradients/weight" in events.tags


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorFlow 2.3's own
def test_a_variable_of_a_v1_graph(logdir):
    """A variable of a tf.compat.v1 graph that a step touches is none of the step's."""
    weight = tf.Variable([3.0, 1.0], name="weight")

    @gtlog.logged_step(logdir)
    def train_step():
        with tf.Graph().as_default():
            other = tf.compat.v1.get_variable("other", [2], use_resource=True)
            other.read_value()
        return train(weight, lambda w: tf.reduce_sum(w**2))

    train_step()
    train_step()
    events = read_events(logdir)
    assert list(events.of("weights/weight")) == [0, 1]
    assert [tag for tag in events.tags if "other" in tag] == []


def test_a_model_saved_inside_a_step(logdir, tmp_path):
    """A step that exports the model is logged, and so are all later ones."""

    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable([3.0, 1.0], name="weight")

        @tf.function(input_signature=[tf.TensorSpec([2])])
        def __call__(self, x):
            return self.weight * x

    net = Net()

    @gtlog.logged_step(logdir)
    def train_step():
        tf.saved_model.save(net, str(tmp_path / "saved"))
        return train(net.weight, lambda w: tf.reduce_sum(w**2))

    for _ in range(3):
        train_step()
    events = read_events(logdir)
    assert list(events.of("weights/weight")) == [0, 1, 2]
    assert [tag for tag in events.tags if tag.startswith("weights/")] == ["weights/weight"]


def test_a_tape_in_a_plain_graph(logdir):
    """A tape inside tf.Graph().as_default() is said once; the eager part of the step is logged."""
    weight = tf.Variable([3.0, 1.0], name="weight")

    @gtlog.logged_step(logdir)
    def train_step():
        with tf.Graph().as_default():
            with gtlog.InstrumentedTape() as tape:
                x = tf.constant([1.0, 2.0])
                tape.watch(x)
                y = tf.reduce_sum(x**2)
            tape.gradient(y, x)
        return train(weight, lambda w: tf.reduce_sum(w**2))

    with pytest.warns(gtlog.LoggingWarning, match="tf.Graph of tf.compat.v1") as warned:
        for _ in range(3):
            train_step()
    assert len(warned) == 1
    events = read_events(logdir)
    assert list(events.of("loss")) == [0, 1, 2]
    assert list(events.of("gradients/weight")) == [0, 1, 2]


def test_the_gate_has_a_home_outside_any_graph(logdir):
    """A tf.function that is first traced inside a plain graph's scope logs ever after."""
    weight = tf.Variable([3.0, 1.0], name="weight")

    @gtlog.logged_step(logdir)
    def train_step():
        return inner()

    inner = tf.function(lambda: train(weight, lambda w: tf.reduce_sum(w**2)))
    with pytest.warns(gtlog.LoggingWarning, match="tf.compat.v1"):
        with tf.Graph().as_default():
            train_step.step_logger.step().__enter__()
    train_step()
    train_step()
    assert len(read_events(logdir).of("loss")) == 2


def test_eager_execution_disabled(python, tmp_path):
    """Without eager execution gtlog says at decoration that it logs nothing, and adds nothing."""
    code = """
import json, sys, warnings
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
import gtlog

logdir, is_logged = sys.argv[1], sys.argv[2] == "logged"
said = []
warnings.showwarning = lambda message, *rest, **more: said.append(str(message))
weight = tf.compat.v1.get_variable("weight", initializer=tf.constant([3.0, 1.0]))

def train_step():
    with (gtlog.InstrumentedTape() if is_logged else tf.GradientTape()) as tape:
        loss = tf.reduce_sum(weight**2)
    return tf.compat.v1.assign_sub(weight, 0.1 * tape.gradient(loss, weight))

if is_logged:
    train_step = gtlog.logged_step(logdir)(train_step)
said_at_decoration = len(said)
update = train_step()
with tf.compat.v1.Session() as session:
    session.run(tf.compat.v1.global_variables_initializer())
    values = session.run(update).tolist()
print(json.dumps({
    "values": values,
    "variables": [one.name for one in tf.compat.v1.global_variables()],
    "operations": len(tf.compat.v1.get_default_graph().get_operations()),
    "said": said, "at_decoration": said_at_decoration,
}))
"""
    logged, bare = (
        json.loads(python.output(code, tmp_path, kind)[0].splitlines()[-1])
        for kind in ("logged", "bare")
    )
    assert logged["at_decoration"] == len(logged["said"]) == 1
    assert "nothing of it is logged" in logged["said"][0]
    for fact in ("values", "variables", "operations"):
        assert logged[fact] == bare[fact]
    np.testing.assert_allclose(logged["values"], [2.4, 0.8])
