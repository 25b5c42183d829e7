"""The numbers of one tensor, compared with exact rational arithmetic and with TensorBoard."""

import fractions
import math
import tracemalloc
import warnings

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gtlog import statistics
from gtlog.statistics import describe, describe_difference, histogram, on_host

with warnings.catch_warnings():  # pkg_resources and protobuf, in some versions
    warnings.simplefilter("ignore")
    from tensorboard.plugins.histogram import summary_v2

BFLOAT16 = tf.bfloat16.as_numpy_dtype
FLOATS = (np.float16, BFLOAT16, np.float32, np.float64)
INTEGERS = tuple(np.dtype(kind + size).type for kind in "iu" for size in "1248")
COMPLEX = (np.complex64, np.complex128)
DTYPES = FLOATS + INTEGERS + (np.bool_,) + COMPLEX

# Norms of any few elements up to it are float64 numbers.
LARGEST = 1e300
BLOCK = on_host._BLOCK


def cast(array, dtype):
    """The array in another type; what does not fit becomes infinite, without a warning."""
    with np.errstate(all="ignore"):
        return array.astype(dtype)


@st.composite
def arrays(draw, dtypes=DTYPES, shapes=None, finite=False):
    """Arrays of any numeric type and rank: constants, denormals, huge ranges, NaN, infinities."""
    dtype = draw(st.sampled_from(dtypes))
    if shapes is None:
        shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    if dtype in INTEGERS or dtype is np.bool_:
        return draw(hnp.arrays(dtype, shapes))
    bound = min(LARGEST, float(np.finfo(dtype if dtype in (np.float16, np.float32) else "d").max))
    numbers = st.floats(-bound, bound) | st.floats(-1.0, 1.0) | st.sampled_from([0.0, 5e-324, 1.0])
    if not finite:
        numbers |= st.sampled_from([math.nan, math.inf, -math.inf])
    real = draw(hnp.arrays(np.float64, shapes, elements=numbers))
    if dtype in COMPLEX:
        imaginary = draw(hnp.arrays(np.float64, real.shape, elements=st.floats(-1e18, 1e18)))
        real = real + 1j * imaginary
    array = cast(real, dtype)
    assume(not finite or np.isfinite(widened(array)).all())
    return array


def widened(array):
    """The elements as one row of float64, magnitudes where they are complex."""
    array = np.asarray(array).ravel()
    if array.dtype.kind == "c":
        return np.abs(array.astype(np.complex128))
    return array.astype(np.float64)


def finite(array):
    """The finite elements as exact fractions."""
    data = widened(array)
    return [fractions.Fraction(float(x)) for x in data[np.isfinite(data)]]


def exact_norm(elements):
    """The L2 norm of fractions, to 1200 binary places."""
    squares = sum(x * x for x in elements)
    return float(fractions.Fraction(math.isqrt(int(squares * 4**1200)), 2**1200))


def assert_described(described, array):
    """Asserts that statistics are those of the array's finite elements."""
    elements = finite(array)
    size = np.asarray(array).size
    assert (described.size, described.finite) == (size, len(elements))
    assert described.nonfinite == size - len(elements)
    if not elements:
        assert described == statistics.TensorStatistics(size, size, 0.0, 0.0, 0.0, 0.0)
        return
    assert (described.minimum, described.maximum) == (min(elements), max(elements))
    largest = float(max(abs(x) for x in elements))
    mean = float(sum(elements) / len(elements))
    assert described.mean == pytest.approx(mean, rel=1e-12, abs=1e-13 * largest + 5e-324)
    assert described.norm == pytest.approx(exact_norm(elements), rel=1e-12, abs=1e-323)


