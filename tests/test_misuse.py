"""What is easily written wrong is said in time, with its cause and with what to write."""

import functools
import gc
import inspect
import linecache
import threading
import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([1.0, 2.0], name="weight")


@pytest.fixture
def train(weight):
    """A step, not decorated."""

    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    return train_step


def dense_layer():
    """A Keras layer, which is called with one argument as schedules are."""
    return tf.keras.layers.Dense(1)


class Callable:
    """An object that is called with a batch."""

    def __call__(self, x, y):
        return x + y


class TestTheStepAsEvery:
    """`logged_step("logs", step)` takes the function for the schedule."""

    @pytest.mark.parametrize(
        "step, seen",
        [
            (lambda x, y: x, "which takes more than one number: x, y"),
            (lambda: 1, "which takes no number"),
            (lambda *, x: x, "which takes more than one number: x"),
            (Callable(), "which takes more than one number: x, y"),
            (tf.function(lambda step: step), "a tf.function"),
            (dense_layer(), "which has variables to train"),
        ],
        ids=["two", "none", "keyword", "object", "tf.function", "layer"],
    )
    @pytest.mark.parametrize("make", [gtlog.logged_step, gtlog.StepLogger])
    def test_refused(self, make, step, seen, logdir):
        """What cannot be a schedule is a TypeError that shows how to decorate it."""
        with pytest.raises(TypeError) as caught:
            make(logdir, step)
        assert f", {seen}. Is it what is to be logged?" in str(caught.value)
        assert "gtlog.logged_step(writer, every=100)(step)" in str(caught.value)

    def test_one_argument(self, logdir):
        """A step of one argument passes for a schedule: its first call says what was meant."""

        def train_step(x):
            return x

        step = gtlog.logged_step(logdir, train_step)
        with pytest.raises(TypeError) as caught:
            step(tf.ones([2]))
        assert "The second argument of logged_step is every" in str(caught.value)
        assert str(caught.value).endswith("write gtlog.logged_step(writer, every=100)(step).")

    @pytest.mark.parametrize(
        "every",
        [
            lambda step: step < 10,
            lambda step, most=10: step < most,
            lambda *arguments: True,
            lambda step, **options: True,
            functools.partial(lambda most, step: step < most, 10),
            {0, 10}.__contains__,
            (10).__gt__,
            bool,
        ],
        ids=["plain", "default", "args", "kwargs", "partial", "set", "slot", "type"],
    )
    def test_schedules(self, every, logdir):
        """Whatever can be called with one number is a schedule."""
        gtlog.StepLogger(logdir, every).close()


class TestRepeatedSteps:
    """The message names where the number came from."""

    @pytest.fixture(params=["set_step", "as_default"])
    def five_is_set(self, request, tmp_path):
        """While it lasts, 5 is the step of TensorFlow's summaries."""
        as_default = tf.summary.create_file_writer(str(tmp_path)).as_default
        if request.param == "as_default":
            if "step" not in inspect.signature(as_default).parameters:
                pytest.skip("before TensorFlow 2.4, as_default sets no step")
            with as_default(step=5):
                yield
        else:
            tf.summary.experimental.set_step(5)
            yield
            tf.summary.experimental.set_step(None)

    @pytest.mark.usefixtures("five_is_set")
    def test_a_number_that_is_set(self, train, logdir):
        """A step that was set once stands still: that cause, and two ways out."""
        step = gtlog.logged_step(logdir)(train)
        with pytest.warns(gtlog.LoggingWarning, match="^Step 5 was not logged") as caught:
            for _ in range(3):
                step()
        assert len(caught) == 1
        message = str(caught[0].message)
        assert "writer.as_default(step=...)" in message and "pass step=0" in message
        assert "checkpoint" not in message

    def test_set_step_beneath_tf_function(self, train, logdir):
        """So does a variable that is set, which only the graph reads."""
        tf.summary.experimental.set_step(tf.Variable(5, dtype=tf.int64))
        step = tf.function(gtlog.logged_step(logdir)(train))
        try:
            with pytest.warns(gtlog.LoggingWarning, match="set it anew before each step") as caught:
                for _ in range(3):
                    step()
        finally:
            tf.summary.experimental.set_step(None)
        assert len(caught) == 1

    @pytest.mark.usefixtures("five_is_set")
    def test_the_way_out(self, train, logdir):
        """With `step=0` gtlog counts, whatever is set."""
        step = gtlog.logged_step(logdir, step=0)(train)
        for _ in range(3):
            step()
        assert list(read_events(logdir).of("loss")) == [0, 1, 2]

    def test_a_variable(self, train, logdir):
        """A variable that stands still is named as what was passed."""
        step = gtlog.logged_step(logdir, step=tf.Variable(7, dtype=tf.int64))(train)
        with pytest.warns(gtlog.LoggingWarning, match="what was passed as step=, which must grow"):
            for _ in range(2):
                step()


