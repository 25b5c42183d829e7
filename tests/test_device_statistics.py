"""Statistics by TensorFlow operations, held to those by numpy.

No accelerator is needed: the operations run on the CPU here, as they would on a device.
"""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gtlog import statistics, summaries
from gtlog.records import step_record as record
from gtlog.records import together
from gtlog.tensors import on_device as device_statistics

# Extremes, sums and counts of the value and of the gradient; extremes and sums of the update.
MOST_COPIES = 8
FLOATS = st.sampled_from([np.float16, np.float32, np.float64])


def arrays_of(dtypes):
    """Arrays of up to three axes, NaN and infinities among the elements, but no denormals."""
    shapes = arrays.array_shapes(min_dims=0, max_dims=3, max_side=6)
    return dtypes.flatmap(
        lambda dtype: arrays.arrays(
            dtype, shapes, elements=arrays.from_dtype(np.dtype(dtype), allow_subnormal=False)
        )
    )


@settings(max_examples=60)
@given(arrays_of(FLOATS))
def test_statistics_are_those_of_numpy(array):
    """Extremes, mean and norm are those of the numpy path, for every floating dtype."""
    expected = statistics.describe(array)
    actual = device_statistics.describe(tf.constant(array))
    assert actual.size == expected.size and actual.nonfinite == expected.nonfinite
    assert (actual.minimum, actual.maximum) == (expected.minimum, expected.maximum)
    scale = max(abs(expected.minimum), abs(expected.maximum))
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12, atol=1e-13 * scale)
    np.testing.assert_allclose(actual.norm, expected.norm, rtol=1e-12)


@settings(max_examples=60)
@given(arrays_of(FLOATS), st.integers(1, 40))
def test_histograms_are_those_of_numpy(array, buckets):
    """Edges and counts are those of the numpy path."""
    expected = statistics.histogram(array, buckets)
    np.testing.assert_array_equal(
        device_statistics.histogram(tf.constant(array), buckets), expected
    )


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.int8, tf.int64, tf.bool, tf.complex64])
def test_other_dtypes(dtype):
    """bfloat16, integers, bool and complex (by magnitude) are reduced as numpy does."""
    tensor = tf.cast(tf.constant([[0.0, 1.0, 3.0], [2.0, 1.0, 0.0]]), dtype)
    assert device_statistics.describe(tensor) == statistics.describe(tensor.numpy())


def test_differences_are_those_of_numpy():
    """The statistics of an update are those of the numpy path."""
    random = np.random.RandomState(0)
    after, before = random.randn(2, 30, 7).astype("f")
    before[3, 3] = np.nan
    expected = statistics.describe_difference(after, before)
    actual = device_statistics.describe_difference(tf.constant(after), tf.constant(before))
    assert actual.nonfinite == expected.nonfinite == 1
    np.testing.assert_allclose(actual.norm, expected.norm, rtol=1e-12)
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12)


def test_more_than_one_block():
    """A tensor of more than one block is reduced whole."""
    array = np.random.RandomState(0).randn((1 << 20) + 17).astype("f")
    tensor = tf.constant(array)
    np.testing.assert_array_equal(
        device_statistics.histogram(tensor), statistics.histogram(array)
    )
    expected = statistics.describe(array)
    np.testing.assert_allclose(device_statistics.describe(tensor).norm, expected.norm, rtol=1e-12)


def test_tensors_of_all_sizes_share_one_trace():
    """The operations are traced once for a dtype, not once for each variable."""
    tensors = [tf.ones([size]) for size in range(1, 6)]
    device_statistics.histogram(tensors[0])
    function = device_statistics._COUNTS[tf.float32]
    trace = function.get_concrete_function().graph
    for tensor in tensors:
        device_statistics.histogram(tensor)
    assert function.get_concrete_function().graph is trace


def test_a_record_reduces_a_tensor_where_it_lives():
    """A variable off the CPU is reduced on its device; an array and the CPU's own by numpy."""

    class OnDevice:
        device = "/job:localhost/replica:0/task:0/device:GPU:0"

    assert record._reducer(OnDevice()) is device_statistics
    assert record._reducer(tf.constant(1.0)) is statistics
    assert record._reducer(np.ones(3)) is statistics


