"""A warning points at a line of the user's, from wherever it is given."""

import contextlib
import inspect
import linecache
import threading
import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.notices.failures import Failures
from gtlog.notices.users_line import calling_line, first_line_of


@contextlib.contextmanager
def pointed_at():
    """Gives a list that will hold the lines of source that the block's warnings point at."""
    lines = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lines
    for one in caught:
        if issubclass(one.category, gtlog.LoggingWarning):
            assert one.filename == __file__
            lines.append(linecache.getline(one.filename, one.lineno).strip())


def broken(record):
    """A summary that fails."""
    raise ZeroDivisionError("no filters")


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([1.0, 2.0], name="weight")


@pytest.fixture
def train(weight):
    """A step, not decorated."""

    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight * x)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    return train_step


@pytest.mark.parametrize("wrap", [lambda step: step, tf.function], ids=["eager", "above"])
def test_the_call(wrap, train, logdir):
    """After an eager step, or one above `tf.function`, it is the line that calls the step."""
    step = gtlog.logged_step(logdir, summaries=[broken])(wrap(train))
    with pointed_at() as lines:
        step(1.0)  # here
    assert lines == ["step(1.0)  # here"]


def test_beneath(train, logdir):
    """From a callback of TensorFlow's it is the call, or else the definition of the step."""
    step = tf.function(gtlog.logged_step(logdir, summaries=[broken])(train))
    with pointed_at() as lines:
        step(1.0)  # here
    assert lines in (["step(1.0)  # here"], ["def train_step(x):"])


def test_a_thread_without_a_line_of_the_users(train, logdir):
    """Where none of the user's lines runs, it is the definition of the step."""
    logger = gtlog.logged_step(logdir)(train).step_logger
    with pointed_at() as lines:
        run_in_thread(logger._failures.notice, "something")
    assert lines == ["def train_step(x):"]


def run_in_thread(function, *arguments):
    """Calls a function where nothing of this file is on the stack."""
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


def test_a_logger_without_a_function(logdir):
    """Without a decorated function it is the line that made the logger."""
    logger = gtlog.StepLogger(logdir)  # here
    with pointed_at() as lines:
        run_in_thread(logger._failures.notice, "something")
    assert lines == ["logger = gtlog.StepLogger(logdir)  # here"]


def test_while_a_graph_is_traced(weight, logdir):
    """While TensorFlow traces, no line of AutoGraph's file counts: it is the call again."""
    other = tf.Variable([1.0], name="other")

    @gtlog.logged_step(logdir)
    @tf.function
    def train_step(x):
        if tf.reduce_sum(x) > 0.0:
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight * x)
            gradient, _ = tape.gradient(loss, [weight, other])
            weight.assign_sub(0.1 * gradient)
        else:
            loss = 0.0
        return loss

    with pointed_at() as lines:
        train_step(tf.constant(1.0))  # here
    assert lines == ["train_step(tf.constant(1.0))  # here"]


def test_inside_an_eager_step(weight, logdir):
    """What the tape cannot see points at the user's call of `gradient`."""
    other = tf.Variable([1.0], name="other")

    @gtlog.logged_step(logdir)
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        return tape.gradient(loss, [weight, other])  # here

    with pointed_at() as lines:
        train_step()
    assert lines == ["return tape.gradient(loss, [weight, other])  # here"]


def test_an_inline_tape(weight, logdir):
    """In a plain loop it is the line that enters the next tape."""
    with gtlog.StepLogger(logdir, summaries=[broken]) as logger:
        with pointed_at() as lines:
            for _ in range(2):
                with gtlog.InstrumentedTape(logger=logger) as tape:  # here
                    loss = tf.reduce_sum(weight)
                tape.gradient(loss, weight)
    assert lines == ["with gtlog.InstrumentedTape(logger=logger) as tape:  # here"]


def test_fit(logdir):
    """Under Keras it is the call of `fit`."""
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones([4, 2], np.float32), np.ones([4, 1], np.float32)
    with gtlog.StepLogger(logdir, summaries=[broken]) as logger:
        with pointed_at() as lines:
            model.fit(x, y, verbose=0, callbacks=[logger.keras_callback()])  # here
    assert lines == ["model.fit(x, y, verbose=0, callbacks=[logger.keras_callback()])  # here"]


def test_once_per_line(python):
    """Python's own rule holds: by default a line says the same once, whoever makes it say it."""
    _, err = python.output(
        """
        import tempfile
        import tensorflow as tf
        import gtlog

        weight = tf.Variable([1.0])
        def summary(record):
            raise ZeroDivisionError("no filters")
        for _ in range(3):
            with gtlog.StepLogger(tempfile.mkdtemp(), summaries=[summary]) as logger:
                with logger.step(), gtlog.InstrumentedTape() as tape:
                    loss = weight * 1.0
        """
    )
    assert err.count("LoggingWarning") == 1


def test_code_without_a_module():
    """Code that is run with globals of its own, as by `exec`, is warned as well."""
    code = compile("notice('something')", "<cell>", "exec")
    with pytest.warns(gtlog.LoggingWarning, match="something") as caught:
        exec(code, {"notice": Failures("warn").notice})
    assert caught[0].filename == "<cell>"


def test_filters_by_module(train, logdir):
    """A filter on the module of the user's line applies."""
    step = gtlog.logged_step(logdir, summaries=[broken])(train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
        step(1.0)


def test_lines():
    """A line has file, number and module."""
    line = calling_line()
    assert (line.file, line.module) == (__file__, __name__)
    assert linecache.getline(line.file, line.number).strip() == "line = calling_line()"
    assert first_line_of(run_in_thread).number == inspect.getsourcelines(run_in_thread)[1]
    assert first_line_of(tf.function(run_in_thread)) == first_line_of(run_in_thread)
    assert first_line_of(len) is None
