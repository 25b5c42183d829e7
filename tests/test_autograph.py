"""Beneath tf.function, AutoGraph converts the user's step as if it were not decorated."""

import traceback
import warnings

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable(2.0, name="weight")


def sign(weight, x):
    """A step with an `if` on data."""
    # The branch holds no variable: TensorFlow 2.3 does not order such a read before the update.
    if tf.reduce_sum(x) > 0:
        factor = 2.0
    else:
        factor = 3.0
    with gtlog.InstrumentedTape() as tape:
        loss = weight * factor
    weight.assign_sub(tape.gradient(loss, weight))
    return loss


def test_data_dependent_if_keeps_working(weight, logdir):
    """A tensor may decide an `if` in a step beneath tf.function."""

    @tf.function
    @gtlog.logged_step(logdir)
    def train_step(x):
        return sign(weight, x)

    assert float(train_step(tf.constant([1.0]))) == 4.0
    assert float(train_step(tf.constant([-1.0]))) == 0.0
    assert read_events(logdir).of("gradient_norm") == {0: 2.0, 1: 3.0}


@pytest.mark.parametrize("base", [object, tf.Module], ids=["plain class", "tf.Module"])
def test_data_dependent_if_in_a_method(base, weight, logdir):
    """The same in a method, of a plain class and of a tf.Module."""

    class Trainer(base):
        @tf.function
        @gtlog.logged_step(logdir)
        def train_step(self, x):
            return sign(weight, x)

    trainer = Trainer()
    assert float(trainer.train_step(tf.constant([1.0]))) == 4.0
    assert float(trainer.train_step(tf.constant([-1.0]))) == 0.0


def test_data_dependent_if_in_a_bound_method(weight, logdir):
    """The same in a bound method that was decorated itself."""

    class Trainer:
        def train_step(self, x):
            return sign(weight, x)

    step = tf.function(gtlog.logged_step(logdir)(Trainer().train_step))
    assert float(step(tf.constant([-1.0]))) == 6.0


def test_for_over_a_dataset_keeps_working(weight, logdir):
    """A step may loop over a dataset; of its updates the last gradient and loss are logged."""
    dataset = tf.data.Dataset.from_tensor_slices([1.0, 2.0, 4.0])

    @tf.function
    @gtlog.logged_step(logdir)
    def train_step():
        for x in dataset:
            with gtlog.InstrumentedTape() as tape:
                loss = weight * x
            weight.assign_sub(tape.gradient(loss, weight))
        return weight.read_value()

    with pytest.warns(gtlog.LoggingWarning, match="at 3 different values"):
        assert float(train_step()) == 2.0 - 7.0
    events = read_events(logdir)
    assert events.of("gradient_norm") == {0: 4.0}
    assert events.of("loss") == {0: (2.0 - 1.0 - 2.0) * 4.0}


def test_a_loop_over_decorated_steps_counts_every_step(weight, logdir):
    """In `for batch in dataset` inside tf.function each call of the step is a step of its own."""

    @gtlog.logged_step(logdir, every=2)
    def train_step(x):
        return sign(weight, x)

    @tf.function
    def epoch(dataset):
        for x in dataset:
            train_step(x)

    epoch(tf.data.Dataset.from_tensor_slices([[1.0], [1.0], [-1.0], [1.0], [-1.0]]))
    assert read_events(logdir).of("gradient_norm") == {0: 2.0, 2: 3.0, 4: 3.0}


def test_no_autograph_warning(weight, logdir, caplog):
    """AutoGraph does not warn that it would run the step as it is."""

    @tf.function
    @gtlog.logged_step(logdir)
    def train_step(x):
        return sign(weight, x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_step(tf.constant([1.0]))
    assert not [one for one in caplog.records if "AutoGraph" in one.getMessage()]


def test_autograph_false_is_respected(weight, logdir):
    """Where the user switched AutoGraph off, the step is not converted."""

    @tf.function(autograph=False)
    @gtlog.logged_step(logdir)
    def train_step(x):
        return sign(weight, x)

    with pytest.raises(TypeError):  # a symbolic tensor is no Python bool
        train_step(tf.constant([1.0]))


def test_the_bare_function_is_converted_afterwards(weight, logdir):
    """A function that was decorated in one place is converted where it is used undecorated."""

    def train_step(x):
        return sign(weight, x)

    decorated = tf.function(gtlog.logged_step(logdir)(train_step))
    assert float(decorated(tf.constant([1.0]))) == 4.0
    with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step"):
        assert float(tf.function(train_step)(tf.constant([-1.0]))) == 0.0


def test_a_decorated_step_called_from_converted_code(weight, logdir):
    """AutoGraph converts a decorated step that a converted function calls."""

    @gtlog.logged_step(logdir)
    def train_step(x):
        return sign(weight, x)

    @tf.function
    def outer(x):
        return train_step(x)

    assert float(outer(tf.constant([-1.0]))) == 6.0


def test_gtlog_itself_is_not_converted(weight, logdir):
    """AutoGraph calls the tape's methods as they are: converting them would slow each trace."""
    names = []

    @tf.custom_gradient
    def doubled(x):
        def grad(upstream):
            names.extend(frame.name for frame in traceback.extract_stack())
            return 2.0 * upstream

        return 2.0 * x, grad

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = doubled(weight)
        return tape.gradient(loss, weight)

    assert float(train_step()) == 2.0
    assert "gradient" in names
    assert not [name for name in names if name.startswith("tf__gradient")]
