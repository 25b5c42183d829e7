"""A decorated function that XLA compiles: logged steps run a second one of the same Python."""

import collections
import gc
import inspect
import warnings
import weakref

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.graphs.second_function import ExtraOutputs
from gtlog.testing import read_events

from .run_modes.ways import compiled

Pair = collections.namedtuple("Pair", "first second")


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([1.0, 2.0], name="weight")


def descent(weight, returned=lambda loss: loss, tape_class=gtlog.InstrumentedTape):
    """A step that takes a tenth of its gradient from a variable."""

    def train_step(scale=1.0):
        with tape_class() as tape:
            loss = tf.reduce_sum(scale * weight**2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return returned(loss)

    return train_step


RETURNED = {
    "nothing": lambda loss: None,
    "a tensor": lambda loss: loss,
    "a number": lambda loss: 3,
    "a tuple": lambda loss: (loss, None),
    "a list": lambda loss: [loss, [2 * loss]],
    "a dict": lambda loss: {"b": loss, "a": {"c": 2 * loss}},
    "a named tuple": lambda loss: Pair(loss, [loss]),
    "slices": lambda loss: tf.IndexedSlices(tf.stack([loss]), tf.constant([1])),
}


@pytest.mark.parametrize("returned", list(RETURNED))
def test_what_it_returns(returned, logdir):
    """Logged and unlogged steps return what the bare function does, in types and structure."""
    bare_weight, weight = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])
    bare = compiled(descent(bare_weight, RETURNED[returned], tf.GradientTape))
    step = gtlog.logged_step(logdir, every=2)(compiled(descent(weight, RETURNED[returned])))
    for _ in range(3):
        expected, actual = bare(), step()
        assert type(actual) is type(expected)
        tf.nest.assert_same_structure(actual, expected, expand_composites=True)
        flat = zip(*(tf.nest.flatten(one, expand_composites=True) for one in (actual, expected)))
        for one, other in flat:
            assert type(one) is type(other)
            if other is not None:
                assert one.dtype == other.dtype
                np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6)


def test_unlogged_steps_are_the_users_own_bit_for_bit(logdir):
    """From the same weights, an unlogged step leaves the very weights that the bare one leaves."""
    random = np.random.RandomState(0)
    start = random.randn(40, 30).astype("f")
    bare_weight, weight = tf.Variable(start), tf.Variable(start)
    bare = compiled(descent(bare_weight, tape_class=tf.GradientTape))
    step = gtlog.logged_step(logdir, every=lambda number: number == 1)(compiled(descent(weight)))
    for number in range(4):
        weight.assign(bare_weight)
        expected, actual = bare().numpy(), step().numpy()
        if number != 1:
            np.testing.assert_array_equal(actual, expected)
            np.testing.assert_array_equal(weight.numpy(), bare_weight.numpy())


def _keras_dropout():
    layer = tf.keras.layers.Dropout(0.5, seed=3)
    if not hasattr(layer, "seed_generator"):
        pytest.skip("Keras 2 draws by TensorFlow's operations")
    return lambda x: layer(x, training=True)


def _generator():
    generator = tf.random.Generator.from_seed(3)
    return lambda x: x * generator.uniform([6])


def _stateless():
    drawn = tf.Variable([3, 0])
    one = tf.constant([0, 1])
    return lambda x: x * tf.random.stateless_uniform([6], drawn.assign_add(one).read_value())


