"""What the rows of a table have in common over the steps."""

import numpy as np

OUTER = 0.2
"""The share of rows on each side that does not decide on what all have in common."""


def drift(numbers):
    """What rows have in common at each step: the value of the step before, moved as most rows move.

    A median at each step would not do: it goes along where a fault takes many rows with it.

    Args:
      numbers: `[rows, steps]` array of logarithms; NaN where there is no number.

    Returns:
      `[steps]`, 0 at first; between the lowest and the highest fifth of the rows at each step.
    """
    low, high = _middle(numbers)
    moves = np.full(numbers.shape, np.nan)
    moves[:, 1:] = np.diff(numbers, axis=1)
    least, most = map(np.nan_to_num, _middle(moves))
    common, before = np.zeros(numbers.shape[1]), 0.0
    for step, move in enumerate(np.clip(0.0, least, most)):
        if not np.isnan(low[step]):
            before = min(max(before + move, low[step]), high[step])
        common[step] = before
    return common


def _middle(numbers):
    """For each column the bounds of its middle three fifths; NaN for a column without numbers."""
    ordered = np.sort(numbers, axis=0)  # NaN comes last
    last = np.maximum((~np.isnan(numbers)).sum(axis=0) - 1, 0)
    places = np.arange(numbers.shape[1])
    low = ordered[np.floor(last * OUTER).astype(int), places]
    return low, ordered[np.ceil(last * (1 - OUTER)).astype(int), places]
