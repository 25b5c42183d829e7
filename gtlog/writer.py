"""Values to one TensorBoard event: the only place that writes.

The events hold what TensorBoard's scalar, histogram and image plugins read
(https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins, `metadata.py` and
`summary_v2.py` of each), put together from the protocol buffers that TensorFlow itself has:
TensorBoard need not be installed.
"""

import os

import numpy as np
import tensorflow as tf

from gtlog import _compat
from gtlog.values import VALUE_TYPES, Histogram, Image, Scalar

_SCALAR_CLASS, _TENSOR_CLASS, _BLOB_SEQUENCE_CLASS = 1, 2, 3
_WHAT_TO_WRITE = (
    "Pass tf.summary.create_file_writer(logdir), or the log directory itself as a str or path."
)


class EventWriter:
    """Writes the values of one step as one event, and each step at most once.

    TensorBoard drops points when a step comes again or steps run backwards, so an event whose step
    is not greater than the last one written here is left out.

    Args:
      writer: `tf.summary.SummaryWriter`; or a log directory (`str` or `os.PathLike`), for which the
        event file is made at the first write, and closed by `close`.

    Raises:
      TypeError: `writer` is something else.
      ValueError: `writer` is closed, or the directory's path is empty or no valid UTF-8.
      OSError: the path is a file, or no directory that can be made and written to.
    """

    def __init__(self, writer):
        self._logdir = None
        self._writer = None
        if isinstance(writer, tf.summary.SummaryWriter):
            self._writer = _checked_writer(writer)
        elif isinstance(writer, (str, os.PathLike)):
            self._logdir = _checked_directory(os.fspath(writer))
        else:
            raise TypeError(
                f"writer must be a tf.summary.SummaryWriter or a log directory, got {writer!r} "
                f"({type(writer).__name__}). {_WHAT_TO_WRITE}"
            )
        self._last_step = None
        self._is_closed = False

    def would_drop(self, step):
        """Whether TensorBoard would lose points if an event with this step were written now."""
        return self._last_step is not None and step <= self._last_step

    @property
    def last_step(self):
        """The greatest step that was written; None before the first."""
        return self._last_step

    def write(self, step, values):
        """Writes one event and flushes it to the file.

        Args:
          step: Number of the step, int.
          values: `gtlog.values` objects, each tag once.

        Raises:
          RuntimeError: after `close`, or where the user has closed the writer.
        """
        if self._is_closed:
            raise RuntimeError("the logger was closed before this step; make a new one")
        summary = tf.compat.v1.Summary()
        for value in values:
            _add(summary, value)
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._logdir)
        if _is_noop(self._writer):
            self._last_step = step
            return
        # `record_if` is for summaries that the user writes; what gtlog writes is `every`'s to say.
        with self._writer.as_default(), tf.summary.record_if(True), tf.device("/cpu:0"), (
            _compat.summaries_of_any_replica()
        ):
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
        self._last_step = step

    def flush(self):
        """Flushes the event file; a writer that is closed has been flushed."""
        if self._writer is not None and not _compat.writer_is_closed(self._writer):
            self._writer.flush()

    def close(self):
        """Flushes, and closes the writer if it was made here."""
        self.flush()
        self._is_closed = True
        if self._logdir is not None and self._writer is not None:
            self._writer.close()


def _is_noop(writer):
    """Whether a writer is there to write nothing; as the default it would let another one write."""
    return isinstance(writer, type(tf.summary.create_noop_writer()))


def _checked_writer(writer):
    if _compat.writer_is_closed(writer):
        raise ValueError(f"writer is closed: {writer!r}. {_WHAT_TO_WRITE}")
    return writer


def _checked_directory(path):
    path = os.fsdecode(path)
    if not path:
        raise ValueError(f"writer must not be an empty path. {_WHAT_TO_WRITE}")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"writer={path!r}: TensorFlow takes only paths that are valid UTF-8."
        ) from error
    if "://" in path:  # a remote file system of TensorFlow's, which makes its own directories
        return path
    if os.path.exists(path) and not os.path.isdir(path):
        raise NotADirectoryError(
            f"writer={path!r} is a file, but a log directory is needed. {_WHAT_TO_WRITE}"
        )
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise type(error)(
            error.errno, f"writer={path!r}: the log directory cannot be made ({error.strerror})"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(
            f"writer={path!r}: no permission to write into the log directory. {_WHAT_TO_WRITE}"
        )
    return path


def _add(summary, value):
    proto = summary.value.add(tag=value.tag)
    if value.description:
        proto.metadata.summary_description = value.description
    _FILL[type(value)](proto, value)


def _fill_scalar(proto, scalar):
    proto.MergeFromString(_SCALAR_HEADER)
    proto.tensor.tensor_shape.SetInParent()
    with np.errstate(over="ignore"):
        proto.tensor.tensor_content = np.float32(scalar.value).tobytes()


def _fill_histogram(proto, histogram):
    proto.MergeFromString(_HISTOGRAM_HEADER)
    for size in histogram.buckets.shape:
        proto.tensor.tensor_shape.dim.add(size=size)
    proto.tensor.tensor_content = histogram.buckets.tobytes()


def _fill_image(proto, image):
    height, width, _ = image.pixels.shape
    # Half the time of the default level, for a few percent more bytes.
    png = tf.io.encode_png(image.pixels, compression=1).numpy()
    proto.MergeFromString(_IMAGE_HEADER)
    proto.tensor.tensor_shape.dim.add(size=3)
    proto.tensor.string_val.extend([str(width).encode(), str(height).encode(), png])


def _header(plugin, data_class, dtype):
    """What all values of one kind have in common, serialized."""
    value = tf.compat.v1.Summary.Value()
    value.metadata.plugin_data.plugin_name = plugin
    value.metadata.data_class = data_class
    value.tensor.dtype = dtype.as_datatype_enum
    return value.SerializeToString()


_SCALAR_HEADER = _header("scalars", _SCALAR_CLASS, tf.float32)
_HISTOGRAM_HEADER = _header("histograms", _TENSOR_CLASS, tf.float64)
_IMAGE_HEADER = _header("images", _BLOB_SEQUENCE_CLASS, tf.string)
_FILL = {Scalar: _fill_scalar, Histogram: _fill_histogram, Image: _fill_image}
assert set(_FILL) == set(VALUE_TYPES)
