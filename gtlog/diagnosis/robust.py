"""Statistics over arrays [variables, steps] that few outliers do not move; NaN means not known."""

import functools

import numpy as np

# Columns that tell what was usual of late.
RECENT = 30
# The values before a leap are rarely as high: else so many after it have less than a chance of one
# in ten thousand.
LEAST_SURPRISE_OF_LEAP = np.log(1e4)


def log10(values):
    """Logarithm of magnitudes: minus infinity for zero, NaN for an unknown number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.asarray(values, np.float64))


def finite(values):
    """The values; NaN for those that are infinite, such as the logarithm of zero."""
    return np.where(np.isfinite(values), values, np.nan)


def median(values, axis=-1):
    """Median of the known numbers along an axis; NaN if none is known.

    Like `np.nanmedian`, but without its warning and many times as fast.
    """
    if not values.shape[axis]:
        return np.full(np.delete(values.shape, axis), np.nan)
    ordered = np.sort(values, axis=axis)
    count = np.sum(~np.isnan(values), axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, ordered.shape[axis] - 1), axis)
    middle = np.where(low == high, low, 0.5 * (low + high))
    return np.squeeze(np.where(count > 0, middle, np.nan), axis=axis)


def spread(values):
    """How far the rows lie apart in each column: median distance from their median, [columns]."""
    return median(np.abs(values - median(values, axis=0)), axis=0)


def median_of_others(values):
    """For each row and column the median of the other rows, [rows, columns].

    Args:
      values: Array [rows, columns]; NaN where not known.

    Returns:
      Array of that shape; NaN where no other row is known. An unknown row gets the median of all
      known ones.
    """
    if not len(values):
        return values.astype(np.float64)
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, 0)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(values))[:, None], 0)
    known = ~np.isnan(values)
    others = known.sum(0) - known
    low = _of_others(ordered, rank, np.maximum(others - 1, 0) // 2)
    high = _of_others(ordered, rank, others // 2)
    middle = np.where(low == high, low, 0.5 * (low + high))
    return np.where(others > 0, middle, np.nan)


def _of_others(ordered, rank, place):
    place = place + (place >= rank)
    return np.take_along_axis(ordered, np.minimum(place, len(ordered) - 1), 0)


def windows(values, width):
    """Each window of `width` columns up to a column, [rows, columns, width].

    The first columns have shorter windows, which are filled with NaN. A view, read-only.
    """
    filler = np.full((len(values), width - 1), np.nan)
    padded = np.ascontiguousarray(np.concatenate([filler, values], axis=1))
    shape = (*values.shape, width)
    strides = (*padded.strides, padded.strides[1])
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)


def smooth(values, width=3):
    """Median of each window of `width` columns up to a column. One odd step has no effect."""
    return median(windows(values, width))


def carried(values):
    """Fills each unknown number with the last known number of its row.

    Columns before the first known number get that number. A row without any known number stays NaN.
    """
    known = ~np.isnan(values)
    places = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), -1), axis=1)
    first = known.argmax(axis=1)[:, None] if values.shape[1] else places
    return np.take_along_axis(values, np.where(places < 0, first, places), 1)


def shifted(values, lag, filler=np.nan):
    """The columns `lag` places earlier, or later if `lag` is below zero, [rows, columns]."""
    number = values.shape[1]
    fillers = np.full((len(values), min(abs(lag), number)), filler)
    if lag >= 0:
        return np.concatenate([fillers, values[:, : max(number - lag, 0)]], axis=1)
    return np.concatenate([values[:, -lag:], fillers], axis=1)


def soon(values, width=4):
    """The highest known number among each column and those after it, `width` columns in all."""
    number = values.shape[1]
    later = np.concatenate([values, np.full((len(values), width - 1), np.nan)], axis=1)
    return functools.reduce(np.fmax, [later[:, lag : lag + number] for lag in range(width)])


def least(values, width):
    """The least of each window of `width` columns; NaN if it is short or has an unknown number."""
    if values.shape[1] < width:
        return np.full(values.shape, np.nan)
    return windows(values, width).min(axis=-1)


def persists(flags, width=2):
    """Whether a flag has stood for `width` columns up to and including this one."""
    standing = flags.copy()
    for lag in range(1, width):
        standing[:, lag:] &= flags[:, :-lag]
        standing[:, :lag] = False
    return standing


def begun(flags, width):
    """Where one of the windows lies, `width` columns long, whose last columns are flagged."""
    standing = flags.copy()
    for lead in range(1, width):
        standing[:, :-lead] |= flags[:, lead:]
    return standing


def onset_of_last_run(flags):
    """Index of the first of the True columns at a row's end; the number of columns if none is."""
    reverse = flags[:, ::-1]
    length = np.where(reverse.all(axis=1), flags.shape[1], (~reverse).argmax(axis=1))
    return np.where(flags[:, -1:].any(axis=1), flags.shape[1] - length, flags.shape[1])


def highest(values):
    """The highest known number in each row; NaN if none is known."""
    found = np.where(np.isnan(values), -np.inf, values).max(axis=1)
    return np.where(np.isneginf(found), np.nan, found)


def highest_before(values):
    """The highest known number of a row before each column; NaN if none is known."""
    known = np.where(np.isnan(values), -np.inf, values)
    before = np.full(values.shape, np.nan)
    before[:, 1:] = np.maximum.accumulate(known, axis=1)[:, :-1]
    return np.where(np.isneginf(before), np.nan, before)


