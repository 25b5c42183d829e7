"""Errors say what happened, what was seen and what to write instead, as early as can be."""

import functools
import pathlib
import warnings

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from ..run_modes.ways import compiled


def message_of(kind, function, *arguments, **options):
    """The message of the exception that a call raises."""
    with pytest.raises(kind) as caught:
        function(*arguments, **options)
    return str(caught.value)


class TestEvery:
    """`every` is checked when the decorator is made."""

    RULE = (
        "every must be a positive int N (steps 0, N, 2N, … are logged) or a callable from the "
        "step number to a bool, got {}. "
        "Write every=100, or every=lambda step: step < 10 or step % 100 == 0."
    )

    @pytest.mark.parametrize(
        "every, seen",
        [
            (2.5, "2.5 (float)"),
            (True, "True (bool)"),
            ("10", "'10' (str)"),
            (None, "None (NoneType)"),
        ],
    )
    def test_wrong_type(self, every, seen, logdir):
        """What is no int and no callable is a TypeError with the value and its type."""
        message = message_of(TypeError, gtlog.logged_step, logdir, every=every)
        assert message == self.RULE.format(seen)

    @pytest.mark.parametrize("every", [0, -3])
    def test_out_of_range(self, every, logdir):
        """Zero and negative numbers are a ValueError."""
        assert message_of(ValueError, gtlog.logged_step, logdir, every=every) == (
            f"every must be a positive int, got {every}. "
            "Write every=1 to log each step; to log none, leave the decorator out."
        )


class TestWriter:
    """`writer` is checked when the decorator is made."""

    REMEDY = (
        "Pass tf.summary.create_file_writer(logdir), or the log directory itself as a str or path."
    )

    def test_none(self):
        """None is a TypeError."""
        assert message_of(TypeError, gtlog.logged_step, None) == (
            "writer must be a tf.summary.SummaryWriter, a log directory, a sink, or a list of "
            f"these, got None (NoneType). {self.REMEDY}"
        )

    def test_closed(self, logdir):
        """A closed writer is a ValueError."""
        writer = tf.summary.create_file_writer(logdir)
        writer.close()
        message = message_of(ValueError, gtlog.logged_step, writer)
        assert message.startswith("writer is closed: ")
        assert message.endswith(self.REMEDY)

    def test_a_file(self, tmp_path):
        """A path that is a file is an OSError that names it."""
        path = tmp_path / "notes.txt"
        path.write_text("")
        assert message_of(NotADirectoryError, gtlog.logged_step, path) == (
            f"writer={str(path)!r} is a file, but a log directory is needed. {self.REMEDY}"
        )

    def test_an_unwritable_directory(self):
        """A directory that cannot be made is an OSError that names it."""
        message = message_of(OSError, gtlog.logged_step, "/proc/gtlog/logs")
        assert "writer='/proc/gtlog/logs': the log directory cannot be made" in message

    def test_no_permission(self, tmp_path, monkeypatch):
        """A directory without permission is a PermissionError that names it."""
        monkeypatch.setattr("os.access", lambda path, mode: False)
        message = message_of(PermissionError, gtlog.logged_step, str(tmp_path))
        assert f"writer={str(tmp_path)!r}: no permission to write" in message

    def test_an_empty_path(self):
        """An empty path is a ValueError."""
        message = message_of(ValueError, gtlog.logged_step, "")
        assert message == f"writer must not be an empty path. {self.REMEDY}"

    def test_a_path_that_is_no_utf8(self):
        """TensorFlow cannot open such a path, so it is refused at once."""
        message = message_of(ValueError, gtlog.logged_step, "logs\udcff")
        assert "takes only paths that are valid UTF-8" in message

    def test_the_function_itself(self):
        """`@logged_step` without arguments is an error that shows how to write it."""

        def train_step():
            pass

        message = message_of(TypeError, gtlog.logged_step, train_step)
        assert message.startswith("logged_step needs its arguments before it decorates <function")
        assert "Write @gtlog.logged_step(writer, every=100)" in message

    @pytest.mark.parametrize("make", [str, pathlib.Path], ids=["str", "PathLike"])
    def test_directories_are_taken(self, make, logdir):
        """A directory may come as str or os.PathLike, and is made."""
        gtlog.StepLogger(make(logdir)).close()
        assert pathlib.Path(logdir).is_dir()


