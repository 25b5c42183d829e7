"""Multi-head attention by head: histograms of kernels and gradients.

The layout is that of Keras's own sources:

* Keras 2, keras/layers/attention/multi_head_attention.py (`tf.keras.layers.MultiHeadAttention`
  since TensorFlow 2.4): `_build_from_signature` and `_make_attention` make layers named `query`,
  `key`, `value` and `attention_output`.
* Keras 3, keras/src/layers/attention/multi_head_attention.py: the same; and
  grouped_query_attention.py, whose keys and values have fewer heads.
"""

from gtlog import statistics, tags
from gtlog.summaries.histograms import DEFAULT_BUCKETS, check_buckets
from gtlog.summaries.parts import part
from gtlog.types import Summary
from gtlog.values import Histogram, joined

_INTO = ("query", "key", "value")
_OUT = "attention_output"
_MOST_HEADS = 32


def attention_heads(buckets: int = DEFAULT_BUCKETS) -> Summary:
    """A summary that shows the kernels of multi-head attention, and their gradients, head by head.

    Layers are found from their variables alone, wherever they sit, and only where these leave no
    doubt: kernels `query/kernel`, `key/kernel` and `value/kernel` of shape
    `[features, heads, size]` and `attention_output/kernel` of shape `[heads, size, ...]` under one
    path, whose heads and sizes agree. So are `MultiHeadAttention` and `GroupedQueryAttention` of
    Keras (of the latter keys and values have fewer heads), and layers of one's own of the same
    layout. Kernels in which the heads are not an axis, `[features, heads * size]`, are left alone:
    nothing in them says how many heads there are.

    For each logged step it yields, of the first 32 heads,

    * `heads/<path>/<head>`: the elements of a kernel that belong to a head, after the update;
    * `head_gradients/<path>/<head>`: those of its gradient, where there is one.

    Heads are counted from 0. NaN and infinite elements are in no bucket.

    Args:
      buckets: Positive number of buckets of each histogram.

    Returns:
      A callable from a `StepRecord` to an iterable of `Histogram` values.

    Raises:
      TypeError: `buckets` is no int.
      ValueError: `buckets` is below 1.
    """
    check_buckets(buckets)

    def summarize(record):
        kernels = {one.path: one for one in record.variables if _may_have_heads(one)}
        for path in kernels:
            for variable, axis in _layer(path, kernels):
                what = f"the heads of {variable.path!r}"
                yield from part(what, _by_head(variable, axis, buckets, record.gradient_note))

    summarize.__qualname__ = "attention_heads"
    return summarize


def _may_have_heads(variable):
    shape = variable.shape
    return variable.role == "kernel" and len(shape) >= 3 and all(shape)


def _layer(path, kernels):
    """The kernels of the layer whose query kernel has this path, each with the axis of its heads.

    Returns:
      List of pairs; empty if there is no such layer.
    """
    prefix, is_query, number = _split(path)
    if not is_query:
        return []
    into = [kernels.get(f"{prefix}{name}/kernel{number}") for name in _INTO]
    out = kernels.get(f"{prefix}{_OUT}/kernel{number}")
    if out is None or None in into or not _agree([one.shape for one in into], out):
        return []
    return [*((one, 1) for one in into), (out, 0)]


def _split(path):
    """What stands before `query/kernel`, whether it stands there, and the number after it."""
    layer, _, own = path.rpartition("/")
    prefix, name = layer[: -len("query")], layer[-len("query") :]
    is_query = name == "query" and (not prefix or prefix.endswith("/"))
    return prefix, is_query and own.startswith("kernel"), own[len("kernel") :]


def _agree(into, out):
    """Whether shapes are those of one layer: of queries, keys and values, and of the output."""
    if any(len(shape) != 3 for shape in into):
        return False
    (_, heads, size), (_, key_heads, key_size), (_, value_heads, value_size) = into
    return (
        key_heads == value_heads
        and heads % key_heads == 0
        and key_size == size
        and out.shape[:2] == (heads, value_size)
    )


def _by_head(variable, axis, buckets, note):
    arrays = [(tags.heads, variable.value_array, "")]
    if variable.gradient is not None:
        arrays.append((tags.head_gradients, variable.gradient_array, note))
    count = variable.shape[axis]
    where = "[:, {}]" if axis else "[{}]"
    for tag_of, array, further in arrays:
        for head in range(min(count, _MOST_HEADS)):
            of_head = array[:, head] if axis else array[head]
            description = (
                f"Head {head} of {count} of `{variable.path}`, shape {list(array.shape)}: elements "
                f"{where.format(head)}."
            )
            rows = statistics.histogram(of_head, buckets)
            yield Histogram(tag_of(variable.path, str(head)), rows, joined(description, further))