def assert_counted(rows, array, buckets):
    """Asserts edges and counts up to the rounding of the buckets' edges."""
    elements = sorted(finite(array))
    assert rows.shape == (buckets, 3) and rows.dtype == np.float64
    assert rows[:, 2].sum() == len(elements)
    if not elements:
        assert not rows.any()
        return
    low, high = elements[0], elements[-1]
    assert (rows[0, 0], rows[-1, 1]) == (low, high)
    np.testing.assert_array_equal(rows[1:, 0], rows[:-1, 1] if low < high else low)
    assert (np.diff(rows[:, :2], axis=0) >= 0).all()
    if low == high:
        assert (rows[:-1, 2] == 0).all()
        return
    rounding = max(abs(low), abs(high)) / 2**50 + fractions.Fraction(5e-324)
    for k in range(1, buckets):
        edge = low + k * (high - low) / buckets
        assert abs(fractions.Fraction(float(rows[k, 0])) - edge) <= rounding
        below = rows[:k, 2].sum()
        assert sum(x < edge - rounding for x in elements) <= below
        assert below <= sum(x < edge + rounding for x in elements)


class TestExtremes:
    """`extremes`, for what needs no sums."""

    @given(arrays())
    def test_they_are_those_of_the_description(self, array):
        """Counts and extremes are those that `describe` tells, which may be handed them."""
        extremes, described = statistics.extremes(array), describe(array)
        assert (extremes.size, extremes.nonfinite) == (described.size, described.nonfinite)
        assert (extremes.minimum, extremes.maximum) == (described.minimum, described.maximum)
        assert describe(array, extremes) == described


class TestDescribe:
    """`describe` against exact sums."""

    @given(arrays())
    @example(np.array([1e-320, 2e-320]))
    @example(np.array([-1e300, 1e300, 1e-300]))
    @example(np.full([2, 3], 7, np.uint64))
    @example(np.array([2**64 - 1, 2**63], np.uint64))
    def test_it_is_exact(self, array):
        """Extremes and counts are exact, mean and norm to twelve digits, for every type."""
        assert_described(describe(array), array)

    @pytest.mark.parametrize("dtype", [np.float16, BFLOAT16], ids=["float16", "bfloat16"])
    def test_half_floats_do_not_overflow(self, dtype):
        """70,000 ones of a half float have the sum and the norm that they have."""
        described = describe(np.ones(70000, dtype))
        assert described.mean == 1.0
        assert described.norm == pytest.approx(math.sqrt(70000.0), rel=1e-12)

    def test_float32_does_not_overflow(self):
        """Squares may leave the range of float32."""
        assert describe(np.full(4, 3e38, np.float32)).norm == pytest.approx(6e38, rel=1e-6)

    def test_complex_numbers_count_by_magnitude(self):
        """3+4j counts as 5."""
        described = describe(np.array([3 + 4j, 0j], np.complex64))
        assert (described.minimum, described.maximum, described.norm) == (0.0, 5.0, 5.0)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_nothing_finite(self, value):
        """Where no element is finite all are counted, and the rest is zero."""
        assert describe(np.full(BLOCK + 1, value, np.float32)) == statistics.TensorStatistics(
            BLOCK + 1, BLOCK + 1, 0.0, 0.0, 0.0, 0.0
        )

    def test_a_norm_beyond_float64_is_infinite(self):
        """Finite elements whose norm no float64 can hold have an infinite one."""
        described = describe(np.full(4, 1.5e308))
        assert (described.nonfinite, described.maximum, described.norm) == (0, 1.5e308, math.inf)
        assert described.mean == pytest.approx(1.5e308)

    def test_tensors_lists_and_numbers(self):
        """Whatever numpy makes an array of is taken."""
        assert describe(tf.constant([3.0, 4.0])).norm == 5.0
        assert describe([[3], [4]]).norm == 5.0
        assert describe(2.5).maximum == 2.5
        assert describe([]).size == 0


@st.composite
def pairs(draw):
    """Two arrays of one type and shape."""
    dtypes = (draw(st.sampled_from(DTYPES)),)
    after = draw(arrays(dtypes))
    return after, draw(arrays(dtypes, shapes=st.just(after.shape)))