class TestStep:
    """`step` is checked when the decorator is made."""

    @pytest.mark.parametrize("step, seen", [("7", "'7' (str)"), (1.5, "1.5 (float)")])
    def test_wrong_type(self, step, seen, logdir):
        """A string or a float is a TypeError."""
        assert message_of(TypeError, gtlog.logged_step, logdir, step=step) == (
            "step must be None (count from 0), an int to start from, a tf.Variable such as "
            f"optimizer.iterations, or a callable, got {seen}."
        )

    def test_negative(self, logdir):
        """A negative int is a ValueError."""
        assert message_of(ValueError, gtlog.logged_step, logdir, step=-1) == (
            "step must not be negative, got -1. "
            "It is the number of the first step, 0 for a new run."
        )


class TestFilters:
    """`include` and `exclude` are checked when the decorator is made, and against what there is."""

    @pytest.mark.parametrize("parameter", ["include", "exclude"])
    def test_broken_expression(self, parameter, logdir):
        """An expression that does not compile is a ValueError that shows it."""
        message = message_of(ValueError, gtlog.logged_step, logdir, **{parameter: "dense[("})
        assert message.startswith(f"{parameter}='dense[(' is no valid regular expression: ")
        assert "re.escape()" in message

    def test_no_expression(self, logdir):
        """A number is a TypeError."""
        assert message_of(TypeError, gtlog.logged_step, logdir, include=3) == (
            "include must be a regular expression or a sequence of them, got 3 (int). "
            "Write include=r'dense/kernel$', for example."
        )

    def test_include_that_matches_nothing(self, logdir):
        """One warning names the paths that there are."""
        kernel, bias = tf.Variable([1.0], name="a/kernel"), tf.Variable([1.0], name="a/bias")

        @gtlog.logged_step(logdir, include="conv")
        def train_step():
            with tf.GradientTape():
                return kernel + bias

        with pytest.warns(gtlog.LoggingWarning) as caught:
            train_step()
            train_step()
        assert [str(one.message) for one in caught] == [
            "Step 0 logged no variable: include/exclude let none of the 2 paths through that the "
            "step touched: 'a/bias', 'a/kernel'."
        ]


class TestOtherParameters:
    """The remaining parameters."""

    def test_on_error(self, logdir):
        """Another policy than "warn" and "raise" is a ValueError."""
        message = message_of(ValueError, gtlog.logged_step, logdir, on_error="ignore")
        assert message.startswith("on_error must be 'warn' or 'raise', got 'ignore'.")

    def test_summaries_without_parentheses(self, logdir):
        """A stock summary that was not called is a TypeError that shows the parentheses."""
        message = message_of(
            TypeError, gtlog.logged_step, logdir, summaries=[gtlog.summaries.histograms]
        )
        assert message.endswith("Write histograms() with parentheses.")

    def test_summaries_that_cannot_be_called(self, logdir):
        """A name in place of a summary is a TypeError."""
        message = message_of(TypeError, gtlog.logged_step, logdir, summaries=["histograms"])
        assert "got 'histograms' (str)" in message

    def test_model(self, logdir):
        """What has no variables is no model."""
        message = message_of(TypeError, gtlog.logged_step, logdir, model="resnet")
        assert message.startswith("model must be a Keras model or a tf.Module")

    def test_parameters_are_keywords(self, logdir):
        """All but `writer` and `every` are keyword-only."""
        with pytest.raises(TypeError):
            gtlog.logged_step(logdir, 1, 0)