class TestTwoLoggersOfOneWriter:
    """A `SummaryWriter` that two loggers write with."""

    @pytest.mark.parametrize("keep", [True, False], ids=["both live", "one after the other"])
    def test_repeated_steps(self, keep, train, logdir):
        """Steps 0, 1, 2, 0, 1, 2 are said once, by the second logger."""
        writer = tf.summary.create_file_writer(logdir)
        kept = [gtlog.logged_step(writer)(train)]
        for _ in range(3):
            kept[0]()
        if not keep:
            kept.clear()
            gc.collect()
        second = gtlog.logged_step(writer)(train)
        with pytest.warns(gtlog.LoggingWarning) as caught:
            for _ in range(3):
                second()
        (warning,) = caught
        assert str(warning.message).startswith(
            "Step 0 was written to a SummaryWriter with which another logger has written steps up "
            "to 2."
        )
        writer.close()
        steps = [one.step for one in read_events(logdir) if one.tag == "loss"]
        assert steps == [0, 1, 2, 0, 1, 2]

    def test_steps_that_go_on(self, train, logdir):
        """A second logger that goes on where the first has ended is silent."""
        writer = tf.summary.create_file_writer(logdir)
        for start in (0, 3):
            step = gtlog.logged_step(writer, step=start)(train)
            for _ in range(3):
                step()
        writer.close()
        assert list(read_events(logdir).of("loss")) == list(range(6))

    def test_two_writers(self, train, tmp_path):
        """Loggers with a writer each know nothing of each other."""
        for name in ("one", "two"):
            step = gtlog.logged_step(tf.summary.create_file_writer(str(tmp_path / name)))(train)
            for _ in range(3):
                step()

    def test_the_writer_is_left_alone(self, train, logdir):
        """Nothing is put on the user's writer, and it is not kept."""
        writer = tf.summary.create_file_writer(logdir)
        before = set(vars(writer))
        step = gtlog.logged_step(writer)(train)
        step()
        assert set(vars(writer)) == before


class TestAPlainTape:
    """A decorated step that trains with `tf.GradientTape`."""

    @pytest.fixture
    def plain(self, weight):
        """A step, not decorated."""

        def train_step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(weight)
            weight.assign_sub(0.1 * tape.gradient(loss, weight))

        return train_step

    @pytest.mark.parametrize("where", ["eager", "above", "beneath"])
    def test_it_is_said_once(self, where, plain, logdir):
        """As soon as weights have changed, it is said what is not logged and what to write."""
        step = tf.function(plain) if where == "above" else plain
        step = gtlog.logged_step(logdir)(step)
        step = tf.function(step) if where == "beneath" else step
        with pytest.warns(gtlog.LoggingWarning, match="^The logged step changes 'w") as caught:
            for _ in range(4):
                step()
        assert len(caught) == 1
        message = str(caught[0].message)
        assert "up to step 1 gtlog has seen no gtlog.InstrumentedTape" in message
        assert "write gtlog.InstrumentedTape() in place of tf.GradientTape()" in message
        assert list(read_events(logdir).of("weights/weight")) == [0, 1, 2, 3]

    def test_named_summaries(self, plain, logdir):
        """Who names the summaries knows what is logged: nothing is said."""
        step = gtlog.logged_step(logdir, summaries=[gtlog.summaries.histograms()])(plain)
        for _ in range(3):
            step()

    def test_weights_that_stay(self, weight, logdir):
        """A step that changes nothing trains nothing: an evaluation, a frozen model."""
        step = gtlog.logged_step(logdir)(tf.function(lambda: tf.reduce_sum(weight)))
        for _ in range(3):
            step()

    def test_statistics_that_move(self, logdir):
        """Of variables that are not trained it says nothing."""
        statistics = tf.Module()
        statistics.mean = tf.Variable([0.0], trainable=False, name="mean")
        statistics.weight = tf.Variable([1.0], name="weight")
        step = gtlog.logged_step(logdir, model=statistics)(
            lambda: statistics.mean.assign_add([1.0])
        )
        for _ in range(3):
            step()

    def test_a_tape_that_takes_gradients_seldom(self, train, plain, logdir):
        """A step that has an InstrumentedTape has it, though other steps have none."""
        log = gtlog.StepLogger(logdir)
        with log.step():
            train()
        for _ in range(3):
            with log.step():
                plain()
        log.close()

    def test_keras_callback(self, logdir):
        """Keras's own tape cannot be swapped: the callback says nothing."""
        model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        with gtlog.StepLogger(logdir) as log:
            x, y = np.ones([8, 2], np.float32), np.ones([8, 1], np.float32)
            model.fit(x, y, 2, verbose=0, callbacks=[log.keras_callback()])
        assert read_events(logdir)


