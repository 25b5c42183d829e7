"""Updates too large: one update replaces a large part of a kernel, again and again.

The reason: the update is judged, not the learning rate, since what a rate does depends on the
optimizer. Weights that start at zero or next to it are replaced by their first updates, which is
healthy (LoRA, zero-initialised heads). One layer's updates are compared with those of its peers
relative to the gradient, to the weights and in themselves, since optimizers differ in which of
these they hold equal.

Source: SageMaker Debugger (ratio above 10), TheDeepChecker (0.1), CS231n (about 1e-3 is usual); in
the pilot healthy runs reached 0.10 and faulty ones 0.64 to 3.2 in the first steps.
"""

import numpy as np

from gtlog.diagnosis.faults import UPDATES_TOO_LARGE
from gtlog.diagnosis.robust import persists
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import percent, several, times

RATIO = np.log10(0.4)
EXCESS = 1.0
LOCAL_RATIO = np.log10(0.02)
LEAST_SCALE = 0.1
# Share of an update that only scales the kernel: that is decay, not a step too large.
SCALING = 0.5
MOST_KERNELS = 0.5
PERSISTENCE = 2


def find(evidence):
    """The kernels that updates replace: one layer, or the network where half of them are."""
    ratio = evidence.update
    if not ratio.size:
        return []
    counts = _scale_before(evidence) >= LEAST_SCALE
    is_large = persists((ratio >= RATIO) & counts, PERSISTENCE)
    is_local = (evidence.excess_update >= EXCESS) & (ratio >= LOCAL_RATIO) & counts
    is_local &= ~(evidence.scaling >= SCALING)
    is_local = persists(is_local, PERSISTENCE)
    is_any = is_large | is_local
    if not is_any.any():
        return []
    onset = int(is_any.any(0).argmax())
    places = np.flatnonzero(is_any[:, : onset + 3].any(1))
    return [_sighting(evidence, places, max(0, onset - PERSISTENCE + 1), ratio)]


def _scale_before(evidence):
    """The least scale that a kernel had so far: what starts next to zero may be replaced."""
    scale = evidence.scale
    before = np.concatenate([scale[:, :1], scale[:, :-1]], axis=1)
    return np.fmin(before, scale)


def _sighting(evidence, places, onset, ratio):
    most = 10 ** np.nanmax(ratio[places, onset : onset + 3])
    others = np.delete(ratio, places, axis=0)[:, onset : onset + 3]
    usual = 10 ** np.nanmedian(others) if np.isfinite(others).any() else None
    rows = tuple(int(evidence.kernels[place]) for place in places)
    compared = f"; that of the other kernels is {percent(usual)}" if usual else ""
    if len(places) == 1 or len(places) < MOST_KERNELS * len(ratio):
        place = max(places, key=lambda one: np.nanmax(ratio[one, onset : onset + 3]))
        row = int(evidence.kernels[place])
        text = f"One update changes up to {percent(most)} of its size{compared}."
        return Sighting(UPDATES_TOO_LARGE, onset, text, row, rows)
    text = (
        f"One update changes up to {percent(most)} of the size of a kernel, in "
        f"{several(len(places), 'kernel')} of {len(ratio)}."
    )
    return Sighting(UPDATES_TOO_LARGE, onset, text, rows=rows)