class TestWhatCannotBeDecorated:
    """The decorator refuses what is no step."""

    def test_a_class(self, logdir):
        """A class is refused, its method named."""

        class Trainer:
            pass

        assert message_of(TypeError, gtlog.logged_step(logdir), Trainer) == (
            "logged_step decorates a training step, got the class Trainer. Decorate its method: "
            "put @gtlog.logged_step(...) above `def train_step`."
        )

    def test_a_coroutine_function(self, logdir):
        """A coroutine function is refused, also in a partial."""

        async def train_step():
            pass

        for step in (train_step, functools.partial(train_step)):
            message = message_of(TypeError, gtlog.logged_step(logdir), step)
            assert message.startswith("logged_step cannot decorate the coroutine function ")

    def test_a_generator_function(self, logdir):
        """A generator function is refused."""

        def train_steps():
            yield 1

        message = message_of(TypeError, gtlog.logged_step(logdir), train_steps)
        assert "cannot decorate the generator function " in message
        assert "with logger.step():" in message

    @pytest.mark.parametrize(
        "wrap", [lambda f: f, tf.function, staticmethod], ids=["bare", "tf.function", "static"]
    )
    def test_a_decorated_step(self, wrap, logdir):
        """A step that is decorated already is refused, through tf.function too."""

        def train_step():
            pass

        decorated = wrap(gtlog.logged_step(logdir)(train_step))
        message = message_of(TypeError, gtlog.logged_step(logdir), decorated)
        assert "is decorated with logged_step already; each step would be logged twice" in message

    def test_what_cannot_be_called(self, logdir):
        """A number is refused."""
        message = message_of(TypeError, gtlog.logged_step(logdir), 3)
        assert message.endswith("got 3 (int), which cannot be called.")


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([1.0, 2.0], name="weight")


def train(weight, decorate):
    """A decorated step over one variable."""

    @decorate
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight)
        weight.assign_sub(tape.gradient(loss, weight))
        return loss

    return train_step


