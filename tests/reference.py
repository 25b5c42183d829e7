"""What the events of a step must hold, computed without gtlog's code."""

import numpy as np


def histogram(array, buckets=30):
    """Rows of left edge, right edge and count, as `tf.summary.histogram` documents them."""
    data = np.asarray(array).astype(np.float64).ravel()
    data = data[np.isfinite(data)]
    if not data.size:
        return np.zeros((buckets, 3))
    low, high = data.min(), data.max()
    if low == high:
        counts = np.zeros(buckets)
        counts[-1] = data.size
        return np.stack([np.full(buckets, low), np.full(buckets, high), counts], axis=1)
    positions = np.floor((data - low) / ((high - low) / buckets))
    edges = low + np.arange(buckets + 1) * ((high - low) / buckets)
    counts = [np.sum(np.minimum(positions, buckets - 1) == k) for k in range(buckets)]
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def norm(arrays):
    """Global L2 norm of arrays."""
    return np.sqrt(sum(np.sum(np.square(np.asarray(a, np.float64))) for a in arrays))


def assert_histogram(rows, array):
    """Asserts that logged rows are the histogram of an array, counts exactly."""
    expected = histogram(array)
    np.testing.assert_allclose(rows[:, :2], expected[:, :2], rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(rows[:, 2], expected[:, 2])
