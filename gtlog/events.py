"""Values to one TensorBoard event.

The events hold what TensorBoard's scalar, histogram and image plugins read
(https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins, `metadata.py` and
`summary_v2.py` of each), put together from the protocol buffers that TensorFlow itself has:
TensorBoard need not be installed.
"""

import numpy as np
import tensorflow as tf

from gtlog.values import VALUE_TYPES, Histogram, Image, Scalar

_SCALAR_CLASS, _TENSOR_CLASS, _BLOB_SEQUENCE_CLASS = 1, 2, 3


def summary_of(values):
    """The `Summary` protocol buffer of one step's values.

    Args:
      values: `gtlog.values` objects, each tag once.
    """
    summary = tf.compat.v1.Summary()
    for value in values:
        _add(summary, value)
    return summary


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
