"""`gtlog.testing` reads what TensorFlow and gtlog wrote, and says what is wrong."""

import functools
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.summaries import Histogram, Image, Scalar
from gtlog.testing import Events, LoggedValue, assert_traced_at_most, read_events
from gtlog.writing.writer import EventWriter

from .processes import run_python


def write(logdir, *steps):
    """Writes (step, values) pairs."""
    writer = EventWriter(logdir)
    for step, values in steps:
        writer.write(step, values)
    writer.close()


class TestReadEvents:
    """`read_events` gives back what was written."""

    def test_every_kind(self, logdir):
        """Scalars, histograms and images come back as they went in."""
        rows = np.array([[0.0, 1.0, 2.0]])
        pixels = np.random.RandomState(0).randint(0, 256, (4, 3, 3)).astype(np.uint8)
        write(logdir, (7, [Scalar("s", 0.5, "S."), Histogram("h", rows), Image("i", pixels)]))
        scalar, histogram, image = read_events(logdir)
        assert scalar.kind == "scalar" and type(scalar.value) is float and scalar.value == 0.5
        assert (scalar.step, scalar.tag, scalar.description) == (7, "s", "S.")
        assert histogram.kind == "histogram" and histogram.value.dtype == np.float64
        np.testing.assert_array_equal(histogram.value, rows)
        assert image.kind == "image" and image.value.dtype == np.uint8
        np.testing.assert_array_equal(image.value, pixels)

    def test_other_plugins(self, logdir):
        """What another plugin is for comes as an array, under the plugin's name."""
        metadata = tf.compat.v1.SummaryMetadata(summary_description="D.")
        metadata.plugin_data.plugin_name = "mesh"
        with tf.summary.create_file_writer(logdir).as_default():
            tf.summary.write("m", tf.constant([1, 2]), step=3, metadata=metadata)
        (one,) = read_events(logdir)
        assert (one.kind, one.step, one.description) == ("mesh", 3, "D.")
        assert one.value.tolist() == [1, 2]

    def test_the_order_written(self, logdir):
        """Values come in the order in which they were written, of any step."""
        write(logdir, (0, [Scalar("b", 1.0), Scalar("a", 2.0)]), (5, [Scalar("b", 3.0)]))
        events = read_events(logdir)
        assert [(one.step, one.tag) for one in events] == [(0, "b"), (0, "a"), (5, "b")]
        assert events.tags == ["a", "b"]

    def test_files_beneath(self, logdir):
        """Event files in directories beneath are read too; other files are not."""
        write(os.path.join(logdir, "train"), (0, [Scalar("loss", 1.0)]))
        write(os.path.join(logdir, "validation", "deep"), (0, [Scalar("accuracy", 1.0)]))
        pathlib.Path(logdir, "notes.txt").write_text("no event file")
        assert read_events(logdir).tags == ["accuracy", "loss"]

    def test_two_files_of_one_directory(self, logdir):
        """The files of a directory are read in the order of their age."""
        write(logdir, (0, [Scalar("loss", 1.0)]))
        (name,) = os.listdir(logdir)
        os.utime(os.path.join(logdir, name), (1, 1))
        os.rename(os.path.join(logdir, name), os.path.join(logdir, "z" + name))
        with pytest.warns(gtlog.LoggingWarning, match="Another logger"):
            write(logdir, (1, [Scalar("loss", 2.0)]))
        assert read_events(logdir).of("loss") == {0: 1.0, 1: 2.0}

    def test_pathlike(self, tmp_path):
        """The directory may be an `os.PathLike`."""
        write(str(tmp_path), (0, [Scalar("loss", 1.0)]))
        assert read_events(tmp_path).of("loss") == {0: 1.0}

    def test_a_record_that_is_cut_off(self, logdir):
        """What a process that was killed has left is read up to its last whole record."""
        write(logdir, *((step, [Scalar("loss", float(step))]) for step in range(3)))
        (path,) = pathlib.Path(logdir).iterdir()
        os.truncate(path, path.stat().st_size - 5)
        assert read_events(logdir).of("loss") == {0: 0.0, 1: 1.0}

    def test_a_damaged_file(self, logdir):
        """A length that does not fit its checksum is an error that names file and place."""
        write(logdir, (0, [Scalar("loss", 1.0)]))
        (path,) = pathlib.Path(logdir).iterdir()
        content = path.read_bytes()
        path.write_bytes(b"\xff" + content[1:])
        with pytest.raises(ValueError, match=f"{path.name}' is damaged at byte 0"):
            read_events(logdir)

    def test_tensorflow_says_nothing(self, logdir):
        """Neither Python nor C++ of TensorFlow writes a notice when events are read."""
        write(logdir, (0, [Scalar("loss", 1.0)]))
        _, err = run_python(
            """
            import os, sys
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
            from gtlog.testing import read_events
            print("reading", file=sys.stderr, flush=True)
            assert read_events(sys.argv[1]).of("loss") == {0: 1.0}
            """,
            logdir,
        )
        assert err.splitlines()[-1] == "reading"

    @pytest.mark.parametrize("exists", [False, True])
    def test_nothing_there(self, exists, logdir):
        """Of an empty directory, or none, there is nothing to read."""
        if exists:
            os.mkdir(logdir)
        assert read_events(logdir) == [] and read_events(logdir).tags == []