@pytest.mark.parametrize("name", ["kernel_images", "recurrent_gates"])
def test_what_a_summary_does_not_show_stays_on_its_device(name):
    """A variable without picture or gates is not copied to the host to find that out."""

    class OnDevice:
        shape, dtype = tf.TensorShape([64, 32]), tf.float32

        def __array__(self, *arguments, **options):
            raise AssertionError("copied to the host")

    roles = ("kernel", "bias", "embedding", "other")
    variables = [record.VariableRecord(f"dense/{role}", role, OnDevice()) for role in roles]
    summarize = getattr(summaries, name)()
    assert list(summarize(record.StepRecord(0, variables=variables))) == []


def test_a_record_on_a_device_gives_the_same_numbers(monkeypatch):
    """All statistics of a record are the same by either way."""
    random = np.random.RandomState(0)
    value, before, gradient = (tf.constant(random.randn(5, 4), tf.float32) for _ in range(3))

    def numbers():
        one = record.VariableRecord("dense/kernel", "kernel", value, before, gradient)
        statistics_of = one.value_statistics, one.gradient_statistics, one.update_statistics
        return statistics_of, one.value_histogram(30), one.gradient_histogram(30)

    on_host = numbers()
    monkeypatch.setattr(record, "_reducer", lambda elements: device_statistics)
    on_device = numbers()
    for one, other in zip(on_host[0], on_device[0]):
        np.testing.assert_allclose(one.norm, other.norm, rtol=1e-12)
        assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
    np.testing.assert_array_equal(on_host[1], on_device[1])
    np.testing.assert_array_equal(on_host[2], on_device[2])


@pytest.mark.parametrize("shape", [(64, 64), (300, 200)], ids=str)
def test_a_logged_step_moves_results_of_fixed_size(shape, monkeypatch):
    """Of a kernel on a device the stock summaries copy a few numbers and counts, of any shape."""
    random = np.random.RandomState(0)
    value, before, gradient = (tf.constant(random.randn(*shape), tf.float32) for _ in range(3))
    one = record.VariableRecord("dense/kernel", "kernel", value, before, gradient)
    step = record.StepRecord(0, losses=(0.5,), variables=(one,), loss_names=("",))
    copied = copied_to_host(monkeypatch)
    monkeypatch.setattr(record, "_reducer", lambda elements: device_statistics)
    monkeypatch.setattr(together, "know_extremes", lambda variables: None)
    monkeypatch.setattr(together, "know_norms", lambda variables: None)
    monkeypatch.setattr(together, "histograms", lambda variables, buckets: ({}, {}))
    monkeypatch.setattr(record.VariableRecord, "is_on_host", False)
    for summary in summaries.stock():
        list(summary(step))
    assert len(copied) == MOST_COPIES and max(copied) <= 31
    assert copied_by(lambda: value.numpy(), copied) == [shape[0] * shape[1]]


def copied_to_host(monkeypatch):
    """A list that grows by the size of each tensor that becomes an array."""
    sizes = []
    for name in ("numpy", "__array__"):
        (owner, *_) = [one for one in type(tf.constant(0)).__mro__ if name in vars(one)]
        copy = vars(owner)[name]

        def spy(tensor, *arguments, copy=copy, **options):
            array = copy(tensor, *arguments, **options)
            sizes.append(np.size(array))
            return array

        monkeypatch.setattr(owner, name, spy)
    return sizes


def copied_by(work, copied):
    """What `work` adds to the list of `copied_to_host`."""
    before = len(copied)
    work()
    return copied[before:]


@pytest.mark.parametrize("module", [statistics, device_statistics])
def test_the_largest_float_has_a_histogram(module):
    """From 0 to the largest float64 the edges stay finite."""
    largest = np.finfo(np.float64).max
    rows = module.histogram(tf.constant([largest, 0.0], tf.float64), 3)
    np.testing.assert_allclose(rows[:, 1] / largest, [1 / 3, 2 / 3, 1.0])
    np.testing.assert_array_equal(rows[:, 2], [1.0, 0.0, 1.0])
