"""Many small tensors at once: the same numbers, to the last bit, as of each alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gtlog import statistics
from gtlog.statistics import together


@st.composite
def small_arrays(draw):
    """Arrays of few sizes, of both types, some of them out of the ordinary."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrays = []
    for _ in range(draw(st.integers(1, 30))):
        size = draw(st.sampled_from([1, 2, 7, 64, 1000, together.SMALL]))
        dtype = draw(st.sampled_from([np.float32, np.float64]))
        scale = draw(st.sampled_from([0.0, 1e-320, 1e-160, 1e-30, 1e-3, 1.0, 1e30, 1e200, 1e308]))
        with np.errstate(all="ignore"):
            array = rng.normal(size=size) * scale + draw(st.sampled_from([0.0, 1.0]))
            array = array.astype(dtype)
        array[: size // 2] = draw(st.sampled_from([array[0], 0.0, -0.0, np.nan, np.inf, array[-1]]))
        shape = (-1, 2) if size % 2 == 0 else (-1,)
        arrays.append(np.maximum(array, 0).reshape(shape) if draw(st.booleans()) else array)
    return arrays


def bits(numbers):
    """Floats as what tells 0.0 from -0.0."""
    return np.asarray(numbers, np.float64).tobytes()


@settings(max_examples=50)
@given(small_arrays(), st.sampled_from([1, 2, 30, 1000]))
def test_small_tensors_have_the_same_numbers_together_as_alone(arrays, buckets):
    """Extremes, norms and histograms of many small tensors are those of each, bit for bit."""
    known = [statistics.extremes(array) for array in arrays]
    for alone, found in zip(known, together.extremes(arrays)):
        assert found is None or bits(found) == bits(alone)
    for array, one, found in zip(arrays, known, together.norms(arrays, known)):
        assert found is None or bits(found) == bits(statistics.norm(array, one))
    rows = together.histograms(arrays, known, buckets)
    for array, one, found in zip(arrays, known, rows):
        assert found is None or bits(found) == bits(statistics.histogram(array, buckets, one))


@settings(max_examples=50)
@given(small_arrays())
def test_small_updates_have_the_same_norm_together_as_alone(arrays):
    """Norms of many small differences are those of each, bit for bit."""
    befores = [np.roll(array.reshape(-1), 1).reshape(array.shape) for array in arrays]
    norms = together.norms_of_differences(arrays, befores)
    for after, before, found in zip(arrays, befores, norms):
        assert found is None or bits(found) == bits(statistics.norm_of_difference(after, before))


def test_usual_tensors_are_measured_together():
    """Finite tensors of usual magnitudes are not left for a pass of their own."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=size).astype(np.float32) for size in (2, 64, 64, 4096, 8192)]
    known = together.extremes(arrays)
    assert None not in known
    assert None not in together.norms(arrays, known)
    assert None not in together.norms_of_differences(arrays, [array * 0.5 for array in arrays])
    of_few = [rows is not None for rows in together.histograms(arrays, known, 30)]
    assert of_few == [True, True, True, False, False]
