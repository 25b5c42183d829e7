"""Vanishing gradients: next to none reaches a kernel, while others get theirs.

The reason: from layer to layer a healthy network passes its gradient on within an order of
magnitude or two, and a run that converges loses it in all layers alike. So a kernel is compared
with the strongest of the others, and its own loss since the beginning with that of the layers
after it. The layer nearest to the loss that lost its gradient is named: what comes before it
follows.

Source: the ratio of the first to the last layer is AUTOTRAINER's (1e-3, with an absolute bound that
is left out here); kernels alone, peers and own past are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import VANISHING_GRADIENTS
from gtlog.diagnosis.robust import least, smooth
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import several, times

# Decades below the strongest kernel, from the beginning on.
FROM_THE_START = 3.5
# Decades that a kernel lost against its beginning, beyond what the layers after it lost.
LOST = 2.0
# ... and decades that it then lies below the strongest, so that what was strong and is usual now
# does not count.
BELOW = 2.0
PERSISTENCE = 3
FEWEST_STEPS = 4


def find(evidence):
    """The layer nearest to the loss that next to no gradient reaches."""
    gradient = evidence.gradient
    if len(gradient) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    gradient = np.where(np.isneginf(gradient), np.nan, gradient)
    below = _strongest(gradient) - gradient
    lost = evidence.lost_gradient
    vanished = least(smooth(below), PERSISTENCE) >= FROM_THE_START
    vanished |= (least(lost, PERSISTENCE) >= LOST) & (least(smooth(below), PERSISTENCE) >= BELOW)
    lasting = vanished & _to_the_end(vanished)
    if not lasting.any():
        return []
    return [_sighting(evidence, lasting, below, lost)]


def _strongest(gradient):
    return np.nanmax(np.where(np.isnan(gradient), -np.inf, gradient), axis=0)


def _to_the_end(vanished):
    """Where it lasts: a phase that has passed is over."""
    return np.logical_and.accumulate(vanished[:, ::-1], axis=1)[:, ::-1]


def _sighting(evidence, lasting, below, lost):
    starts = np.where(lasting.any(1), lasting.argmax(1), lasting.shape[1])
    places = np.flatnonzero(lasting.any(1))
    place = int(places[-1])
    onset = max(0, int(starts[place]) - PERSISTENCE + 1)
    row = int(evidence.kernels[place])
    text = f"Its gradient is {times(10 ** below[place, -PERSISTENCE:].mean())} times smaller than "
    text += "the largest of the other kernels"
    decades = lost[place, -PERSISTENCE:].mean()
    if decades >= LOST:
        text += f", and has lost {times(10 ** decades)} times more than theirs since the beginning"
    before = len(places) - 1
    text += f"; {several(before, 'kernel')} before it follow." if before else "."
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(VANISHING_GRADIENTS, onset, text, row, rows)
