"""What the events of a step must hold, computed without gtlog's code."""

import functools

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


def charts(events):
    """The tags that TensorBoard draws, sorted: all but those of gtlog's own tables."""
    return [tag for tag in events.tags if not tag.startswith("gtlog/")]


def vitals_of(after, before=None, gradient=None):
    """The numbers of a variable in the vitals table, of float64 copies of whole dense arrays.

    Columns that nothing tells are not in the dict.
    """
    numbers = {f"value_{name}": number for name, number in _numbers_of(after).items()}
    numbers.update({f"sketch_{k}": number for k, number in enumerate(sketches_of(after))})
    if gradient is not None:
        numbers.update({f"gradient_{name}": one for name, one in _numbers_of(gradient).items()})
    if before is not None:
        numbers.update(_update_of(after, before, gradient))
    return numbers


def _numbers_of(array):
    data = np.abs(_wide(array).ravel())
    finite = data[np.isfinite(data)]
    counts = {"nonfinite": data.size - finite.size}
    if not finite.size:
        return {"rms": np.nan, "max": np.nan, "zeros": np.nan, **counts}
    rms = norm([finite]) / np.sqrt(finite.size)
    return {"rms": rms, "max": finite.max(), "zeros": np.mean(finite == 0.0), **counts}


def _update_of(after, before, gradient):
    with np.errstate(invalid="ignore"):
        update = (_wide(after) - _wide(before)).ravel()
    finite = update[np.isfinite(update)]
    if not finite.size:
        return {"update_rms": np.nan, "update_ratio": np.nan}
    size, weight = norm([np.abs(finite)]), norm([np.abs(_wide(after))[np.isfinite(after)]])
    ratio = 0.0 if size == 0.0 else size / weight if weight else np.inf
    numbers = {"update_rms": size / np.sqrt(finite.size), "update_ratio": ratio}
    if gradient is not None:
        slope = _wide(gradient).ravel()
        both = np.isfinite(update) & np.isfinite(slope)
        product = np.sum(update[both] * np.conj(slope[both])).real
        lengths = size * norm([np.abs(slope[np.isfinite(slope)])])
        numbers["descent"] = -product / lengths if lengths else np.nan
    return numbers


def _wide(array):
    array = np.asarray(array)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def sketches_of(array):
    """The four projections that docs/vitals.md describes, an element at a time."""
    data = np.abs(_wide(array).ravel()) if np.iscomplexobj(array) else _wide(array).ravel()
    if not np.isfinite(data).any():
        return [np.nan] * 4
    data = np.where(np.isfinite(data), data, 0.0)
    return [float(data @ _signs(data.size, k)) / np.sqrt(data.size) for k in range(4)]


@functools.lru_cache(maxsize=None)
def _signs(size, k):
    if size <= 4096:
        return np.array([_bit(place, 8 + k) for place in range(size)])
    of_rows = [_bit(row, 24 + k) for row in range(size // 512 + 1)]
    return np.outer(of_rows, [_bit(place, 40) for place in range(512)]).ravel()[:size]


def _bit(number, bit):
    """Plus or minus one: a bit of what splitmix64 makes of a number, in Python's own integers."""
    mask = 2**64 - 1
    mixed = (number + 1) * 0x9E3779B97F4A7C15 & mask
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & mask
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & mask
    return 1 - 2 * ((mixed ^ mixed >> 31) >> bit & 1)