class TestDescribeDifference:
    """`describe_difference` against the difference itself."""

    @given(pairs())
    def test_it_is_the_description_of_the_difference(self, pair):
        """It describes `after - before`, taken in float64, complex numbers in their own type."""
        after, before = pair
        with np.errstate(all="ignore"):
            if after.dtype.kind == "c":
                difference = after - before
            else:
                difference = after.astype(np.float64) - before.astype(np.float64)
        assert_described(describe_difference(after, before), difference)

    @pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 33 * BLOCK + 3])
    def test_several_blocks(self, size):
        """Arrays of one block, one element less or more, and several."""
        random = np.random.RandomState(size)
        after, before = random.randn(2, size).astype("f")
        described = describe_difference(after, before)
        difference = after.astype("d") - before
        assert described.minimum == difference.min() and described.maximum == difference.max()
        norm = math.sqrt(math.fsum(difference**2))
        assert described.norm == pytest.approx(norm, rel=1e-12)

    def test_unsigned_and_bool_differences_are_negative(self):
        """A difference of unsigned numbers does not wrap around, one of bools is a number."""
        for dtype in (np.uint8, np.bool_):
            described = describe_difference(np.zeros(2, dtype), np.ones(2, dtype))
            assert (described.minimum, described.maximum) == (-1.0, -1.0)

    def test_shapes_must_agree(self):
        """Arrays of different sizes are an error that gives both shapes."""
        with pytest.raises(ValueError) as caught:
            describe_difference(np.zeros(3), np.zeros(4))
        assert str(caught.value) == "The shapes differ: (3,) after, (4,) before."


class TestNorm:
    """`norm` and `norm_of_difference` against the descriptions."""

    @given(pairs())
    def test_they_are_those_of_the_descriptions(self, pair):
        """Of a few elements they are what `describe` and `describe_difference` tell."""
        after, before = pair
        assert statistics.norm(after) == describe(after).norm
        assert statistics.norm(after, statistics.extremes(after)) == describe(after).norm
        described = describe_difference(after, before)
        assert statistics.norm_of_difference(after, before) == described.norm

    @pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, 16 * BLOCK + 511, 33 * BLOCK + 1])
    @pytest.mark.parametrize("scale", [1e-40, 1e-24, 1e-16, 1e-12, 1.0, 1e17, 1e19, 1e37])
    @pytest.mark.parametrize("offset", [0.0, 100.0])
    def test_of_many_float32_they_have_six_digits(self, size, scale, offset):
        """Whatever the magnitude of the elements, and whether they are around zero or far off."""
        random = np.random.RandomState(size)
        after = ((random.randn(size) + offset) * scale / (1 + offset)).astype(np.float32)
        before = (after * random.uniform(0.99, 1.01, size)).astype(np.float32)
        assert statistics.norm(after) == pytest.approx(describe(after).norm, rel=1e-6)
        described = describe_difference(after, before)
        assert statistics.norm_of_difference(after, before) == pytest.approx(described.norm, 1e-6)

    @pytest.mark.parametrize("spoiled", [math.nan, math.inf, -math.inf, 3e38])
    def test_one_element_spoils_nothing(self, spoiled):
        """An element that is not finite is left out; one whose square overflows is not."""
        array = np.random.RandomState(0).randn(5 * BLOCK).astype(np.float32)
        array[17] = spoiled
        before = np.zeros_like(array)
        assert statistics.norm(array) == describe(array).norm
        assert statistics.norm_of_difference(array, before) == describe(array).norm

    @pytest.mark.parametrize("step", [2, -1])
    def test_elements_need_not_lie_side_by_side(self, step):
        """Every second element, or all in reversed order."""
        array = np.random.RandomState(0).randn(5 * BLOCK).astype(np.float32)[::step]
        assert statistics.norm(array) == pytest.approx(describe(array).norm, rel=1e-6)

    def test_zeros(self):
        """Many zeros have the norm zero."""
        zeros = np.zeros(5 * BLOCK, np.float32)
        assert statistics.norm(zeros) == statistics.norm_of_difference(zeros, zeros) == 0.0

    def test_shapes_must_agree(self):
        """A difference of arrays of different sizes is an error."""
        with pytest.raises(ValueError, match="The shapes differ"):
            statistics.norm_of_difference(np.zeros(BLOCK, "f"), np.zeros(2 * BLOCK, "f"))