class TestATapeOfNoStep:
    """A tape that is swapped where nothing logs its gradients."""

    def test_it_is_said_at_the_line(self, train):
        """The warning names the remedies and points at the call of `gradient`."""
        with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step") as caught:
            train()
        (warning,) = caught
        assert "@gtlog.logged_step(...)" in str(warning.message)
        assert "InstrumentedTape(logger=log)" in str(warning.message)
        line = linecache.getline(warning.filename, warning.lineno)
        assert "tape.gradient(loss, weight)" in line

    def test_behind_the_step(self, weight, logdir):
        """So is a gradient that is taken after the step has ended."""
        with gtlog.StepLogger(logdir) as logger:
            with logger.step(), gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step"):
                tape.gradient(loss, weight)

    def test_what_is_silent(self, weight):
        """Gradients of tensors and jacobians are logged nowhere: nothing is said of them."""
        x = tf.constant([1.0, 2.0])
        with gtlog.InstrumentedTape(persistent=True) as tape:
            tape.watch(x)
            y = x * weight
        tape.gradient(y, x)
        tape.jacobian(y, weight)

    @pytest.mark.parametrize("every", [1, 5])
    def test_another_thread(self, every, train, logdir):
        """A thread may work for a step that another one has begun, as replicas do."""

        @gtlog.logged_step(logdir, every=every, include="nothing", summaries=[])
        def step():
            thread = threading.Thread(target=lambda: caught.append(warned(train)))
            thread.start()
            thread.join()

        caught = []
        for _ in range(3):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                step()
        assert caught == [0, 0, 0]

    def test_unlogged_steps(self, train, logdir):
        """A step that is not logged is a step."""
        step = gtlog.logged_step(logdir, every=100)(train)
        for _ in range(3):
            step()


def warned(function):
    """How many warnings a function gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return len([one for one in caught if "outside of any" in str(one.message)])


class TestKerasCallbacks:
    """Keras is handed what is no callback."""

    @pytest.mark.parametrize("of", [lambda log: log, lambda log: log.keras_callback])
    def test_what_makes_a_callback(self, of, logdir):
        """The logger itself, or its method without parentheses: the error says what to write."""
        model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        with gtlog.StepLogger(logdir) as log:
            with pytest.raises(AttributeError) as caught:
                model.fit(np.ones([4, 2]), np.ones([4, 1]), verbose=0, callbacks=[of(log)])
        assert "is no Keras callback" in str(caught.value)
        assert "callbacks=[log.keras_callback()]" in str(caught.value)

    def test_other_names(self, logdir):
        """Any other name that is not there is the usual AttributeError."""
        with gtlog.StepLogger(logdir) as log:
            with pytest.raises(AttributeError, match="'StepLogger' object has no attribute 'foo'"):
                log.foo
            with pytest.raises(AttributeError, match="keras_callback has no attribute 'foo'"):
                log.keras_callback.foo
            assert not hasattr(log, "set_model")
            assert log.keras_callback.__name__ == "keras_callback"


class TestRepr:
    """A logger says what it is."""

    def test_of_a_logger(self, train, logdir):
        """Where it writes, when, and how far it is."""
        step = gtlog.logged_step(logdir, every=2)(train)
        log = step.step_logger
        start = f"<gtlog.StepLogger into {logdir!r}, every=2, "
        assert repr(log) == f"{start}nothing logged yet>"
        for _ in range(4):
            step()
        assert repr(log) == f"{start}step 2 logged last>"
        assert repr(log) in repr(log.keras_callback)

    @pytest.mark.parametrize(
        "every",
        [
            "every_steps(10)",
            "every_seconds(60)",
            "log_spaced(20)",
            "log_spaced(20, max_gap=5)",
            "overhead(0.02)",
        ],
    )
    def test_of_schedules(self, every):
        """A schedule's repr is the call that makes it."""
        assert repr(eval(f"gtlog.{every}")) == every


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: gtlog.summaries.less_often(one, 1)])
def test_a_summary_that_returns_none(wrap, train, logdir):
    """A summary that only looks, and returns nothing, yields nothing and has not failed."""
    seen = []
    summaries = [wrap(lambda record: seen.append(record.step)), gtlog.summaries.scalars()]
    step = gtlog.logged_step(logdir, summaries=summaries)(train)
    step()
    assert seen == [0]
    assert list(read_events(logdir).of("loss")) == [0]
