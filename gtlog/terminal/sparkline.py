"""A line of characters for the numbers of a variable over the steps."""

import numpy as np

NONFINITE, ZERO, ABSENT = "!", "0", " "
"""Marks that stand in place of a bar."""


def sparkline(heights, is_zero, is_nonfinite, columns, blocks, least_span):
    """Draws numbers over the logged steps, as many to a column as need be.

    A column shows the worst of its steps: one with a mark, or else the one that is farthest from
    the median of all, so that a spike of one step is seen.

    Args:
      heights: `[steps]` float array; NaN where there is no number.
      is_zero: `[steps]` bool array, exact zeros of which there is no logarithm.
      is_nonfinite: `[steps]` bool array.
      columns: The most characters that there may be.
      blocks: Characters from low to high.
      least_span: The lowest and the highest bar differ at least by this, so that noise stays flat.

    Returns:
      A `str` of at most `columns` characters.

    >>> nowhere = np.zeros(4, bool)
    >>> sparkline(np.array([-3.0, -2.0, np.nan, -1.0]), nowhere, nowhere, 4, "123", 1.0)
    '12 3'
    """
    if not heights.size or columns < 1:
        return ""
    known = heights[np.isfinite(heights)]
    low, span = _range(known, least_span)
    middle = np.median(known) if known.size else 0.0
    parts = np.array_split(np.arange(heights.size), min(columns, heights.size))
    marks = []
    for part in parts:
        if is_nonfinite[part].any():
            marks.append(NONFINITE)
        elif is_zero[part].any():
            marks.append(ZERO)
        else:
            marks.append(_block(heights[part], middle, low, span, blocks))
    return "".join(marks)


def _range(known, least_span):
    if not known.size:
        return 0.0, least_span
    low, high = known.min(), known.max()
    span = max(high - low, least_span)
    return (low + high - span) / 2, span


def _block(heights, middle, low, span, blocks):
    known = heights[np.isfinite(heights)]
    if not known.size:
        return ABSENT
    worst = known[np.argmax(np.abs(known - middle))]
    level = int((worst - low) / span * len(blocks)) if span else 0
    return blocks[min(max(level, 0), len(blocks) - 1)]