class TestHistogram:
    """`histogram` against exact edges, and against TensorBoard's own."""

    @given(arrays(), st.integers(1, 40))
    @example(np.array([-1.7e308, 0.0, 1.7e308]), 30)
    @example(np.array([1e290, 5e-324]), 1)
    @example(np.array([0.0, 5e-324, 1e-323]), 4)
    @example(np.array([1.0, 1.0 + 2.0**-52]), 30)
    @example(np.array([1e-310, 1.0, 1e100]), 30)
    @example(np.array([2**63 - 1, -(2**63)], np.int64), 30)
    def test_edges_and_counts(self, array, buckets):
        """Edges are uniform between the extremes; each finite element is in its bucket."""
        assert_counted(histogram(array, buckets), array, buckets)

    @given(arrays(finite=True), st.integers(1, 40))
    def test_it_is_tensorboards(self, array, buckets):
        """On finite data edges and counts are bit for bit those of TensorBoard's histogram."""
        data = widened(array)
        # Beyond, the width of a bucket is denormal or infinite, and TensorBoard's counts are wrong.
        extent = np.ptp(data) if data.size else 0.0
        assume(extent == 0.0 or 1e-280 < extent < 1e280)
        self.assert_tensorboards(array, data, buckets)

    @pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
    @pytest.mark.parametrize("dtype", [np.float32, BFLOAT16, np.int8], ids=["f4", "bf16", "i1"])
    def test_several_blocks_are_tensorboards(self, dtype, size):
        """Arrays longer than one block too."""
        array = (40 * np.random.RandomState(size).randn(size)).clip(-128, 127).astype(dtype)
        self.assert_tensorboards(array, widened(array), 30)

    @pytest.mark.parametrize("buckets", [1, 30, 254, 255, 256, 1000])
    @pytest.mark.parametrize("size", [16 * BLOCK - 1, 16 * BLOCK, 40 * BLOCK + 1])
    def test_large_arrays_are_tensorboards(self, size, buckets):
        """However many elements and buckets there are, the counts are exact."""
        array = np.random.RandomState(size).standard_normal(size).astype(np.float32)
        data = array.astype(np.float64)
        # What TensorBoard computes; its own code takes a byte for each element and bucket.
        width = np.ptp(data) / buckets
        positions = np.floor((data - data.min()) / width)
        counts = np.bincount(np.minimum(positions, buckets - 1).astype(int))
        rows = histogram(array, buckets)
        np.testing.assert_array_equal(rows[:, 2], counts)
        np.testing.assert_array_equal(rows, histogram(array, buckets, describe(array)))

    @pytest.mark.parametrize("buckets", [1, 2, 7, 30, 32, 33])
    @pytest.mark.parametrize("low, high", [(-1.0, 1.0), (0.0, 1e-20), (-3e28, 7e28), (5.0, 5.01)])
    @pytest.mark.parametrize("near", [0, 1, 20, 5000])
    def test_elements_at_the_edges_are_in_their_bucket(self, low, high, buckets, near):
        """Large float32 arrays are counted as in float64, elements a few bits off an edge too."""
        low, high = np.float32([low, high])
        random = np.random.RandomState(near)
        array = random.uniform(low, high, 16 * BLOCK + 1).astype(np.float32).clip(low, high)
        edges = np.linspace(low, high, buckets + 1).astype(np.float32)
        close = random.choice(edges, 40 * near)
        close += random.randint(-5, 6, close.size) * np.spacing(close)
        array[random.choice(array.size, close.size, replace=False)] = close.clip(low, high)
        array[:2] = low, high
        data = array.astype(np.float64)
        positions = np.floor((data - data.min()) / (np.ptp(data) / buckets))
        counts = np.bincount(np.minimum(positions, buckets - 1).astype(int), minlength=buckets)
        np.testing.assert_array_equal(histogram(array, buckets)[:, 2], counts)

    @pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
    def test_one_value_may_be_most_of_an_array(self, value):
        """A large float32 array of which nearly all elements equal an end or an edge."""
        array = np.full(20 * BLOCK, value, np.float32)
        array[[0, -1]] = 0.0, 1.0
        rows = histogram(array, 2)
        assert rows[:, 2].sum() == array.size
        assert rows[0, 2] == np.count_nonzero(array < 0.5)

    def assert_tensorboards(self, array, data, buckets):
        """Asserts equality with what TensorBoard makes of the data."""
        (value,) = summary_v2.histogram_pb("tag", data, buckets).value
        np.testing.assert_array_equal(histogram(array, buckets), tf.make_ndarray(value.tensor))

    @pytest.mark.parametrize("size", [BLOCK, BLOCK + 1, 2 * BLOCK])
    def test_nonfinite_elements_spoil_nothing(self, size):
        """NaN and infinities, a whole block of them too, leave the histogram of the rest."""
        array = np.random.RandomState(0).randn(2 * BLOCK + size)
        array[BLOCK : 2 * BLOCK] = np.nan
        array[-1], array[0], array[7] = np.inf, -np.inf, np.nan
        expected = histogram(array[np.isfinite(array)])
        np.testing.assert_array_equal(histogram(array), expected)
        assert expected[:, 2].sum() == np.isfinite(array).sum()

    @given(arrays(), st.integers(1, 40))
    def test_statistics_that_are_known_are_not_computed_again(self, array, buckets):
        """With the array's description, or its extremes, at hand the histogram is the same."""
        rows = histogram(array, buckets)
        for known in (describe(array), statistics.extremes(array)):
            np.testing.assert_array_equal(histogram(array, buckets, known), rows)


