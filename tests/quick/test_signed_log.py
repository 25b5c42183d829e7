"""Histograms on a signed logarithmic scale, which one outlier does not flatten."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import gtlog
from gtlog.summaries import histograms
from gtlog.testing import read_events

from .. import reference


def place(x):
    """Where a value stands on the axis, as the documentation says."""
    x = np.asarray(x).astype(np.float64)
    return np.sign(x) * np.log10(1.0 + np.abs(x) / 1e-8)


def rows_of(value, buckets=30):
    """The rows that are written for the value of one variable."""
    variable = gtlog.VariableRecord("path", "kernel", tf.constant(value))
    record = gtlog.StepRecord(0, variables=(variable,))
    (histogram,) = histograms(buckets, scale="signed_log")(record)
    assert histogram.tag == "weights_signed_log/path"
    return histogram.buckets


def noise(steps):
    """An input for each step."""
    return np.random.RandomState(0).normal(size=[steps, 6, 40], scale=1e-3).astype("f")


def train(mode, logdir, summaries, inputs):
    """Trains a kernel, whose gradient is the input, and a bias; returns the events and both."""
    kernel = tf.Variable(tf.random.stateless_normal([6, 40], [1, 2]), name="kernel")
    bias = tf.Variable(tf.zeros([40]), name="bias")

    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum(x * kernel) + tf.reduce_sum(x @ tf.reshape(bias, [40, 1]))
        of_kernel, of_bias = tape.gradient(loss, [kernel, bias])
        kernel.assign_sub(of_kernel)
        bias.assign_sub(of_bias)

    decorate = gtlog.logged_step(logdir, summaries=summaries, on_error="raise")
    if mode == "beneath":
        step = tf.function(decorate(train_step))
    else:
        step = decorate(tf.function(train_step) if mode == "above" else train_step)
    for x in inputs:
        step(tf.constant(x))
    return read_events(logdir), kernel, bias


@pytest.mark.parametrize("mode", ["eager", "above", "beneath"])
def test_weights_biases_and_gradients_have_tags_of_their_own(logdir, mode):
    """Beside the linear histograms stand those of the transformed values, under other tags."""
    inputs = noise(2)
    both = [histograms(), histograms(scale="signed_log")]
    events, kernel, bias = train(mode, logdir, both, inputs)
    kinds = ["biases", "gradients", "gradients", "weights"]
    paths = ["bias", "bias", "kernel", "kernel"]
    assert events.tags == sorted(
        f"{kind}{suffix}/{path}"
        for kind, path in zip(kinds, paths)
        for suffix in ("", "_signed_log")
    )
    expected = {
        ("weights", "kernel"): kernel.numpy(),
        ("biases", "bias"): bias.numpy(),
        ("gradients", "kernel"): inputs[1],
    }
    for (kind, path), value in expected.items():
        reference.assert_histogram(events.of(f"{kind}/{path}")[1], value)
        reference.assert_histogram(events.of(f"{kind}_signed_log/{path}")[1], place(value))


def test_the_logarithm_alone(logdir):
    """Without the linear summary, the linear tags are not written."""
    events, _, _ = train("eager", logdir, [histograms(scale="signed_log")], noise(1))
    assert all("_signed_log/" in tag for tag in events.tags)


def rebinned(rows, low, high, bins=30):
    """Counts in uniform bins between `low` and `high`, as TensorBoard's page draws each step."""
    edges = np.linspace(low, high, bins + 1)
    counts = np.zeros(bins)
    for left, right, count in rows:
        if right == left:
            counts[min(int((left - low) / (high - low) * bins), bins - 1)] += count
            continue
        overlap = np.minimum(edges[1:], right) - np.maximum(edges[:-1], left)
        counts += count * np.maximum(overlap, 0.0) / (right - left)
    return counts


@pytest.mark.parametrize("mode", ["eager", "above", "beneath"])
def test_a_spike_leaves_the_other_steps_readable(logdir, mode):
    """In bins over the whole run, a spike presses linear charts into one bin, these not."""
    inputs = noise(8)
    inputs[4] *= 1e6
    events, _, _ = train(mode, logdir, [histograms(), histograms(scale="signed_log")], inputs)

    def filled_bins(tag):
        by_step = events.of(tag)
        low = min(rows[0, 0] for rows in by_step.values())
        high = max(rows[-1, 1] for rows in by_step.values())
        counts = [rebinned(by_step[step], low, high) for step in by_step]
        return [np.sum(one > 0.01 * one.sum()) for one in counts]

    linear, logarithmic = (filled_bins(f"gradients{s}/kernel") for s in ("", "_signed_log"))
    assert max(linear[:4] + linear[5:]) <= 2
    assert min(logarithmic) >= 6


@pytest.mark.parametrize(
    "value, expected",
    [(0.0, 0.0), (1.0, 8.0), (0.1, 7.0), (-1e-3, -5.0), (1e-8, np.log10(2.0)), (1e6, 14.0)],
)
def test_places(value, expected):
    """A value stands at sign(x) log10(1 + |x| / 1e-8), at all steps and beside any others."""
    alone = rows_of(np.float64([value]))
    np.testing.assert_allclose(alone[:, :2], expected, atol=1e-5)
    for outlier in (1e9, -1e9):
        rows = rows_of(np.float64([value, value, outlier]))
        (row,) = rows[rows[:, 2] == 2]
        assert row[0] - 1e-5 <= expected <= row[1] + 1e-5


def test_the_description_says_how_to_read_the_axis(logdir):
    """The description has the formula and examples that hold."""
    events, _, _ = train("eager", logdir, [histograms(scale="signed_log")], noise(1))
    (description,) = {one.description for one in events}
    assert "sign(x) * log10(1 + abs(x) / 1e-8)" in description
    for position, value in ((0, "0"), (5, "0.001"), (7, "0.1"), (8, "1"), (-5, "-0.001")):
        assert f"at {position} for {value}" in description
        assert place(float(value)) == pytest.approx(position, abs=1e-5)