def to_the_end(flags):
    """Where a flag stands in this column and in all columns after it."""
    return np.logical_and.accumulate(flags[:, ::-1], axis=1)[:, ::-1]


def leapt(values, least_leap, width=3, past=10, kept=0.6):
    """Where a row has leapt up and stays up to its end, as it would not by chance.

    Args:
      values: Array [rows, columns].
      least_leap: By how much a whole window lies above the median of the columns before it.
      width: Number of columns of the window.
      past: Number of columns before the window. At least `width` of them must be known.
      kept: The share of the leap that the row keeps.

    Returns:
      Flags [rows, columns], from the first column of the leap on.
    """
    flags = np.zeros(values.shape, bool)
    if values.shape[1] < 2 * width:
        return flags
    before = np.full(values.shape, np.nan)
    earlier = windows(values, past)[:, :-width]
    is_known = np.sum(~np.isnan(earlier), axis=2) >= width
    before[:, width:] = np.where(is_known, median(earlier), np.nan)
    leaps = least(values, width) - before >= least_leap
    for row in np.flatnonzero(leaps.any(axis=1)):
        end = int(leaps[row].argmax())
        start = max(end - width + 1, 0)
        floor = before[row, end] + kept * least_leap
        stays = (values[row] >= floor) | np.isnan(values[row])
        if stays[start:].all() and not is_by_chance(stays, start, LEAST_SURPRISE_OF_LEAP):
            flags[row, start:] = True
    return flags


def unless_by_chance(flags, least_surprise, single=None, width=3):
    """As `to_the_end`, without the rows where that may be chance: see `is_by_chance`.

    Args:
      flags: Bool array [rows, columns], of windows that end with a column.
      least_surprise: As in `is_by_chance`.
      single: Flags of single columns, which tell how rare they are; None takes `flags`.
      width: Columns of a window. From its first possible end on a flag is there from the beginning.
    """
    lasting = to_the_end(flags)
    single = flags if single is None else single
    for row in np.flatnonzero(lasting[:, -1:].any(axis=1)):
        start = int(lasting[row].argmax())
        was_always = single is not flags and single[row].all()
        if start >= width and not was_always and is_by_chance(single[row], start, least_surprise):
            lasting[row] = False
    return lasting


def is_by_chance(flags, start, least_surprise):
    """Whether the flags from a start on may stand by chance, as often as flags stood before it.

    Args:
      flags: Bool array [columns].
      start: Index above zero.
      least_surprise: Natural logarithm of one over the probability from which on it is chance.

    Source: the bound of Chernoff for a share of `n` columns: exp(-n KL(share, usual)).
    """
    usual = max(_share(flags[:start]), _share(flags[:start][-RECENT:]))
    share = float(np.mean(flags[start:]))
    if share <= usual:
        return True
    surprise = share * np.log(share / usual)
    if share < 1:
        surprise += (1 - share) * np.log((1 - share) / (1 - usual))
    return bool(surprise * (len(flags) - start) < least_surprise)


def _share(flags):
    """The share of flags that stand, of few flags with some doubt."""
    return (np.sum(flags) + 0.5) / (len(flags) + 1)


def turning(values, before, after):
    """Index from which on values are rather at a later level than at an earlier one.

    What a value exceeds the middle of both levels by speaks for the later one, and the sum of that
    is largest from the turn on (cumulative sums: Page, "Continuous inspection schemes", Biometrika,
    1954).

    Args:
      values: Array [columns]; NaN where not known, at least one known.
      before, after: The two levels; `after` may be the lower one.
    """
    for_it = (values - 0.5 * (before + after)) * np.sign(after - before)
    sums = np.cumsum(np.where(np.isnan(for_it), 0.0, for_it)[::-1])[::-1]
    return int(np.where(np.isnan(for_it), -np.inf, sums).argmax())


def knee(steps, change, least=0.15):
    """Where the way to the last value begins: the first index, or a later knee.

    The knee is the point farthest from the straight line between the two ends, on the side of the
    earlier values. A way that is straight, or fast at first, begins at the first index.

    Args:
      steps: Array [columns].
      change: Array [columns]; NaN where not known.
      least: How far off the line a knee is at least, as a share of the whole way.
    """
    known = np.flatnonzero(np.isfinite(change))
    if len(known) < 3 or change[known[-1]] == change[known[0]]:
        return int(known[0]) if len(known) else 0
    share = (steps[known] - steps[known[0]]) / (steps[known[-1]] - steps[known[0]])
    way = (change[known] - change[known[0]]) / (change[known[-1]] - change[known[0]])
    # What was regained later does not count.
    behind = share - np.maximum.accumulate(way)
    place = int(behind.argmax())
    return int(known[place]) if behind[place] >= least else int(known[0])


def typical(values):
    """Median of all known numbers in an array, a float; NaN if none is known."""
    return float(median(np.ravel(values)))


def least_of(values):
    """The least of all known numbers in an array, a float; NaN if none is known."""
    return -most_of(-np.asarray(values))


def most_of(values):
    """The highest of all known numbers in an array, a float; NaN if none is known."""
    known = np.ravel(values)
    known = known[~np.isnan(known)]
    return float(known.max()) if known.size else np.nan