@pytest.mark.parametrize("source", [_keras_dropout, _generator, _stateless])
def test_random_numbers_of_a_state_that_is_the_users(source, logdir):
    """What is drawn by a state in variables is drawn alike on logged and unlogged steps."""

    def make(tape_class):
        weight, noise = tf.Variable(tf.ones([6])), source()

        def train_step():
            with tape_class() as tape:
                noisy = noise(weight)
                loss = tf.reduce_sum(noisy)
            weight.assign_sub(0.0 * tape.gradient(loss, weight))
            return noisy

        return train_step

    bare = compiled(make(tf.GradientTape))
    step = gtlog.logged_step(logdir, every=2)(compiled(make(gtlog.InstrumentedTape)))
    for _ in range(5):
        np.testing.assert_allclose(step().numpy(), bare().numpy(), rtol=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_other_random_numbers_have_no_seed_under_xla(seed):
    """TensorFlow's: two functions of the same Python code and seed draw different numbers."""
    tf.random.set_seed(seed)
    first, second = (compiled(lambda: tf.random.uniform([6]))().numpy() for _ in range(2))
    assert (first != second).any()


def test_the_users_own_object_is_untouched(logdir, weight):
    """Its traces are those of unlogged steps alone, and all of its attributes are reachable."""
    own = compiled(descent(weight))
    step = gtlog.logged_step(logdir, every=2)(own)
    step(tf.constant(1.0))
    assert inspect.signature(step) == inspect.signature(own)
    names = [operation.name for operation in step.get_concrete_function(1.0).graph.get_operations()]
    assert not [name for name in names if "gtlog" in name]
    assert step.__wrapped__ is own


def test_one_second_function_serves_all_shapes(logdir):
    """Each shape is traced once for logged steps, and once for the others."""
    weight, traces = tf.Variable([1.0, 2.0]), []

    @gtlog.logged_step(logdir, every=2)
    @compiled
    def train_step(x):
        traces.append(x.shape)
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(x * weight)
        weight.assign_sub(tape.gradient(loss, weight))

    for _ in range(3):
        for size in (1, 1, 3, 3):
            train_step(tf.ones([size, 2]))
    assert len(traces) == 4
    assert list(read_events(logdir).of("loss")) == [0, 2, 4, 6, 8, 10]
    norms = read_events(logdir).of("gradient_norm").values()
    np.testing.assert_allclose(list(norms), np.sqrt(2) * np.array([1, 3] * 3), rtol=1e-6)


@pytest.mark.parametrize("method", [False, True], ids=["function", "method"])
def test_variables_made_on_the_first_call(method, logdir):
    """The first step makes its variable, is logged, and leaves it to all others."""
    made = []

    def body(x):
        if not made:
            made.append(tf.Variable([1.0, 2.0], name="late"))
        (weight,) = made
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(x * weight)
        weight.assign_sub(tape.gradient(loss, weight))
        return loss

    class Trainer(tf.Module):
        @gtlog.logged_step(logdir, every=2)
        @compiled
        def train_step(self, x):
            return body(x)

    function = gtlog.logged_step(logdir, every=2)(compiled(body))
    train_step = Trainer().train_step if method else function
    losses = [float(train_step(tf.constant(1.0))) for _ in range(4)]
    assert losses == [3.0, 1.0, -1.0, -3.0]
    assert list(read_events(logdir).of("weights/late")) == [0, 2]
    assert read_events(logdir).of("loss") == {0: 3.0, 2: -1.0}


class TestAutoGraph:
    """The step is converted as the user's own function is."""

    def branching(self, weight):
        """A step with an `if` on a tensor."""

        def train_step(x):
            with gtlog.InstrumentedTape() as tape:
                if tf.reduce_sum(x) > 0.0:
                    loss = tf.reduce_sum(weight)
                else:
                    loss = tf.reduce_sum(3.0 * weight)
            weight.assign_sub(tape.gradient(loss, weight))
            return loss

        return train_step

    def test_on(self, logdir, weight):
        """Both branches of an `if` on a tensor run, in one trace."""
        step = gtlog.logged_step(logdir)(compiled(self.branching(weight)))
        assert float(step(tf.constant(1.0))) == 3.0
        assert float(step(tf.constant(-1.0))) == 3.0
        assert [round(n, 4) for n in read_events(logdir).of("gradient_norm").values()] == [
            1.4142,
            4.2426,
        ]

    def test_on_in_a_method(self, logdir, weight):
        """So they do in a method that `tf.function` has bound."""

        class Trainer:
            @gtlog.logged_step(logdir, every=2)
            @compiled
            def train_step(self, x):
                if x > 0.0:
                    factor = tf.constant(1.0)
                else:
                    factor = tf.constant(-1.0)
                return factor * descent(weight)()

        trainer = Trainer()
        losses = [float(trainer.train_step(tf.constant(x))) for x in (1.0, -1.0, -1.0)]
        np.testing.assert_allclose(losses, [5.0, -3.2, -2.048], rtol=1e-6)

    def test_off(self, logdir, weight):
        """With `autograph=False` it fails as the bare function does, and nothing is warned of."""
        step = gtlog.logged_step(logdir)(compiled(self.branching(weight), autograph=False))
        with pytest.raises(Exception, match="tf.Tensor.* as a Python `?bool`?"):
            step(tf.constant(1.0))


def test_an_exception_of_the_users(logdir, weight):
    """It reaches the caller with its line, once, and the next step is logged."""
    raises = [True]

    @gtlog.logged_step(logdir)
    @compiled
    def train_step():
        if raises:
            raises.pop()
            raise ValueError("not yet")
        return descent(weight)()

    with pytest.raises(ValueError, match="not yet") as caught:
        train_step()
    assert any(entry.path == __file__ or "train_step" in str(entry) for entry in caught.traceback)
    train_step()
    assert list(read_events(logdir).of("loss")) == [1]


def test_slices_and_missing_gradients(logdir):
    """Slices arrive as slices; a gradient that is None is said, the others are logged."""
    table, other = tf.Variable(tf.ones([9, 2]), name="table"), tf.Variable([1.0], name="other")
    seen = []

    @gtlog.logged_step(logdir, summaries=lambda record: seen.append(record) or [])
    @compiled
    def train_step(ids):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(tf.gather(table, ids))
        gradient, _ = tape.gradient(loss, [table, other])
        table.scatter_sub(gradient)

    with pytest.warns(gtlog.LoggingWarning, match="returned None for 'other'"):
        train_step(tf.constant([7, 0, 7]))
    (record,) = seen
    gradient = {one.path: one.gradient for one in record.variables}["table"]
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [7, 0, 7]


@pytest.mark.parametrize("every", [1, 2], ids=["logged first", "function traced before"])
@pytest.mark.parametrize("inner", ["tf.function", "tf.cond", "tf.while_loop"])
def test_a_tape_inside_an_inner_graph(inner, every, logdir, weight):
    """What cannot leave is said once; weights and what the step's own tape sees are logged."""
    ahead = tf.Variable([3.0], name="ahead")

    def of_inner():
        return descent(weight)()

    inner_graph = {
        "tf.function": tf.function(of_inner),
        "tf.cond": lambda: tf.cond(ahead[0] > 0.0, of_inner, lambda: 0.0),
        "tf.while_loop": lambda: tf.while_loop(
            lambda k: k < 1.0, lambda k: [k + 0.0 * of_inner() + 1.0], [tf.constant(0.0)]
        ),
    }[inner]

    @gtlog.logged_step(logdir, every=lambda number: number >= every - 1)
    @compiled
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(ahead)
        ahead.assign_sub(0.1 * tape.gradient(loss, ahead))
        inner_graph()

    with pytest.warns(gtlog.LoggingWarning, match="which no tensor can leave") as caught:
        for _ in range(3):
            train_step()
    assert len(caught) == 1
    tags = read_events(logdir).tags
    assert {"weights/weight", "weights/ahead", "gradients/ahead", "loss"} <= set(tags)
    assert "gradients/weight" not in tags


def test_gradients_that_xla_refuses(logdir, weight, monkeypatch):
    """Where XLA compiles the step alone, without its gradients, that is said once."""
    take_tensors = ExtraOutputs.take_tensors
    monkeypatch.setattr(
        ExtraOutputs,
        "take_tensors",
        lambda outputs: [tf.strings.as_string(tensor) for tensor in take_tensors(outputs)],
    )
    step = gtlog.logged_step(logdir)(compiled(descent(weight)))
    with pytest.warns(gtlog.LoggingWarning, match="could not compile the step together") as caught:
        for _ in range(3):
            step()
    assert len(caught) == 1
    np.testing.assert_allclose(weight.numpy(), np.array([1.0, 2.0]) * 0.8**3, rtol=1e-6)
    assert list(read_events(logdir).of("weights/weight")) == [0, 1, 2]


def test_a_step_that_xla_refuses(logdir):
    """The error is the user's own, and gtlog adds nothing to it."""

    @gtlog.logged_step(logdir)
    @compiled
    def train_step(x):
        return tf.strings.to_number(tf.strings.as_string(x))

    with warnings.catch_warnings():
        warnings.simplefilter("error", gtlog.LoggingWarning)
        with pytest.raises(tf.errors.OpError):
            train_step(tf.constant(1.0))


def test_wrong_arguments(logdir, weight):
    """A call that does not fit the signature is a TypeError."""
    step = gtlog.logged_step(logdir)(compiled(descent(weight)))
    with pytest.raises(TypeError):
        step(1.0, 2.0)


def test_functions_that_are_made_to_run_eagerly(logdir, weight):
    """Under `run_functions_eagerly` the step is an eager one, and everything is logged."""
    step = gtlog.logged_step(logdir)(compiled(descent(weight)))
    tf.config.run_functions_eagerly(True)
    try:
        step()
    finally:
        tf.config.run_functions_eagerly(False)
    assert {"gradients/weight", "loss", "update_ratio"} <= set(read_events(logdir).tags)


def test_traced_before_it_was_decorated(logdir, weight):
    """The second function is traced by gtlog itself, so that nothing is missed."""
    own = compiled(descent(weight))
    own()
    gtlog.logged_step(logdir)(own)()
    assert {"gradients/weight", "loss", "update_ratio"} <= set(read_events(logdir).tags)


def test_a_dropped_function_is_collected(logdir):
    """A function, its graphs and variables go when the program drops them, its logger kept."""
    decorate = gtlog.logged_step(logdir)

    def train():
        weight = tf.Variable([1.0], name="weight")
        step = decorate(compiled(descent(weight)))
        step()
        return weakref.ref(weight), weakref.ref(step.__wrapped__)

    references = train()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