def test_linear_histograms_have_no_description():
    """The linear histograms are what they were."""
    variable = gtlog.VariableRecord("path", "kernel", tf.constant([1.0, 2.0]))
    (histogram,) = histograms(scale="linear")(gtlog.StepRecord(0, variables=(variable,)))
    assert (histogram.tag, histogram.description) == ("weights/path", "")


@pytest.mark.parametrize("buckets", [1, 2, 100])
def test_number_of_buckets(buckets):
    """`buckets` is the number of rows."""
    rows = rows_of(np.float32([1.0, -2.0, 3.0]), buckets)
    assert rows.shape == (buckets, 3) and rows[:, 2].sum() == 3


def test_nonfinite_elements_are_in_no_bucket():
    """NaN and infinities leave the rest as it is."""
    values = np.random.RandomState(0).normal(size=100_000).astype("f")
    spoiled = values.copy()
    spoiled[::7], spoiled[1::7], spoiled[2::7] = np.nan, np.inf, -np.inf
    rows = rows_of(spoiled)
    reference.assert_histogram(rows, place(spoiled[np.isfinite(spoiled)]))


@pytest.mark.parametrize("value", [[], [np.nan, np.inf], np.full(70_000, np.nan)])
def test_nothing_finite(value):
    """Where no element is finite, or there is none, all rows are zero."""
    np.testing.assert_array_equal(rows_of(np.float32(value)), np.zeros((30, 3)))


@pytest.mark.parametrize("value", [0.0, 0.25, -3.0])
def test_constants(value):
    """Where all elements are equal, each edge is their place and the last bucket has them all."""
    rows = rows_of(np.full(50_000, value, np.float32))
    np.testing.assert_allclose(rows[:, :2], place(value))
    assert rows[:, 2].tolist() == [0.0] * 29 + [50_000.0]


def test_a_scalar_variable():
    """A scalar is one element."""
    assert rows_of(np.float32(0.1))[:, 2].sum() == 1


@pytest.mark.parametrize(
    "value",
    [
        np.float16([1.0, -6e4, 6e-8]),
        np.int32([-5, 0, 2**30]),
        np.bool_([True, False, True]),
        np.complex64([3 + 4j, 0, 1j]),
        np.float64([5e-324, 1e-320, -1e-310]),
        np.float64([1e300, -1e200, 1.0]),
    ],
    ids=lambda value: f"{value.dtype}-{np.max(np.abs(value)):.0e}",
)
def test_types_and_ranges(value):
    """Elements of every type and of any size are counted, complex ones by magnitude."""
    magnitudes = np.abs(value) if value.dtype.kind == "c" else value.astype(np.float64)
    rows = rows_of(value)
    with np.errstate(under="ignore"):
        expected = np.sign(magnitudes) * np.log1p(np.abs(magnitudes) / 1e-8) / np.log(10.0)
    assert rows[:, 2].sum() == value.size
    np.testing.assert_allclose([rows[0, 0], rows[-1, 1]], [min(expected), max(expected)])


def test_bfloat16():
    """bfloat16 is widened like all others."""
    rows = rows_of(tf.constant([1.0, -1.0, 0.0], tf.bfloat16))
    assert rows[0, 0] == pytest.approx(-8.0) and rows[-1, 1] == pytest.approx(8.0)


def test_magnitudes_beyond_1e300():
    """Larger magnitudes than 1e300 stand where that stands."""
    rows = rows_of(np.float64([1.7e308, -1e308, 0.0]))
    assert rows[0, 0] == pytest.approx(-308.0) and rows[-1, 1] == pytest.approx(308.0)
    assert rows[:, 2].sum() == 3


def test_gradient_slices():
    """Of `tf.IndexedSlices` the touched rows are counted, repeated indices summed."""
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([5, 0, 5]))
    variable = gtlog.VariableRecord("path", "embedding", tf.zeros([9, 1]), gradient=slices)
    record = gtlog.StepRecord(0, variables=(variable,))
    _, of_gradient = histograms(scale="signed_log")(record)
    assert of_gradient.tag == "gradients_signed_log/path"
    reference.assert_histogram(of_gradient.buckets, place([2.0, 5.0]))


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.integers(1, 50),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
def test_against_the_formula(value):
    """Edges and counts are those of the transformed values, to rounding at the edges."""
    rows, places = rows_of(value), np.sort(place(value))
    assert rows[:, 2].sum() == value.size
    assert rows[0, 0] == pytest.approx(places[0], abs=1e-9)
    assert rows[-1, 1] == pytest.approx(places[-1], abs=1e-9)
    below = np.cumsum(rows[:, 2])[:-1]
    assert np.all(below >= np.searchsorted(places, rows[:-1, 1] - 1e-9))
    assert np.all(below <= np.searchsorted(places, rows[:-1, 1] + 1e-9))


def test_no_copy_of_the_whole():
    """A histogram of 16 MB of weights needs less than 2 MB of memory."""
    variable = gtlog.VariableRecord("path", "kernel", tf.random.normal([4_000_000]))
    record = gtlog.StepRecord(0, variables=(variable,))
    summary = histograms(scale="signed_log")
    tracemalloc.start()
    try:
        list(summary(record))
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scale", ["log", None, 10])
def test_scale_must_be_one_of_two(scale):
    """Another scale is an error when the summary is made."""
    with pytest.raises(ValueError) as caught:
        histograms(scale=scale)
    assert str(caught.value) == f"scale must be 'linear' or 'signed_log', got {scale!r}."
