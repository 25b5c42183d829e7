"""Weights growing: the weights grow without settling.

The reason: weights that start small grow to their size and settle. What grows at the same rate, in
proportion to itself, to many times the usual scale, is driven by something else than a loss that
falls.

Source: TheDeepChecker (twice as large in four checks) alarms on weights that start small; scale,
peers and the rate are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import WEIGHTS_GROWING
from gtlog.diagnosis.robust import knee, median_of_others, typical
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades, in itself and beyond what the peers grew.
GREW = 0.5
GREW_BESIDE_PEERS = 0.35
# Root mean square times the root of the number of inputs; 1 to 1.4 is what initializers give.
LEAST_SCALE = 3.0
# Where its updates only scale it, by the share of them that does: decades, and a first scale that
# is no start next to zero.
GREW_BY_SCALING = 0.3
SCALING = 0.7
LEAST_FIRST_SCALE = 0.35
# The rate of growth in the last third beside that in the whole.
STEADY = 0.5
MOST_KERNELS = 0.5
# Decades beyond which all kernels need no loss that rises.
GREW_BY_FAR = 0.5
# What is left of the loss where the growth is that of a classifier that grows ever surer.
LEARNED = 0.5
FEWEST_STEPS = 6


def find(evidence):
    """The layer that grows while its peers do not, or the network where all do."""
    change = evidence.change_of_value
    if not len(change) or len(evidence) < FEWEST_STEPS:
        return []
    last = change[:, -1]
    beside_peers = last - median_of_others(change)[:, -1]
    is_scaled = evidence.late_scaling >= SCALING
    is_scaled &= evidence.first_scale >= LEAST_FIRST_SCALE
    grows = (last >= GREW) & (evidence.scale[:, -1] >= LEAST_SCALE)
    grows &= (_late_rate(evidence, change) >= STEADY) | is_scaled
    if grows.mean() > MOST_KERNELS:
        return _of_the_whole(evidence, change, grows, is_scaled)
    local = grows & (beside_peers >= GREW_BESIDE_PEERS)
    local |= is_scaled & (last >= GREW_BY_SCALING) & (beside_peers >= GREW_BY_SCALING)
    return [_of_kernel(evidence, int(place), change) for place in np.flatnonzero(local)]


def _late_rate(evidence, change):
    """The rate of growth in the last third beside that in the whole."""
    steps = evidence.steps
    third = -max(2, len(evidence) // 3)
    rate = change[:, -1] / max(1, steps[-1] - steps[0])
    return (change[:, -1] - change[:, third]) / max(1, steps[-1] - steps[third]) / rate


def _of_the_whole(evidence, change, grows, is_scaled):
    first, last = evidence.loss_at_ends()
    by_far = (is_scaled & (change[:, -1] >= GREW_BY_FAR)).mean() > MOST_KERNELS
    if not last > first and (last < LEARNED * first or not by_far):
        return []
    text = (
        f"{several(int(grows.sum()), 'kernel')} of {len(change)} are "
        f"{times(10 ** np.median(change[grows, -1]))} times as large as at first and grow on; the "
        f"loss went from {figure(first)} to {figure(last)}."
    )
    return [Sighting(WEIGHTS_GROWING, knee(evidence.steps, np.median(change[grows], 0)), text)]


def _of_kernel(evidence, place, change):
    row = int(evidence.kernels[place])
    value = evidence.column("value_rms")[row]
    others = typical(np.delete(change, place, axis=0)[:, -1])
    text = (
        f"Its weights grew from {figure(value[np.isfinite(value)][0])} (root mean square) to "
        f"{figure(value[-1])} and grow on; the other kernels are {times(10 ** others)} times as "
        "large as at first."
    )
    return Sighting(WEIGHTS_GROWING, knee(evidence.steps, change[place]), text, row, (row,))
