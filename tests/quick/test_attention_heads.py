"""Multi-head attention by head: which kernels have heads, and what is written of each."""

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog import StepRecord, VariableRecord
from gtlog.summaries import attention_heads
from gtlog.testing import read_events
from gtlog.variables.roles import role_of

keras = tf.keras
needs_layer = pytest.mark.skipif(
    not hasattr(keras.layers, "MultiHeadAttention"), reason="this Keras has no such layer"
)
KEYS = ("query", "key", "value")


def layer(prefix="attention", heads=3, size=2, key_heads=None, **others):
    """Records of the kernels of one layer, drawn; `others` gives further shapes by name."""
    shapes = {f"{name}/kernel": (5, key_heads or heads, size) for name in KEYS}
    shapes.update({"query/kernel": (5, heads, size), "attention_output/kernel": (heads, size, 5)})
    shapes.update({f"{name}/kernel": shape for name, shape in others.items()})
    random = np.random.default_rng(0)
    return tuple(
        VariableRecord(
            f"{prefix}/{name}",
            role_of(name),
            tf.constant(random.normal(size=shape), tf.float32),
            gradient=tf.constant(random.normal(size=shape), tf.float32),
        )
        for name, shape in shapes.items()
        if shape is not None
    )


def written(*variables):
    """Histograms by tag."""
    values = list(attention_heads(buckets=4)(StepRecord(0, variables=variables)))
    by_tag = {value.tag: value for value in values}
    assert len(by_tag) == len(values)
    return by_tag


def test_each_head_has_the_elements_of_its_own():
    """Heads are axis 1 of what leads into them and axis 0 of what leads out, gradients alike."""
    records = layer()
    values = written(*records)
    assert len(values) == 4 * 3 * 2
    for record in records:
        axis = 0 if "output" in record.path else 1
        for kind, array in (("heads", record.value), ("head_gradients", record.gradient)):
            for head in range(3):
                expected = np.take(array.numpy().astype(np.float64), head, axis)
                rows = values[f"{kind}/{record.path}/{head}"].buckets
                counts, edges = np.histogram(expected, 4)
                np.testing.assert_array_equal(rows[:, 2], counts)
                np.testing.assert_allclose(rows[:, 0], edges[:-1])
    description = values["heads/attention/query/kernel/2"].description
    assert "Head 2 of 3" in description and "elements [:, 2]" in description


def test_grouped_queries():
    """Keys and values may have fewer heads than queries."""
    tags = written(*layer(heads=4, key_heads=2))
    assert sum(tag.startswith("heads/attention/key/") for tag in tags) == 2
    assert sum(tag.startswith("heads/attention/query/") for tag in tags) == 4


def test_several_layers_stay_apart():
    """Each layer has heads of its own, one without a path of its own too."""
    records = (*layer("a/attention"), *layer("b/attention", heads=2))
    assert sum(tag.startswith("heads/b/attention/query/") for tag in written(*records)) == 2


def test_kernels_that_were_made_unique():
    """Kernels of a second layer with the same name have a number, all of them the same."""
    second = [
        VariableRecord(f"{one.path}_1", one.role, one.value) for one in layer(heads=2)
    ]
    tags = written(*layer(), *second)
    assert sum(tag.startswith("heads/attention/query/kernel_1/") for tag in tags) == 2


@pytest.mark.parametrize(
    "others",
    [
        {"query": (5, 6)},  # heads that are not an axis
        {"query": None},
        {"value": None},
        {"attention_output": None},
        {"attention_output": (6, 5)},
        {"key": (5, 3, 4)},  # another size than that of the queries
        {"key": (5, 2, 2), "value": (5, 2, 2)},  # heads that no group divides
        {"key": (5, 1, 2)},  # other heads than the values have
        {"attention_output": (2, 3, 5)},
        {"value": (5, 3, 4)},  # a size that the output does not take
    ],
)
def test_what_is_not_certain_is_left_alone(others):
    """Kernels whose names or shapes are not those of the layer are not split."""
    assert written(*layer(**others)) == {}


def test_names_that_only_end_alike():
    """A layer named `my_query` is none of them."""
    records = [
        VariableRecord(one.path.replace("/query", "/my_query"), one.role, one.value)
        for one in layer()
    ]
    assert written(*records) == {}


def test_many_heads():
    """Of many heads the first 32 are written."""
    assert sum(tag.startswith("heads/attention/key/") for tag in written(*layer(heads=40))) == 32


def test_without_gradient_and_with_nan():
    """Without a gradient there is none of the heads; NaN is in no bucket."""
    value = np.ones((5, 3, 2), np.float32)
    value[0, 1] = np.nan
    query = VariableRecord("attention/query/kernel", "kernel", tf.constant(value))
    values = written(query, *layer()[1:])
    assert "head_gradients/attention/query/kernel/0" not in values
    assert values["heads/attention/query/kernel/1"].buckets[:, 2].sum() == 8


def test_buckets():
    """The number of buckets is checked when the summary is made."""
    with pytest.raises(ValueError, match="positive int"):
        attention_heads(buckets=0)


@needs_layer
@pytest.mark.parametrize("way", ["eager", "graph"])
def test_the_layer_of_keras(way, logdir):
    """Kernels and gradients of the real layer are split by the default summaries."""
    attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    x = tf.reshape(tf.range(24.0), [1, 4, 6]) / 24.0
    attention(x, x)

    def step():
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(attention(x, x) ** 2)
        tape.gradient(loss, attention.trainable_variables)

    gtlog.logged_step(logdir, on_error="raise")(step if way == "eager" else tf.function(step))()
    events = read_events(logdir)
    heads = {tag for tag in events.tags if tag.startswith("heads/")}
    assert len(heads) == 4 * 2
    assert len([tag for tag in events.tags if tag.startswith("head_gradients/")]) == 4 * 2
    (tag,) = [tag for tag in heads if tag.endswith("query/kernel/1")]
    kernel = next(one for one in attention.variables if one.shape == (6, 2, 3)).numpy()
    assert events.of(tag)[0][0, 0] == pytest.approx(kernel[:, 1].min())
    assert events.of(tag)[0][-1, 1] == pytest.approx(kernel[:, 1].max())
