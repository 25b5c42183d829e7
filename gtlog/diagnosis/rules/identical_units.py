"""Identical units: columns of a kernel that are equal, and that training does not tell apart.

The reason: units with equal weights get equal gradients if all that comes after them is equal too,
and so they stay equal for ever. Zeros at the start alone are healthy (LoRA, the last layer of a
residual block): the first update breaks them. Columns of zeros are pruned or dead units, not a
symmetry.

Source: TheDeepChecker's "unbroken symmetry"; exact equality over several updates is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import IDENTICAL_UNITS
from gtlog.diagnosis.robust import onset_of_last_run
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import percent, several

# Share of units. Below it, some weights may well be tied on purpose.
LEAST_SHARE = 0.2
# ... and of a kernel that no other one follows.
ALL = 0.999
# Weights that all have the same magnitude are clipped: they leave few different units.
CLIPPED = 0.9
# How often the units are looked at, with an update between two looks.
FEWEST_LOOKS = 3


def find(evidence):
    """Kernels with units that stay equal over updates."""
    rows = evidence.kernels
    share = evidence.column("identical_units")[rows]
    zeros = evidence.column("value_zeros")[rows]
    sightings = []
    size, largest = (evidence.column(name)[rows] for name in ("value_rms", "value_max"))
    share = np.where((size > CLIPPED * largest) & (share < 1), 0 * share, share)
    # Classes without an example are alike in an output layer that starts at zero.
    share[-1:] = np.where(share[-1:] < ALL, 0 * share[-1:], share[-1:])
    for place, row in enumerate(rows):
        looks = np.flatnonzero(~np.isnan(share[place]))
        sighting = _of_kernel(evidence, row, looks, share[place, looks], zeros[place, looks])
        if sighting is not None:
            sightings.append(sighting)
    if not sightings:
        return []
    return [_with_others(evidence, sightings)]


def _of_kernel(evidence, row, looks, share, zeros):
    if len(looks) < FEWEST_LOOKS:
        return None
    is_equal = (share >= LEAST_SHARE) & ~(zeros >= share)
    start = int(onset_of_last_run(is_equal[None])[0])
    if len(looks) - start < FEWEST_LOOKS:
        return None
    onset = int(looks[start])
    # Updates between logged steps count too: one is enough, since it would have told them apart.
    updates = int((evidence.changed | evidence.moved)[row, onset:].sum())
    if not updates:
        return None
    least = share[start:].min()
    text = (
        f"{percent(least)} of its {several(evidence.rows[row].shape[-1], 'unit')} equal another "
        f"one exactly, in {several(len(looks) - start, 'look')} with "
        f"{several(updates, 'update')} in between."
    )
    return Sighting(IDENTICAL_UNITS, onset, text, int(row), (int(row),))


def _with_others(evidence, sightings):
    """One sighting for all: the earliest, and of these the first in the forward pass."""
    first = min(sightings, key=lambda one: (one.onset, one.row))
    rows = tuple(one.row for one in sightings)
    if len(sightings) == 1:
        return first
    others = [f"`{evidence.layer_of(one.row)}`" for one in sightings if one is not first]
    text = f"{first.evidence} So do those of {', '.join(others[:3])}"
    text += f" and {len(others) - 3} more." if len(others) > 3 else "."
    return first._replace(evidence=text, rows=rows)
