"""Gradients as TensorFlow returns them, against their dense sums."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gtlog.records.step_record import VariableRecord
from gtlog.tensors.gradients import elements, total

ROWS, COLUMNS = 7, 2
# Small whole numbers: their sums are exact in every type.
VALUES = st.integers(-8, 8).map(float)


def dense_gradients():
    """Dense gradients of a `[ROWS, COLUMNS]` variable."""
    return hnp.arrays(np.float32, (ROWS, COLUMNS), elements=VALUES).map(tf.constant)


@st.composite
def slices(draw, dtype=np.float32):
    """Sparse gradients of the same variable; indices repeat, in any order, int32 or int64."""
    indices = draw(st.lists(st.integers(0, ROWS - 1), max_size=10))
    values = draw(hnp.arrays(dtype, (len(indices), COLUMNS), elements=VALUES))
    index_type = draw(st.sampled_from([tf.int32, tf.int64]))
    shape = draw(st.sampled_from([None, tf.constant([ROWS, COLUMNS])]))
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices, index_type), shape)


def as_dense(gradient):
    """The dense form, as TensorFlow itself makes it."""
    if isinstance(gradient, tf.IndexedSlices):
        gradient = tf.IndexedSlices(
            gradient.values, tf.cast(gradient.indices, tf.int64), tf.constant([ROWS, COLUMNS])
        )
    return tf.convert_to_tensor(gradient).numpy()


class TestTotal:
    """`total` of the gradients that one variable was given in a step."""

    @given(st.lists(dense_gradients() | slices(), min_size=1, max_size=4))
    def test_it_is_the_dense_sum(self, parts):
        """Whatever mix of dense gradients and slices, the total is the sum of the dense forms."""
        expected = sum(as_dense(part) for part in parts)
        np.testing.assert_array_equal(as_dense(total(parts)), expected)

    @given(st.lists(slices(), min_size=1, max_size=4))
    def test_slices_stay_slices(self, parts):
        """Nothing but slices makes slices."""
        assert isinstance(total(parts), tf.IndexedSlices)

    def test_a_single_part_is_returned_itself(self):
        """One gradient is not copied."""
        part = tf.ones([2])
        assert total([part]) is part

    def test_parts_are_not_modified(self):
        """The user's own gradients keep their values."""
        dense, sparse = tf.ones([2, 1]), tf.IndexedSlices(tf.ones([1, 1]), tf.constant([1]))
        for parts in ([dense, dense], [sparse, dense], [dense, sparse]):
            total(parts)
        np.testing.assert_array_equal(dense, [[1.0], [1.0]])
        np.testing.assert_array_equal(sparse.values, [[1.0]])

    def test_a_scalar_variable(self):
        """Gradients of a scalar are summed too."""
        assert float(total([tf.constant(1.0), tf.constant(2.0)])) == 3.0

    @pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16], ids=lambda d: d.name)
    def test_half_floats_do_not_overflow(self, dtype):
        """Sums of half floats leave the half float's range; they are float32."""
        largest = tf.fill([2, 1], tf.constant(6e4, dtype))
        sparse = tf.IndexedSlices(largest[:1], tf.constant([1]))
        once = float(largest[0, 0])
        summed = total([largest, largest, sparse])
        assert summed.dtype == tf.float32
        np.testing.assert_array_equal(summed, [[2 * once], [3 * once]])

    @pytest.mark.parametrize("dtype", [tf.float64, tf.complex64, tf.complex128])
    def test_wide_types_are_kept(self, dtype):
        """Nothing wider than float32 is narrowed."""
        part = tf.constant([1 + 2**-40, 2], dtype)
        assert total([part, part]).dtype == dtype
        np.testing.assert_array_equal(total([part, part]), part.numpy() * 2)

    def test_a_large_embedding_is_never_dense(self):
        """Slices of a variable of 10**9 rows are summed without making it."""
        parts = [large_slices([5, 10**9 - 1]), large_slices([10**9 - 1])]
        np.testing.assert_array_equal(elements(total(parts)), [[1.0] * 8, [2.0] * 8])


def large_slices(indices):
    """Ones, for some rows of a variable of a billion rows, which would take 32 GB."""
    return tf.IndexedSlices(
        tf.ones([len(indices), 8]),
        tf.constant(indices, tf.int64),
        tf.constant([10**9, 8], tf.int64),
    )


class TestElements:
    """`elements` that statistics are taken over."""

    @given(slices())
    def test_touched_rows(self, gradient):
        """Of slices: the rows that were touched, of the dense form, in order."""
        touched = np.unique(gradient.indices.numpy())
        np.testing.assert_array_equal(elements(gradient), as_dense(gradient)[touched])

    @given(dense_gradients())
    def test_dense(self, gradient):
        """Of a dense gradient: all, without a copy."""
        np.testing.assert_array_equal(elements(gradient), gradient.numpy())

    def test_empty_slices(self):
        """Slices of no row have no elements."""
        gradient = tf.IndexedSlices(tf.zeros([0, 8]), tf.zeros([0], tf.int32))
        assert elements(gradient).shape == (0, 8)
        assert elements(total([gradient, gradient])).shape == (0, 8)
        record = VariableRecord("e", "embedding", tf.ones([2, 8]), gradient=gradient)
        assert record.gradient_statistics.size == 0
        assert record.gradient_statistics.norm == 0.0

    @pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16], ids=lambda d: d.name)
    def test_repeated_indices_of_half_floats_do_not_overflow(self, dtype):
        """A row that 70,000 indices repeat is summed in float32."""
        values = tf.fill([70000, 1], tf.constant(2.0, dtype))
        gradient = tf.IndexedSlices(values, tf.zeros([70000], tf.int32))
        assert elements(gradient).dtype == np.float32
        np.testing.assert_array_equal(elements(gradient), [[140000.0]])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
    def test_types_are_kept(self, dtype):
        """float32 and wider are not cast."""
        gradient = tf.IndexedSlices(tf.constant([[1], [2]], dtype), tf.constant([3, 3]))
        assert elements(gradient).dtype == dtype
        np.testing.assert_array_equal(elements(gradient), [[3]])

    def test_rows_of_any_rank(self):
        """Rows may be scalars or have several axes."""
        indices = tf.constant([4, 1, 4])
        for shape in ([], [2], [2, 3]):
            gradient = tf.IndexedSlices(tf.ones([3] + shape), indices)
            expected = np.ones([2] + shape) * np.array([1, 2]).reshape([2] + [1] * len(shape))
            np.testing.assert_array_equal(elements(gradient), expected)

    def test_indices_of_a_lookup_in_two_axes(self):
        """The gradient of a lookup of a batch of sequences has the rows that it touched."""
        table = tf.Variable(np.zeros([9, 2]), dtype=tf.float32)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.nn.embedding_lookup(table, [[7, 3], [7, 7]]))
        gradient = tape.gradient(loss, table)
        assert isinstance(gradient, tf.IndexedSlices)
        np.testing.assert_array_equal(elements(gradient), [[1.0, 1.0], [3.0, 3.0]])

    def test_nan_spoils_its_own_row_alone(self):
        """A NaN among repeated indices makes the row's sum NaN, and no other's."""
        values = tf.constant([[np.nan], [1.0], [2.0], [3.0]])
        gradient = tf.IndexedSlices(values, tf.constant([0, 1, 0, 1]))
        np.testing.assert_array_equal(elements(gradient), [[np.nan], [4.0]])
