"""Values to one TensorBoard event.

The events hold what TensorBoard's scalar, histogram and image plugins read
(https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins, `metadata.py` and
`summary_v2.py` of each), put together from the protocol buffers that TensorFlow itself has:
TensorBoard need not be installed. Tables are tensors of a plugin of gtlog's own.
"""

import functools
import json
import zlib

import numpy as np
import tensorflow as tf

from gtlog.values import VALUE_TYPES, ChartLayout, Histogram, Image, Scalar, Strings, Table

_SCALAR_CLASS, _TENSOR_CLASS, _BLOB_SEQUENCE_CLASS = 1, 2, 3


def summary_of(values, described=()):
    """The `Summary` protocol buffer of one step's values.

    Args:
      values: `gtlog.values` objects, each tag once.
      described: Tags of tables whose header is in the file already.
    """
    summary = tf.compat.v1.Summary()
    for value in values:
        _add(summary, value)
        if isinstance(value, Table) and value.tag not in described:
            summary.value[-1].metadata.plugin_data.content = _packed(value.header)
    return summary


def tags_of_tables(values):
    """The tags among values that `summary_of` describes by a header."""
    return [value.tag for value in values if isinstance(value, Table)]


def _packed(header):
    return zlib.compress(json.dumps(header, separators=(",", ":")).encode())


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
    proto.MergeFromString(_histogram_header(histogram.buckets.shape))
    proto.tensor.tensor_content = histogram.buckets.tobytes()


@functools.lru_cache(maxsize=64)
def _histogram_header(shape):
    """The header with a shape, which nearly all histograms of a run share."""
    value = tf.compat.v1.Summary.Value.FromString(_HISTOGRAM_HEADER)
    for size in shape:
        value.tensor.tensor_shape.dim.add(size=size)
    return value.SerializeToString()


def _fill_image(proto, image):
    height, width, _ = image.pixels.shape
    # Half the time of the default level, for a few percent more bytes.
    png = tf.io.encode_png(image.pixels, compression=1).numpy()
    proto.MergeFromString(_IMAGE_HEADER)
    proto.tensor.tensor_shape.dim.add(size=3)
    proto.tensor.string_val.extend([str(width).encode(), str(height).encode(), png])


def _fill_table(proto, table):
    proto.MergeFromString(_TABLE_HEADER)
    proto.tensor.dtype = tf.as_dtype(table.array.dtype).as_datatype_enum
    proto.tensor.tensor_shape.SetInParent()
    for size in table.array.shape:
        proto.tensor.tensor_shape.dim.add(size=size)
    proto.tensor.tensor_content = table.array.tobytes()


def _fill_strings(proto, strings):
    proto.MergeFromString(_STRINGS_HEADER)
    proto.tensor.tensor_shape.dim.add(size=len(strings.texts))
    proto.tensor.string_val.extend(text.encode() for text in strings.texts)


def _fill_layout(proto, layout):
    proto.MergeFromString(_LAYOUT_HEADER)
    proto.tensor.tensor_shape.SetInParent()
    proto.tensor.string_val.append(layout.layout)


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
_TABLE_HEADER = _header("gtlog", _TENSOR_CLASS, tf.float32)
_STRINGS_HEADER = _header("gtlog", _TENSOR_CLASS, tf.string)
_LAYOUT_HEADER = _header("custom_scalars", _TENSOR_CLASS, tf.string)
_FILL = {
    Scalar: _fill_scalar,
    Histogram: _fill_histogram,
    Image: _fill_image,
    Table: _fill_table,
    Strings: _fill_strings,
    ChartLayout: _fill_layout,
}
assert set(_FILL) == set(VALUE_TYPES)