class TestFailuresInAStep:
    """A failure of ours is said once, and training goes on."""

    def test_no_variable(self, logdir):
        """A step that touched no variable is said once, with the remedy."""
        train_step = gtlog.logged_step(logdir)(lambda: 1)
        with pytest.warns(gtlog.LoggingWarning, match="touched no variable") as caught:
            assert [train_step(), train_step()] == [1, 1]
        assert len(caught) == 1
        assert "pass model=" in str(caught[0].message)

    def test_a_summary_that_raises(self, logdir, weight):
        """It is said once; the other summaries are written."""

        def broken(record):
            raise ZeroDivisionError("no filters")

        decorate = gtlog.logged_step(logdir, summaries=[broken, gtlog.summaries.scalars()])
        train_step = train(weight, decorate)
        with pytest.warns(gtlog.LoggingWarning) as caught:
            train_step()
            train_step()
        (warning,) = caught
        assert "could not run the summary" in str(warning.message)
        assert "broken at step 0: ZeroDivisionError: no filters" in str(warning.message)
        assert list(read_events(logdir).of("loss")) == [0, 1]

    def test_a_summary_that_yields_no_value(self, logdir, weight):
        """It is said what was yielded and what a value is."""
        decorate = gtlog.logged_step(logdir, summaries=[lambda record: [3.0]])
        with pytest.warns(gtlog.LoggingWarning, match=r"yielded 3.0 \(float\); a summary yields"):
            train(weight, decorate)()

    def test_a_tag_that_comes_twice(self, logdir, weight):
        """The first value is kept, and that is said."""
        scalar = gtlog.summaries.Scalar
        decorate = gtlog.logged_step(
            logdir, summaries=[lambda record: [scalar("a", 1.0), scalar("a", 2.0)]]
        )
        with pytest.warns(gtlog.LoggingWarning, match="the tag 'a' a second time"):
            train(weight, decorate)()
        assert read_events(logdir).of("a") == {0: 1.0}

    @pytest.mark.parametrize("kind", ["eager", "above"])
    def test_on_error_raise(self, kind, logdir, weight):
        """With on_error="raise" the failure is raised after the update is done."""

        def broken(record):
            raise ZeroDivisionError("no filters")

        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            weight.assign_sub(tape.gradient(loss, weight))

        decorate = gtlog.logged_step(logdir, summaries=[broken], on_error="raise")
        step = decorate(tf.function(train_step) if kind == "above" else train_step)
        with pytest.raises(gtlog.LoggingError, match="no filters") as caught:
            step()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert weight.numpy().tolist() == [0.0, 1.0]

    def test_on_error_raise_beneath_tf_function(self, logdir, weight):
        """Beneath tf.function it arrives as an error of the graph, after the update."""

        def broken(record):
            raise ZeroDivisionError("no filters")

        decorate = gtlog.logged_step(logdir, summaries=[broken], on_error="raise")
        step = tf.function(train(weight, decorate))
        with pytest.raises(tf.errors.OpError, match="no filters"):
            step()
        assert weight.numpy().tolist() == [0.0, 1.0]

    def test_a_writer_closed_while_running(self, logdir, weight):
        """A writer that the user closes is said once, and training goes on."""
        writer = tf.summary.create_file_writer(logdir)
        train_step = train(weight, gtlog.logged_step(writer))
        train_step()
        writer.close()
        with pytest.warns(gtlog.LoggingWarning, match="closed") as caught:
            train_step()
            train_step()
        assert len(caught) == 1
        with pytest.warns(gtlog.LoggingWarning, match=r"^Steps 1 to 2 are lost \(2 logged\)"):
            train_step.step_logger.close()

    def test_a_closed_logger(self, logdir, weight):
        """After `close`, steps run unlogged, and that is said once."""
        train_step = train(weight, gtlog.logged_step(logdir))
        train_step()
        train_step.step_logger.close()
        with pytest.warns(gtlog.LoggingWarning, match="was closed before this step"):
            train_step()
        assert list(read_events(logdir).of("loss")) == [0]

    def test_traced_before_it_was_decorated(self, logdir, weight):
        """A tf.function that has a trace already shows its weights; its gradients are missed."""

        @tf.function
        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            weight.assign_sub(tape.gradient(loss, weight))

        with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step"):
            train_step()
        with pytest.warns(gtlog.LoggingWarning, match="was traced before it was decorated"):
            gtlog.logged_step(logdir)(train_step)()
        assert "weights/weight" in read_events(logdir).tags

    def test_traced_before_but_not_as_it_is_called(self, logdir, weight):
        """A trace that is made in the step hands over its gradients, and nothing is said."""

        @tf.function
        def train_step(x):
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight) * tf.reduce_sum(x)
            weight.assign_sub(tape.gradient(loss, weight))

        with pytest.warns(gtlog.LoggingWarning, match="outside of any logged step"):
            train_step(tf.ones([2]))
        gtlog.logged_step(logdir)(train_step)(tf.ones([3]))
        assert "gradients/weight" in read_events(logdir).tags

    def test_xla_inside_is_said_and_not_disturbed(self, logdir, weight):
        """A function inside the step that XLA compiles runs on; what is not seen is said once."""
        inner = compiled(train(weight, lambda step: step))

        @gtlog.logged_step(logdir)
        def train_step():
            return inner()

        with pytest.warns(gtlog.LoggingWarning, match="inside the decorated step") as caught:
            assert [float(train_step()), float(train_step())] == [3.0, 1.0]
        assert len(caught) == 1
        assert "Decorate that function itself, above" in str(caught[0].message)
        assert list(read_events(logdir).of("weights/weight")) == [0, 1]

    def test_beneath_xla_is_said_and_not_disturbed(self, logdir, weight):
        """Beneath a function that XLA compiles nothing is logged, and that is said once."""
        step = compiled(train(weight, gtlog.logged_step(logdir)))
        with pytest.warns(gtlog.LoggingWarning, match="Put the decorator above @tf.function"):
            assert [float(step()), float(step())] == [3.0, 1.0]
        assert not read_events(logdir)

    def test_the_users_warnings_are_left_alone(self, logdir, weight):
        """A step that logs without trouble warns of nothing."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train(weight, gtlog.logged_step(logdir))()
