"""What the reader gives is what TensorFlow's own reader gives, value for value."""

import contextlib
import os
import struct

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.reading import protos
from gtlog.reading.events import read_events
from gtlog.reading.pictures import png_pixels
from gtlog.reading.records import crc32c
from gtlog.reading.run import open_run
from gtlog.summaries import Histogram, Image, Scalar

from ..processes import run_python

RANDOM = np.random.RandomState(0)


def decoded_by_tensorflow(logdir):
    """Step, tag, plugin, description and tensor of each value, read by TensorFlow."""
    for name in sorted(os.listdir(str(logdir))):
        path = os.path.join(str(logdir), name)
        for record in tf.data.TFRecordDataset(path, buffer_size=2**16).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                metadata = value.metadata
                yield (
                    event.step,
                    value.tag,
                    metadata.plugin_data.plugin_name,
                    metadata.summary_description,
                    value,
                )


def assert_same(logdir):
    """Asserts that both readers give the same; returns how many values there are."""
    ours, theirs = read_events(logdir), list(decoded_by_tensorflow(logdir))
    assert len(ours) == len(theirs)
    for one, (step, tag, plugin, description, value) in zip(ours, theirs):
        assert (one.step, one.tag, one.description) == (step, tag, description)
        expected = tf.make_ndarray(value.tensor)
        if plugin == "images":
            expected = tf.io.decode_png(expected[2]).numpy()
        if plugin == "scalars":
            assert type(one.value) is float
        else:
            assert one.value.dtype == expected.dtype
        np.testing.assert_array_equal(one.value, expected)
    return len(ours)


DTYPES = [
    *(tf.float16, tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8),
    *(tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.complex64, tf.complex128),
]


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 0), (2, 3, 4)])
@pytest.mark.parametrize("dtype", DTYPES, ids=[dtype.name for dtype in DTYPES])
class TestTensors:
    """Tensors of every type."""

    def array(self, dtype, shape):
        """An array of random bits, as far as the type has a use for them."""
        numpy_type = dtype.as_numpy_dtype
        if dtype == tf.bool:
            return np.asarray(RANDOM.rand(*shape) > 0.5)
        size = np.dtype(numpy_type).itemsize * int(np.prod(shape))
        array = np.frombuffer(RANDOM.bytes(size), numpy_type).reshape(shape)
        if dtype.is_floating or dtype.is_complex:  # the bits of a NaN need not survive
            return np.where(np.isnan(array), numpy_type(1), array).astype(numpy_type)
        return array

    def check(self, proto, array):
        """Asserts that a TensorProto is the array, to the reader as to TensorFlow."""
        read = protos.parse_tensor(proto.SerializeToString())
        try:
            expected = tf.make_ndarray(proto)
        except TypeError:  # older versions cannot read the elements of these types
            assert proto.dtype in (tf.uint32.as_datatype_enum, tf.uint64.as_datatype_enum)
            expected = array
        assert read.shape == expected.shape == array.shape
        assert read.dtype == expected.dtype
        assert read.tobytes() == expected.tobytes() == np.ascontiguousarray(array).tobytes()

    def test_as_content(self, dtype, shape):
        """Elements in one piece."""
        array = self.array(dtype, shape)
        self.check(tf.make_tensor_proto(array, dtype, shape), array)

    def test_as_elements(self, dtype, shape):
        """Elements one by one, as `tf.make_tensor_proto` never writes them but others do."""
        array = self.array(dtype, shape)
        proto = tf.compat.v1.Summary().value.add().tensor
        proto.dtype = dtype.as_datatype_enum
        proto.tensor_shape.SetInParent()
        for size in shape:
            proto.tensor_shape.dim.add(size=size)
        flat = array.reshape(-1)
        field = {
            "float16": "half_val",
            "float32": "float_val",
            "float64": "double_val",
            "int64": "int64_val",
            "uint32": "uint32_val",
            "uint64": "uint64_val",
            "bool": "bool_val",
            "complex64": "scomplex_val",
            "complex128": "dcomplex_val",
        }.get(dtype.name, "int_val")
        if dtype == tf.float16:
            flat = flat.view(np.uint16)
        elif dtype.is_complex:
            flat = flat.view(flat.real.dtype)
        getattr(proto, field).extend(flat.tolist())
        self.check(proto, array)


