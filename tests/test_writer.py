"""What is in the event file, byte by byte, and whose writer it is."""

import gc
import glob
import os
import pathlib
import shutil
import struct
import warnings

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.summaries import Histogram, Image, Scalar
from gtlog.testing import read_events
from gtlog.writing.writer import EventWriter

from .reference import charts

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
ROWS = np.array([[0.0, 0.5, 3.0], [0.5, 1.0, 4.0]])


def event_files(logdir):
    """The event files of a directory."""
    return glob.glob(os.path.join(glob.escape(logdir), "*.tfevents.*"))


def summaries(logdir):
    """The events that hold values, out of the records of the one event file.

    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    (path,) = event_files(logdir)
    content, events = pathlib.Path(path).read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        events.append(tf.compat.v1.Event.FromString(content[12 : 12 + length]))
        content = content[12 + length + 4 :]
    return [event for event in events if event.summary.value]


def train(weight, decorate):
    """A decorated step over one variable."""

    @decorate
    def train_step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(weight**2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    return train_step


@pytest.fixture
def weight():
    """A variable to train."""
    return tf.Variable([1.0, 2.0], name="weight")


class TestEvents:
    """What TensorBoard's plugins read."""

    def written(self, logdir, value, step=0):
        """The proto of one written value."""
        writer = EventWriter(logdir)
        writer.write(step, [value])
        writer.close()
        (event,) = summaries(logdir)
        (proto,) = event.summary.value
        assert (proto.tag, event.step) == (value.tag, step)
        assert proto.metadata.summary_description == value.description
        return proto

    def test_scalar(self, logdir):
        """A scalar is a float32 tensor of shape [], class 1, of the plugin `scalars`."""
        proto = self.written(logdir, Scalar("loss", 0.1, "What it is."))
        assert proto.metadata.plugin_data.plugin_name == "scalars"
        assert proto.metadata.data_class == 1
        tensor = tf.make_ndarray(proto.tensor)
        assert (tensor.dtype, tensor.shape, tensor[()]) == (np.float32, (), np.float32(0.1))
        assert not proto.tensor.tensor_shape.unknown_rank

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-300])
    def test_scalars_out_of_range(self, logdir, value):
        """NaN and infinities are kept, what float32 cannot hold is rounded, without a warning."""
        proto = self.written(logdir, Scalar("loss", value))
        with np.errstate(over="ignore"):
            np.testing.assert_equal(tf.make_ndarray(proto.tensor)[()], np.float32(value))

    @pytest.mark.parametrize("rows", [ROWS, np.zeros((0, 3)), np.ones((30, 3))], ids=len)
    def test_histogram(self, logdir, rows):
        """A histogram is a float64 tensor of shape [k, 3], class 2, of the plugin `histograms`."""
        proto = self.written(logdir, Histogram("w", rows, "What it is."))
        assert proto.metadata.plugin_data.plugin_name == "histograms"
        assert proto.metadata.data_class == 2
        tensor = tf.make_ndarray(proto.tensor)
        assert tensor.dtype == np.float64
        np.testing.assert_array_equal(tensor, rows)

    @pytest.mark.parametrize("layout", [np.asfortranarray, lambda rows: rows[::-1]])
    def test_histograms_in_any_memory_layout(self, logdir, layout):
        """Rows are written in order, however they lie in memory."""
        proto = self.written(logdir, Histogram("w", layout(ROWS)))
        np.testing.assert_array_equal(tf.make_ndarray(proto.tensor), layout(ROWS))

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_image(self, logdir, channels):
        """An image is [width, height, PNG] as strings, class 3, of the plugin `images`."""
        pixels = np.random.RandomState(0).randint(0, 256, (2, 5, channels)).astype(np.uint8)
        proto = self.written(logdir, Image("k", pixels, "What it is."))
        assert proto.metadata.plugin_data.plugin_name == "images"
        assert proto.metadata.data_class == 3
        width, height, png = tf.make_ndarray(proto.tensor)
        assert (width, height) == (b"5", b"2")
        assert png.startswith(b"\x89PNG\r\n")
        np.testing.assert_array_equal(tf.io.decode_png(png), pixels)

    def test_it_is_what_tensorflow_writes(self, logdir, tmp_path):
        """`tf.summary.write` of the same tensors and metadata gives the same protos."""
        values = [Scalar("s", 0.25), Histogram("h", ROWS)]
        writer = EventWriter(logdir)
        writer.write(5, values)
        writer.close()
        (event,) = summaries(logdir)
        other = tf.summary.create_file_writer(str(tmp_path / "other"))
        with other.as_default():
            for ours in event.summary.value:
                tensor = tf.make_ndarray(ours.tensor)
                tf.summary.write(ours.tag, tensor, step=5, metadata=ours.metadata)
        other.close()
        theirs = [one.summary.value[0] for one in summaries(str(tmp_path / "other"))]
        for one, two in zip(event.summary.value, theirs):
            np.testing.assert_array_equal(tf.make_ndarray(one.tensor), tf.make_ndarray(two.tensor))
            assert (one.tag, one.tensor.dtype) == (two.tag, two.tensor.dtype)
            assert one.tensor.tensor_shape == two.tensor.tensor_shape
            assert one.metadata == two.metadata

    @pytest.mark.parametrize("step", [0, 2**31, 2**40, 2**63 - 1])
    def test_steps_are_int64(self, logdir, step):
        """Steps beyond 32 bits are kept."""
        self.written(logdir, Scalar("loss", 1.0), step)

    def test_tags_may_hold_any_text(self, logdir):
        """Tags and descriptions are UTF-8."""
        self.written(logdir, Scalar("größe/重み", 1.0, "*Größe*"))

    def test_one_event_for_each_logged_step(self, logdir, weight):
        """A logged step is one event with all its values, in the order of the summaries."""
        train_step = train(weight, gtlog.logged_step(logdir, every=2))
        for _ in range(5):
            train_step()
        events = summaries(logdir)
        assert [event.step for event in events] == [0, 2, 4]
        for event in events:
            assert [value.tag for value in event.summary.value] == [
                "gtlog/vitals",
                "gtlog/steps",
                "weights/weight",
                "gradients/weight",
                "loss",
                "gradient_norm",
                "weight_norm",
                "update_ratio",
            ]

    def test_a_histogram_takes_at_most_800_bytes(self, logdir):
        """The event file grows by at most 800 bytes for each histogram, of whatever size."""
        shapes = [[], [3], [100, 100], [3, 3, 8, 8], [0]]
        variables = [
            tf.Variable(np.random.RandomState(0).standard_normal(shape), name="block/conv/kernel")
            for shape in shapes
        ]
        logger = gtlog.StepLogger(logdir, summaries=gtlog.summaries.histograms())
        sizes = []
        for _ in range(3):
            with logger.step(), gtlog.InstrumentedTape():
                for variable in variables:
                    variable.read_value()
            (path,) = event_files(logdir)
            sizes.append(os.path.getsize(path))
        assert len(read_events(logdir)) == 3 * len(shapes)
        assert (np.diff(sizes) <= 800 * len(shapes)).all()
        logger.close()


