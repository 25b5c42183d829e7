"""Vanishing gradients: next to none reaches a kernel, while others get theirs.

The reason: from layer to layer a healthy network passes its gradient on within an order of
magnitude or two, and a run that converges loses it in all layers alike. So a kernel is compared
with the strongest of those after it, and its own loss since the beginning with theirs. What vanishes at
a layer is missing in everything before it: a query of an attention or a branch that a zero gain
keeps shut has a small gradient as well, but the layers before it have theirs. The layer nearest to
the loss that lost its gradient is named: what comes before it follows.

Source: the ratio of the first to the last layer is AUTOTRAINER's (1e-3, with an absolute bound that
is left out here); kernels alone, peers and own past are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import VANISHING_GRADIENTS
from gtlog.diagnosis.robust import least, smooth
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import several, times

# Decades below the strongest kernel after it, from the beginning on.
FROM_THE_START = 3.0
# Decades that a kernel lost against its beginning, beyond what the layers after it lost, and that
# it then lies below them.
LOST = 1.5
BELOW = 1.5
# What comes before may have regained a little.
SLACK = 0.7
# What recovers by itself, in decades: branches that open.
RECOVERS = 0.7
PERSISTENCE = 3
FEWEST_STEPS = 5
FEWEST_SPANNED = 20


def find(evidence):
    """The layer nearest to the loss that next to no gradient reaches."""
    gradient = evidence.gradient
    if len(gradient) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    below = smooth(evidence.strongest_after - np.where(np.isneginf(gradient), np.nan, gradient))
    lost = evidence.lost_gradient
    small = least(below, PERSISTENCE)
    from_start = _of_all_before(small, FROM_THE_START) & _stays(evidence, below)
    since = _of_all_before(least(lost, PERSISTENCE), LOST) & (small >= BELOW)
    for vanished in (from_start, since):
        lasting = _to_the_end(vanished)
        if lasting.any():
            return [_sighting(evidence, lasting, below, lost)]
    return []


def _of_all_before(decades, threshold):
    """Where a kernel and, with some slack, all before it lie beyond a threshold."""
    known = np.where(np.isnan(decades), np.inf, decades)
    before = np.minimum.accumulate(known, axis=0)
    return (decades >= threshold) & (before >= threshold - SLACK)


def _stays(evidence, below):
    """Where it has not begun to recover, over a time that is long enough to see that."""
    first = below[:, : PERSISTENCE].max(axis=1)[:, None]
    long_enough = evidence.steps - evidence.steps[0] >= FEWEST_SPANNED
    return ~(below < first - RECOVERS) & long_enough


def _to_the_end(vanished):
    """Where it lasts: a phase that has passed is over."""
    return np.logical_and.accumulate(vanished[:, ::-1], axis=1)[:, ::-1]


def _sighting(evidence, lasting, below, lost):
    starts = np.where(lasting.any(1), lasting.argmax(1), lasting.shape[1])
    places = np.flatnonzero(lasting.any(1))
    place = int(places[-1])
    lasted = int(starts[place])
    onset = 0 if not (below[place, :lasted] < FROM_THE_START - SLACK).any() else lasted
    onset = max(0, onset - PERSISTENCE + 1)
    row = int(evidence.kernels[place])
    text = f"Its gradient is {times(10 ** np.nanmedian(below[place, lasted:]))} times smaller than "
    text += "that of the kernels after it"
    decades = np.nanmedian(lost[place, lasted:])
    if decades >= LOST:
        text += f", and has lost {times(10 ** decades)} times more than theirs since the beginning"
    before = len(places) - 1
    text += f"; {several(before, 'kernel')} before it follow." if before else "."
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(VANISHING_GRADIENTS, onset, text, row, rows)