LAYOUTS = {
    "transposed": lambda a: a.T,
    "Fortran": np.asfortranarray,
    "strided": lambda a: a[::2, ::3],
    "reversed": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:, :1], a.shape),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout):
    """However an array lies in memory, its numbers are the same."""
    array = layout(np.random.RandomState(0).randn(170, 130))
    copy = np.array(array, dtype=np.float64, order="C")
    assert describe(array).maximum == copy.max()
    assert describe(array).norm == pytest.approx(math.sqrt(math.fsum(copy.ravel() ** 2)))
    assert describe_difference(array, copy).norm == 0.0
    np.testing.assert_array_equal(histogram(array)[:, 2], np.histogram(copy, 30)[0])


@given(pairs())
def test_arrays_are_not_modified(pair):
    """Every element keeps its bits."""
    after, before = pair
    expected = after.tobytes(), before.tobytes()
    describe(after)
    describe_difference(after, before)
    histogram(after)
    assert (after.tobytes(), before.tobytes()) == expected


@pytest.mark.parametrize("spoiled", [False, True], ids=["finite", "with NaN"])
def test_no_copy_of_the_whole_array_is_made(spoiled):
    """Twenty million float32, 80 MB, are reduced and counted with less than 3 MB."""
    array = np.arange(20_000_000, dtype=np.float32)
    if spoiled:
        array[::1000] = np.nan
    tracemalloc.start()
    try:
        describe(array)
        describe_difference(array, array)
        statistics.norm(array)
        statistics.norm_of_difference(array, array)
        rows = histogram(array)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3e6
    assert rows[:, 2].sum() == (19_980_000 if spoiled else 20_000_000)