class TestOf:
    """`Events.of` gives the values of one tag."""

    EVENTS = Events(
        LoggedValue(step, tag, "scalar", value)
        for step, tag, value in [(0, "a", 1.0), (2, "a", 3.0), (0, "b", 2.0), (0, "b", 4.0)]
    )

    def test_values_by_step(self):
        """They are a dict by steps, in the order written."""
        assert list(self.EVENTS.of("a").items()) == [(0, 1.0), (2, 3.0)]

    def test_a_tag_that_is_not_there(self):
        """The error names the tags that are."""
        with pytest.raises(KeyError) as caught:
            self.EVENTS.of("c")
        assert caught.value.args == ("Nothing was written under 'c'. There is: a, b",)

    def test_nothing_there(self):
        """Without any event the error says so much."""
        with pytest.raises(KeyError, match="Nothing was written under 'a'"):
            Events().of("a")

    def test_a_step_that_was_written_twice(self):
        """It is an error, since TensorBoard would show one of the two."""
        with pytest.raises(ValueError) as caught:
            self.EVENTS.of("b")
        assert str(caught.value) == "The tag 'b' was written twice at step 0."


@tf.function
def double(x):
    """A function that is traced anew for each Python number."""
    return 2 * x


class Doubling:
    """A callable object."""

    def __call__(self, x):
        return 2 * x


MAKERS = {"partial": lambda: functools.partial(lambda x, y: x + y, 1), "object": Doubling}


class TestRepr:
    """A notebook shows a few lines."""

    def test_a_few_values(self):
        """The repr counts, and lists tags with their kinds and steps."""
        events = Events(LoggedValue(step, "loss", "scalar", 1.0) for step in (0, 10, 20))
        events.append(LoggedValue(20, "weights/w", "histogram", None))
        assert repr(events).splitlines() == [
            "<Events: 4 values of 2 tags, steps 0 to 20",
            "  loss (scalar): 3, steps 0 to 20",
            "  weights/w (histogram): 1, step 20>",
        ]

    def test_many_values(self):
        """Of many tags it lists the first, and how many more there are."""
        events = Events(LoggedValue(0, f"tag {k:04}", "scalar", 1.0) for k in range(1500))
        lines = repr(events).splitlines()
        assert len(lines) < 20
        assert lines[-1] == f"  and {1500 - (len(lines) - 2)} more: see .tags>"

    def test_none(self):
        """Nothing is nothing."""
        assert repr(Events()) == "<Events: 0 values of 0 tags>"


class TestAssertTracedAtMost:
    """`assert_traced_at_most` counts the traces of a tf.function."""

    def test_few_enough(self):
        """Up to the number allowed it returns None."""
        function = tf.function(lambda x: x)
        assert assert_traced_at_most(function, 0) is None
        function(tf.constant(1.0))
        function(tf.constant(2.0))
        assert_traced_at_most(function, 1)
        assert_traced_at_most(function, 5)

    def test_too_many(self):
        """The message names the function, the counts and the usual cause."""
        for number in range(3):
            double(number)
        with pytest.raises(AssertionError) as caught:
            assert_traced_at_most(double, 2)
        assert str(caught.value) == (
            "double was traced 3 times, at most 2 were allowed. The usual cause is an argument "
            "that is a Python number, such as the step: each new value makes a trace. Pass a "
            "tensor or a tf.Variable instead."
        )

    @pytest.mark.parametrize("where", ["above", "beneath"])
    def test_decorated(self, where, logdir):
        """A decorated step is counted, above tf.function and beneath it."""
        weight = tf.Variable(1.0, name="weight")
        decorate = gtlog.logged_step(logdir)

        def train_step(factor):
            with tf.GradientTape():
                return weight * factor

        step = decorate(tf.function(train_step)) if where == "above" else None
        step = step or tf.function(decorate(train_step))
        step(tf.constant(1.0))
        step(tf.constant(2.0))
        assert_traced_at_most(step, 1)
        step(1.0)
        with pytest.raises(AssertionError, match="^train_step was traced 2 times, at most 1"):
            assert_traced_at_most(step, 1)

    @pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
    def test_functions_without_a_name(self, make):
        """Partials and callable objects, which have no `__name__`, are counted as well."""
        function = tf.function(make())
        for number in range(2):
            function(number)
        with pytest.raises(AssertionError, match="was traced 2 times, at most 1 were allowed"):
            assert_traced_at_most(function, 1)

    def test_what_is_no_tf_function(self):
        """A plain function is a TypeError that shows it."""
        with pytest.raises(TypeError) as caught:
            assert_traced_at_most(len, 1)
        assert str(caught.value) == (
            "function must be what tf.function returns, got <built-in function len> "
            "(builtin_function_or_method)."
        )
