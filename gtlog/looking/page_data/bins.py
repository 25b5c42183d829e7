"""Fewer columns than steps: bins of steps, each of which keeps its worst number."""

import numpy as np

from gtlog.looking.page_data.codes import ABSENT, INFINITE, ZERO, is_special

_ABSENT_DISTANCE, _ZERO_DISTANCE, _INFINITE_DISTANCE = -1, 70_000, 80_000


def bin_starts(steps, most):
    """Where bins of steps begin, of equal width in step numbers.

    Args:
      steps: Ascending numbers of steps, `[T]`.
      most: Most bins.

    Returns:
      Indices into `steps`, ascending from 0; one for each step where there are at most `most`.

    >>> bin_starts(np.array([0, 1, 2, 3, 100]), 2).tolist()
    [0, 4]
    """
    if len(steps) <= most:
        return np.arange(len(steps))
    steps = np.asarray(steps, np.float64)
    width = (steps[-1] - steps[0]) / most
    number = np.minimum((steps - steps[0]) // width, most - 1)
    return np.flatnonzero(np.diff(number, prepend=-1))


def worst_codes(codes, starts):
    """Of each bin the code that lies farthest from the median of its row.

    A mean would hide the spike of a single step. An infinite number is worse than an exact zero,
    and that is worse than any other number. An unknown one counts only where there is no other.

    Args:
      codes: int16 `[variables, steps]`.
      starts: As from `bin_starts`.

    Returns:
      int16 `[variables, bins]`.
    """
    if len(starts) == codes.shape[1] or not len(codes):
        return codes[:, starts]
    distance = _distances(codes)
    ends = [*starts[1:].tolist(), codes.shape[1]]
    worst = np.empty((len(codes), len(starts)), np.int16)
    rows = np.arange(len(codes))
    for place, (start, end) in enumerate(zip(starts.tolist(), ends)):
        worst[:, place] = codes[rows, start + distance[:, start:end].argmax(axis=1)]
    return worst


def _distances(codes):
    numbers = np.ma.masked_array(codes, is_special(codes))
    middle = np.ma.median(numbers, axis=1).filled(0)
    distance = np.abs(codes - middle[:, None])
    distance[codes == ABSENT] = _ABSENT_DISTANCE
    distance[codes == ZERO] = _ZERO_DISTANCE
    distance[codes == INFINITE] = _INFINITE_DISTANCE
    return distance


def worst_numbers(numbers, starts):
    """Of each bin the number that lies farthest from the median; one that is not finite is worst.

    NaN may also be a number that is not known, so it counts only where there is no other.

    Args:
      numbers: float64 `[T]`.
      starts: As from `bin_starts`.

    Returns:
      float64 `[bins]`.
    """
    if len(starts) == len(numbers):
        return numbers
    finite = numbers[np.isfinite(numbers)]
    distance = np.abs(numbers - (np.median(finite) if len(finite) else 0))
    distance[np.isnan(numbers)] = -1
    ends = [*starts[1:].tolist(), len(numbers)]
    return np.array(
        [numbers[start + distance[start:end].argmax()] for start, end in zip(starts, ends)]
    )
