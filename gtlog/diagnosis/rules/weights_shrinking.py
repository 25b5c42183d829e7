"""Weights shrinking: the weights decay towards zero, faster than the gradient can hold them.

The reason: a decay that suits the training shrinks all kernels a little, while the loss falls. A
decay that is too strong for a layer takes most of its size, while its peers keep theirs. A decay
that is too strong for the network takes the loss back to where it began.

The way between two logged steps shows best how strong a decay is: a gradient turns a kernel, a
decay leads it straight towards zero.

Source: TheDeepChecker sees the end of it (95 % of the weights below 1e-5); peers are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import WEIGHTS_SHRINKING
from gtlog.diagnosis.relations.connections import RECURRENT_KERNEL
from gtlog.diagnosis.robust import (
    highest,
    knee,
    median,
    median_of_others,
    onset_of_last_run,
    typical,
)
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades.
LOST = -0.5
LOST_BESIDE_PEERS = -0.35
# ... if a share of its updates only scales it: decades, and that share.
LOST_BY_SCALING = -0.2
SCALING = 0.6
# ... if a share of its way between logged steps went straight towards zero: decades on such ways
# and since the kernel was largest; that share; decades since the first logged step.
LOST_INWARD = 0.2
INWARD = 0.5
LOST_SINCE_FIRST = -0.1
LOST_BY_ALL = -0.5
# Decades that a kernel may regain without having recovered.
REGAINED = 0.15
# ... or a share that is still lost, where an optimizer works against a decay.
SHARE_KEPT = 0.5
# Share of kernels from which on it is no fault of single layers.
MOST_OF_LOCAL = 0.6
MOST_DRAWN = 0.7
FEWEST_STEPS = 6
LOSS_KEPT = 0.9
LOSS_ROSE = 1.5
# ... unless the updates of nearly all kernels do little but scale, over this share of the way.
WAY = 0.8
MOST_KERNELS = 0.75


def find(evidence):
    """The layer that shrinks while its peers do not, or the network if all layers do."""
    change = evidence.change_of_value
    if len(change) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    last = _last(evidence, change)
    if (last <= LOST_BY_ALL)[_is_no_recurrence(evidence)].mean() > MOST_KERNELS:
        return _of_the_whole(evidence, change)
    drawn = _all_are_drawn_in(evidence, change)
    if drawn:
        return drawn
    beside_peers = last - median_of_others(change)[:, -1]
    shrinks = (last <= LOST) & (beside_peers <= LOST_BESIDE_PEERS)
    is_scaled = evidence.late_scaling >= SCALING
    shrinks |= is_scaled & (last <= LOST_BY_SCALING) & (beside_peers <= LOST_BY_SCALING)
    shrinks |= _was_drawn_in(evidence, change)
    shrinks &= last <= np.maximum(_lowest(change) + REGAINED, SHARE_KEPT * _lowest(change))
    if shrinks.sum() > 2 and shrinks.mean() > MOST_OF_LOCAL:
        whole = _of_the_whole(evidence, change)
        if whole:
            return whole
    return [_of_kernel(evidence, int(place), change) for place in np.flatnonzero(shrinks)]


def _all_are_drawn_in(evidence, change):
    """Whether nearly all kernels go straight towards zero to the end, while the loss rises."""
    is_drawn = (evidence.inward >= INWARD)[_is_no_recurrence(evidence)].mean(axis=0)
    start = int(onset_of_last_run((is_drawn > MOST_DRAWN)[None])[0])
    if len(evidence) - start < FEWEST_STEPS:
        return []
    before, after = evidence.loss_around(start)
    lost = typical(change[:, max(0, start - 1)] - change[:, -1])
    is_harmful = lost >= LOST_INWARD and after > LOSS_ROSE * before
    return _of_the_whole(evidence, change) if is_harmful else []


def _is_no_recurrence(evidence):
    """All kernels but those of a recurrence, which the gradient may hold against a decay."""
    roles = np.array([evidence.rows[row].role for row in evidence.kernels])
    return roles != RECURRENT_KERNEL


def _last(evidence, change):
    """The change at the end, smoothed and by itself: the one that is less of a loss."""
    size = evidence.logarithm("value_rms")[evidence.kernels]
    known = np.isfinite(size)
    first = size[np.arange(len(size)), known.argmax(axis=1)]
    return np.fmax(change[:, -1], np.where(known[:, -1], size[:, -1], np.nan) - first)


def _was_drawn_in(evidence, change):
    """Which kernels went straight towards zero on a part of their way; their peers did not."""
    size = evidence.logarithm("value_rms")[evidence.kernels]
    lost = np.zeros(size.shape)
    lost[:, 1:] = -np.diff(size, axis=1)
    straight = np.where((evidence.inward >= INWARD) & np.isfinite(lost), lost, 0.0).sum(axis=1)
    since_largest = highest(change) - change[:, -1]
    least = np.minimum(_beyond_others(straight), _beyond_others(since_largest))
    return (least >= LOST_INWARD) & (change[:, -1] <= LOST_SINCE_FIRST)


def _beyond_others(values):
    return values - median_of_others(values[:, None])[:, 0]


def _lowest(change):
    return -highest(-change)


def _of_the_whole(evidence, change):
    onset = knee(evidence.steps, median(change, 0))
    first, last = evidence.loss_at_ends()
    before, after = evidence.loss_around(onset)
    is_harmful = not last < LOSS_KEPT * first or after > LOSS_ROSE * before
    is_scaled = _scaling_on_the_way(evidence, change) >= SCALING
    if not is_harmful and not is_scaled.mean() > MOST_KERNELS:
        return []
    text = (
        f"{several(len(change), 'kernel')} are {times(10 ** -typical(change[:, -1]))} times "
        f"smaller than at first, and the loss went from {figure(first)} to {figure(last)}."
    )
    return [Sighting(WEIGHTS_SHRINKING, onset, text)]


def _scaling_on_the_way(evidence, change):
    """The share of updates that only scale a kernel, during most of the way that it went."""
    on_the_way = (change >= WAY * change[:, -1:]) | np.isnan(change)
    on_the_way[:, : FEWEST_STEPS // 2] = True
    return median(np.where(on_the_way, evidence.scaling, np.nan))


def _of_kernel(evidence, place, change):
    row = int(evidence.kernels[place])
    value = evidence.column("value_rms")[row]
    others = typical(np.delete(change, place, axis=0)[:, -1])
    text = (
        f"Its weights shrank from {figure(value[np.isfinite(value)][0])} (root mean square) to "
        f"{figure(value[-1])}; the other kernels are {times(10 ** others)} times "
        "as large as at first."
    )
    return Sighting(WEIGHTS_SHRINKING, knee(evidence.steps, change[place]), text, row, (row,))
