"""How each variable stands beside the others of its role, and beside its own past."""

import numpy as np

from gtlog.vitals.drift import drift

FEWEST = 3
"""A role of fewer variables is compared with all variables."""

ZERO = -100.0
"""What an exact zero among numbers counts, in place of its logarithm."""

_EARLY, _FEWEST_EARLY = 0.1, 5  # the share of a row's numbers that is its past


def compared(heights, is_zero, roles):
    """Compares rows with the others of their role.

    What the rows of a role have in common begins where they were early, and moves at each step as
    most of them move. A median at each step would not do: it goes along where a fault takes many
    layers with it.

    Args:
      heights: `[variables, steps]` array; NaN where there is no number.
      is_zero: `[variables, steps]` bool array, exact zeros that have no height.
      roles: Names, one a row.

    Returns:
      Two arrays `[variables, steps]`, and `[variables]` bools: how far each number is from what is
      common to the role; how far the row has moved against it; and whether there are enough rows
      for the first of them.
    """
    past = np.array([_past(row) for row in heights]).reshape(len(heights), 1)
    moved = heights - past
    level = np.full_like(heights, np.nan)
    change = np.full_like(heights, np.nan)
    has_peers = np.zeros(len(roles), bool)
    roles = np.array(roles, object)
    for role in dict.fromkeys(roles.tolist()):
        rows = np.flatnonzero(roles == role)
        has_peers[rows] = len(rows) >= FEWEST
        peers = rows if len(rows) >= FEWEST else np.arange(len(roles))
        if len(peers) < FEWEST:
            change[rows] = moved[rows]
            continue
        change[rows] = moved[rows] - drift(moved[peers])
        level[rows] = change[rows] + past[rows] - _median(past[peers])
        change[rows] = _with_zeros(change[rows], is_zero[rows], is_zero[peers], heights[peers])
        level[rows] = _with_zeros(level[rows], is_zero[rows], is_zero[peers], heights[peers])
    return level, change, has_peers


def _past(row):
    known = row[~np.isnan(row)]
    return np.median(known[: max(_FEWEST_EARLY, int(_EARLY * known.size))]) if known.size else 0.0


def _median(numbers):
    known = numbers[~np.isnan(numbers)]
    return np.median(known) if known.size else 0.0


def _with_zeros(numbers, is_zero, of_peers, heights):
    """Numbers in which an exact zero counts as one, unless at that step most of the peers are."""
    is_usual = of_peers.sum(axis=0) >= (~np.isnan(heights)).sum(axis=0)
    return np.where(is_zero, np.where(is_usual, 0.0, ZERO), numbers)