def test_bfloat16():
    """bfloat16 is widened to float32, exactly."""
    values = tf.constant([1.0, -2.5, 3e38, 1e-40, float("inf")], tf.bfloat16)
    for proto in (tf.make_tensor_proto(values), tf.io.parse_tensor):
        if proto is tf.io.parse_tensor:
            proto = tf.compat.v1.Summary().value.add().tensor
            proto.ParseFromString(tf.io.serialize_tensor(values).numpy())
        read = protos.parse_tensor(proto.SerializeToString())
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, tf.cast(values, tf.float32).numpy())


def test_strings():
    """Strings are bytes, of any shape."""
    array = np.array([[b"a", b"", b"\xff\x00"]], object)
    proto = tf.make_tensor_proto(array)
    np.testing.assert_array_equal(protos.parse_tensor(proto.SerializeToString()), array)


def test_one_element_that_repeats():
    """TensorFlow writes tensors of one repeated element short; it is repeated."""
    value = tf.constant(3, tf.int32, shape=[2, 3])
    proto = tf.compat.v1.Summary().value.add().tensor
    proto.ParseFromString(tf.io.serialize_tensor(value).numpy())
    assert protos.parse_tensor(proto.SerializeToString()).tolist() == [[3, 3, 3], [3, 3, 3]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["noise", "waves"])
@pytest.mark.parametrize("compression", [-1, 0, 9])
def test_pictures(channels, kind, compression):
    """Pictures have the pixels that `tf.io.decode_png` finds, whatever filters were chosen."""
    pixels = RANDOM.randint(0, 256, (37, 53, channels))
    if kind == "waves":
        across = np.sin(np.arange(53) / 9)[:, np.newaxis] + np.arange(channels)
        pixels = 100 + 40 * (across + np.cos(np.arange(37) / 7)[:, np.newaxis, np.newaxis])
    png = tf.io.encode_png(pixels.astype(np.uint8), compression).numpy()
    np.testing.assert_array_equal(png_pixels(png), tf.io.decode_png(png).numpy())


def test_checksum_of_records(tmp_path):
    """The checksum is the one that TensorFlow writes."""
    data = RANDOM.bytes(1000)
    path = str(tmp_path / "records")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(data)
    with open(path, "rb") as file:
        (stored,) = struct.unpack("<I", file.read()[-4:])
    crc = crc32c(data)
    assert stored == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