class TestOwnWriter:
    """A log directory is gtlog's own."""

    def test_the_file_is_made_at_the_first_write(self, logdir):
        """A logger that logs nothing leaves an empty directory."""
        gtlog.StepLogger(logdir).close()
        assert os.listdir(logdir) == []

    def test_each_step_can_be_read_at_once(self, logdir, weight):
        """A step is in the file when it ends: nobody needs to flush."""
        train_step = train(weight, gtlog.logged_step(logdir))
        for step in range(3):
            train_step()
            assert [event.step for event in summaries(logdir)] == list(range(step + 1))

    def test_close_closes_it(self, logdir):
        """The event file that gtlog made is closed."""
        writer = EventWriter(logdir)
        writer.write(0, [Scalar("a", 1.0)])
        made = writer.sink._file
        writer.close()
        with pytest.raises(tf.errors.FailedPreconditionError, match="closed"):
            made.append(1, tf.compat.v1.Summary())

    def test_a_directory_that_is_gone_when_the_logger_is_dropped(self, logdir, weight):
        """A temporary directory may end before the logger: that is no loss to speak of."""
        train_step = train(weight, gtlog.logged_step(logdir))
        train_step()
        shutil.rmtree(logdir)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del train_step
            gc.collect()

    def test_close_twice(self, logdir):
        """Closing and flushing what is closed does nothing."""
        writer = EventWriter(logdir)
        writer.write(0, [Scalar("a", 1.0)])
        for _ in range(2):
            writer.close()
            writer.flush()

    def test_write_after_close(self, logdir):
        """It raises, and opens no second file."""
        writer = EventWriter(logdir)
        writer.write(0, [Scalar("a", 1.0)])
        writer.close()
        with pytest.raises(RuntimeError, match="closed before this step; make a new one"):
            writer.write(1, [Scalar("a", 1.0)])
        assert len(summaries(logdir)) == 1

    def test_a_closed_logger_that_never_wrote_makes_no_file(self, logdir):
        """Closing before the first write keeps it so."""
        writer = EventWriter(logdir)
        writer.close()
        with pytest.raises(RuntimeError):
            writer.write(0, [Scalar("a", 1.0)])
        assert os.listdir(logdir) == []

    def test_last_step(self, logdir):
        """It knows the last step it wrote, and which steps TensorBoard would drop points for."""
        writer = EventWriter(logdir)
        assert writer.last_step is None and not writer.would_drop(0)
        writer.write(7, [Scalar("a", 1.0)])
        assert writer.last_step == 7
        assert [writer.would_drop(step) for step in (6, 7, 8)] == [True, True, False]
        writer.close()


