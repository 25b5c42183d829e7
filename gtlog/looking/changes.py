"""How each layer has changed beside the others: the numbers of the picture, by numpy.

`page/scores.js` computes the same in a browser.
"""

import numpy as np

from gtlog.looking.page_data import codes
from gtlog.looking.page_data.bins import bin_starts, worst_codes
from gtlog.vitals.drift import drift

LEAST_PEERS = 3
"""With fewer rows of a role each would be its own measure: then all rows are the peers."""

EARLY, LEAST_EARLY = 0.1, 5
"""The share of a row's numbers that is its past, and how many they are at least."""

_MOST = 32000


def changes(table, statistic="gradient_rms"):
    """Changes of the magnitudes of a statistic, against the layer's own past and its peers.

    The logarithm, minus its median over the first tenth of the row's own numbers, minus what the
    rows of the role have in common: what they had at the step before, moved as most of them move.
    A median would not do: it goes along where a fault takes many layers with it.

    Args:
      table: A `VitalsTable`.
      statistic: A column of magnitudes.

    Returns:
      int16 `[variables, steps]`: hundredths of a decade, and the codes of zero, of infinite and of
      unknown numbers. Rows with NaN or infinite elements have the code of the infinite.
    """
    coded, numbers = _coded(table, statistic)
    return _recoded(coded, _without_common(_without_past(numbers), table.variables, drift))


def levels(table, statistic="gradient_rms"):
    """Magnitudes of a statistic against those of the layer's peers at the same step.

    A layer that was wrong from the first step on has no healthy past: it stands out here.

    Args:
      table: A `VitalsTable`.
      statistic: A column of magnitudes.

    Returns:
      As `changes`: the logarithm, minus the median over the rows of the role.
    """
    coded, numbers = _coded(table, statistic)
    return _recoded(coded, _without_common(numbers, table.variables, _median))


def _coded(table, statistic):
    """The codes of a column, and its hundredths of decades with NaN where they are no numbers."""
    coded = codes.codes_of(table.column(statistic), codes.LOGARITHM)
    counts = f"{'gradient' if statistic.startswith('gradient') else 'value'}_nonfinite"
    coded[np.nan_to_num(table.column(counts)) > 0] = codes.INFINITE
    return coded, np.where(codes.is_special(coded), np.nan, coded)


def _recoded(coded, numbers):
    is_known = ~np.isnan(numbers)
    changed = coded.copy()
    changed[is_known] = np.clip(np.rint(numbers[is_known]), -_MOST, _MOST).astype(np.int16)
    return changed


def _without_common(numbers, variables, common):
    """Numbers minus what the rows of their role have in common; `common` computes it from rows."""
    roles = np.array([row.role for row in variables], object)
    centred = numbers.copy()
    for role in dict.fromkeys(roles.tolist()):
        rows = np.flatnonzero(roles == role)
        peers = rows if len(rows) >= LEAST_PEERS else np.arange(len(roles))
        if len(peers) >= LEAST_PEERS:
            centred[rows] -= common(numbers[peers])
    return centred


def _median(numbers):
    """The median of each step, 0 where no number is known."""
    known = ~np.isnan(numbers).all(axis=0)
    middle = np.zeros(numbers.shape[1])
    middle[known] = np.nanmedian(numbers[:, known], axis=0)
    return middle


def _without_past(numbers):
    centred = numbers.copy()
    for row in centred:
        known = row[~np.isnan(row)]
        if len(known):
            early = max(LEAST_EARLY, -(-len(known) // round(1 / EARLY)))
            row -= np.rint(np.median(known[:early]))
    return centred


def columns(changed, steps, most):
    """The changes in at most `most` columns, each of which keeps the worst of its steps.

    Args:
      changed: int16 `[variables, steps]`, as from `changes`.
      steps: Numbers of the steps.
      most: How many columns.

    Returns:
      int16 `[variables, columns]`, and the numbers of the steps at which the columns begin.
    """
    starts = bin_starts(steps, most)
    return worst_codes(changed, starts), steps[starts]