class TestFiles:
    """Files of real writers."""

    def test_of_gtlog(self, logdir):
        """Scalars, histograms, pictures and tables of gtlog's own files."""
        variables = [
            tf.Variable(RANDOM.randn(3, 3, 2, 4).astype(np.float32), name="conv/kernel"),
            tf.Variable(tf.zeros([4]), name="conv/bias"),
            tf.Variable(RANDOM.randn(4, 4).astype(np.float32), name="recurrent_kernel"),
        ]

        @gtlog.logged_step(
            logdir,
            summaries=[
                gtlog.summaries.histograms(),
                gtlog.summaries.kernel_images(dense=True),
                gtlog.summaries.scalars(per_variable=True),
                gtlog.summaries.vitals(),
            ],
        )
        @tf.function
        def step(rate):
            with gtlog.InstrumentedTape() as tape:
                loss = tf.add_n([tf.reduce_sum(tf.square(one)) for one in variables])
            for one, gradient in zip(variables, tape.gradient(loss, variables)):
                one.assign_sub(rate * gradient)
            return loss

        for _ in range(3):
            step(0.1)
        step.step_logger.close()
        assert assert_same(logdir) > 50
        run = open_run(logdir)
        assert run.steps.tolist() == [0, 1, 2] and run.problems == []
        assert run.variables == ("conv/kernel", "conv/bias", "recurrent_kernel")
        events = read_events(logdir)
        assert run.losses["loss"].astype(np.float32).tolist() == list(events.of("loss").values())
        rms = np.sqrt(np.mean(np.square(variables[0].numpy(), dtype=np.float64)))
        np.testing.assert_allclose(run.vitals("value_rms")[0, -1], rms, rtol=1e-6)
        np.testing.assert_array_equal(
            run.histogram("weights/conv/kernel", 1), events.of("weights/conv/kernel")[1]
        )
        np.testing.assert_array_equal(
            run.image("images/conv/kernel", 2), events.of("images/conv/kernel")[2]
        )

    def test_of_a_writer_of_tensorflow(self, tmp_path):
        """Tensors of every kind that a `tf.summary` writer takes, and what tf.summary makes."""
        with tf.summary.create_file_writer(str(tmp_path)).as_default():
            for step in range(3):
                for dtype in DTYPES:
                    value = tf.cast(tf.constant(RANDOM.rand(2, 3) * 100), dtype)
                    tf.summary.write(dtype.name, value, step=step)
                tf.summary.write("text", tf.constant(["a", "b"]), step=step)
                tf.summary.write("large step", 1.0, step=2**40 + step)
                with contextlib.suppress(ImportError):  # TensorBoard, which newer ones ask for
                    tf.summary.scalar("scalar", 0.1 * step, step, description="A *number*.")
                    tf.summary.histogram("histogram", RANDOM.randn(100), step)
                    tf.summary.image("image", RANDOM.rand(2, 8, 9, 3), step, max_outputs=2)
                    tf.summary.text("words", "said", step)
        assert assert_same(tmp_path) >= 48

    def test_of_a_users_writer(self, tmp_path):
        """What gtlog writes with a SummaryWriter."""
        from gtlog.writing.writer import EventWriter

        users = tf.summary.create_file_writer(str(tmp_path))
        writer = EventWriter(users)
        rows = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
        pixels = RANDOM.randint(0, 256, (4, 3, 3)).astype(np.uint8)
        writer.write(7, [Scalar("s", np.nan, "S."), Histogram("h", rows), Image("i", pixels)])
        users.close()
        assert assert_same(tmp_path) == 3

    def test_of_tensorflow_1(self, tmp_path):
        """Summaries of `tf.compat.v1`: numbers, histograms and pictures without a plugin."""
        summary = tf.compat.v1.Summary()
        summary.value.add(tag="s", simple_value=0.25)
        histo = summary.value.add(tag="h").histo
        histo.min, histo.max, histo.num = -1.0, 2.0, 3
        histo.bucket_limit.extend([-0.5, 0.5, 3.0])
        histo.bucket.extend([1.0, 0.0, 2.0])
        pixels = RANDOM.randint(0, 256, (2, 2, 3)).astype(np.uint8)
        image = summary.value.add(tag="i").image
        image.encoded_image_string = tf.io.encode_png(pixels).numpy()
        with tf.Graph().as_default():
            writer = tf.compat.v1.summary.FileWriter(str(tmp_path))
            writer.add_summary(summary, 3)
            writer.close()
        scalar, histogram, image = read_events(tmp_path)
        assert (scalar.kind, scalar.step, scalar.value) == ("scalar", 3, 0.25)
        assert histogram.value.tolist() == [[-1, -0.5, 1], [-0.5, 0.5, 0], [0.5, 2, 2]]
        np.testing.assert_array_equal(image.value, pixels)


def test_without_tensorflow(tmp_path):
    """Reading, tags and vitals need no TensorFlow, and import none."""
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.write("loss", 0.5, step=3)
    run_python(
        """
        import sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("tensorflow", "tensorboard", "google", "wrapt"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Blocker())
        import gtlog, gtlog.tags, gtlog.testing, gtlog.vitals.measures
        assert gtlog.testing.read_events(sys.argv[1]).tags == ["loss"]
        assert gtlog.open_run(sys.argv[1]).tags == ["loss"]
        assert gtlog.LoggingWarning
        """,
        str(tmp_path),
    )