class TestUsersWriter:
    """A `SummaryWriter` stays the user's."""

    def test_close_flushes_it_and_leaves_it_open(self, logdir, weight):
        """After `logger.close` the user may write to it as before."""
        writer = tf.summary.create_file_writer(logdir)
        with writer.as_default():
            tf.summary.write("before", 1.0, step=0)
        logger = gtlog.StepLogger(writer)
        with logger.step(), tf.GradientTape():
            weight.read_value()
        logger.close()
        assert charts(read_events(logdir)) == ["before", "weight_norm", "weights/weight"]
        with writer.as_default():
            tf.summary.write("after", 2.0, step=1)
        writer.close()
        assert read_events(logdir).of("after") == {1: 2.0}
        assert len(event_files(logdir)) == 1

    def test_close_flushes_what_the_user_wrote(self, logdir):
        """What waits in the user's writer is in the file after `close`."""
        writer = tf.summary.create_file_writer(logdir, max_queue=100, flush_millis=10**9)
        logger = gtlog.StepLogger(writer)
        scalar = tf.compat.v1.Summary(value=[dict(tag="waiting", simple_value=1.0)])
        with writer.as_default():
            tf.summary.experimental.write_raw_pb(scalar.SerializeToString(), step=0)
            logger.close()
            assert [event.step for event in summaries(logdir)] == [0]

    def test_close_of_a_writer_that_the_user_has_closed(self, logdir, weight):
        """`close` and `flush` then have nothing to do."""
        writer = tf.summary.create_file_writer(logdir)
        train_step = train(weight, gtlog.logged_step(writer))
        train_step()
        writer.close()
        train_step.step_logger.flush()
        train_step.step_logger.close()

    def test_a_noop_writer_writes_nothing(self, logdir, weight):
        """With `create_noop_writer`, as workers beside the chief have it, nothing is written."""
        around = tf.summary.create_file_writer(logdir)
        with around.as_default():
            train(weight, gtlog.logged_step(tf.summary.create_noop_writer()))()
        around.close()
        assert not read_events(logdir)


@pytest.mark.parametrize("wrap", ["eager", "above", "beneath"])
class TestSurroundings:
    """What the user has set up around the step changes nothing, and is not changed."""

    def step(self, wrap, weight, writer, body=lambda: None):
        """A decorated step in one of the ways to run it."""

        def train_step():
            body()
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            weight.assign_sub(tape.gradient(loss, weight))

        decorate = gtlog.logged_step(writer)
        return {
            "eager": lambda: decorate(train_step),
            "above": lambda: decorate(tf.function(train_step)),
            "beneath": lambda: tf.function(decorate(train_step)),
        }[wrap]()

    def test_record_if_does_not_stop_it(self, wrap, logdir, weight):
        """`tf.summary.record_if(False)` is for the user's own summaries."""
        step = self.step(wrap, weight, logdir)
        with tf.summary.record_if(False):
            step()
            step()
        assert list(read_events(logdir).of("loss")) == [0, 1]

    def test_the_default_writer_is_left_alone(self, wrap, logdir, weight, tmp_path):
        """The user's own summaries in the step go where they went, and gtlog's do not."""
        own = str(tmp_path / "own")
        writer = tf.summary.create_file_writer(own)
        step = self.step(wrap, weight, logdir, lambda: tf.summary.write("mine", 1.0, step=3))
        with writer.as_default():
            step()
        writer.close()
        assert read_events(own).tags == ["mine"]
        assert "mine" not in read_events(logdir).tags and read_events(logdir).of("loss")

    def test_name_scopes_do_not_enter_the_tags(self, wrap, logdir, weight):
        """A name scope around the step is not part of the tags."""
        step = self.step(wrap, weight, logdir)
        with tf.name_scope("scope"):
            step()
        assert [tag for tag in read_events(logdir).tags if "scope" in tag] == []

    def test_the_set_step_is_kept(self, wrap, logdir, weight):
        """What `set_step` says is what it said before."""
        step = self.step(wrap, weight, logdir)
        step()
        assert tf.summary.experimental.get_step() is None


def summary_operations(graph):
    """The types of the operations in a graph, inner functions included, that write summaries."""
    definition = graph.as_graph_def()
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes.extend(function.node_def)
    return [node.op for node in nodes if "Summary" in node.op]


class TestGraphs:
    """No graph of the user's ever holds an operation that writes summaries."""

    @pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "tf.function"])
    def test_a_step_in_a_traced_function(self, wrap, logdir, weight):
        """A function that calls decorated steps has none."""
        train_step = wrap(train(weight, gtlog.logged_step(logdir)))

        @tf.function
        def epoch():
            return train_step() + train_step()

        epoch()
        assert summary_operations(epoch.get_concrete_function().graph) == []
        assert list(read_events(logdir).of("loss")) == [0, 1]

    @pytest.mark.parametrize("method", ["flush", "close"])
    def test_flush_and_close_in_a_function_that_is_traced(self, method, logdir, weight):
        """`flush` and `close` do their work at once, and leave nothing in the graph."""
        logger = gtlog.StepLogger(logdir)
        with gtlog.InstrumentedTape(logger=logger) as tape:
            loss = tf.reduce_sum(weight)
        tape.gradient(loss, weight)

        @tf.function
        def function():
            getattr(logger, method)()
            return tf.constant(1)

        graph = function.get_concrete_function().graph
        assert sorted({operation.type for operation in graph.get_operations()}) == [
            "Const",
            "Identity",
        ]
        assert read_events(logdir).of("loss") == {0: 3.0}
