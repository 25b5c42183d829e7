"""Weights growing: the weights grow without settling.

The reason: weights that start small grow to their size and settle. If weights grow at a steady
rate, in proportion to themselves, to many times the usual scale, it is not a falling loss that
drives them.

Source: TheDeepChecker (twice as large in four checks) alarms on weights that start small. The use
of scale, peers and rate is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import WEIGHTS_GROWING
from gtlog.diagnosis.robust import knee, median_of_others, onset_of_last_run, typical
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades that it grew, and decades of that beyond the growth of the peers.
GREW = 0.5
GREW_BESIDE_PEERS = 0.35
# Root mean square times the root of the number of inputs; initializers give 1 to 1.4.
LEAST_SCALE = 3.0
# If a share of its updates only scales it: decades; that share; and a first scale that is not next
# to zero.
GREW_BY_SCALING = 0.3
SCALING = 0.7
LEAST_FIRST_SCALE = 0.35
# If its way between logged steps leads straight away from zero, to the end: the share of the way,
# for so many logged steps, decades beyond the peers, and the scale at the end. A kernel that starts
# small may learn to be as large as initializers make others.
OUTWARD, FEWEST_OUTWARD, GREW_OUTWARD, LEAST_SCALE_OUTWARD = 0.8, 4, 0.25, 1.4
FEWEST_KERNELS = 3
# The rate of growth in the last third, over the rate in the whole run.
STEADY = 0.5
MOST_KERNELS = 0.5
# Decades beyond which the growth of all kernels is a fault even if the loss does not rise.
GREW_BY_FAR = 0.5
# Share of the loss that is left if a classifier grows because it becomes ever surer.
LEARNED = 0.5
FEWEST_STEPS = 6


def find(evidence):
    """The layer that grows while its peers do not, or the network if all layers do."""
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
    sightings = [_of_kernel(evidence, int(place), change) for place in np.flatnonzero(local)]
    starts = _starts_of_straight_ways(evidence)
    for place in np.flatnonzero(~local & (starts < len(evidence))):
        sighting = _of_kernel(evidence, int(place), change)
        sightings.append(sighting._replace(onset=max(sighting.onset, int(starts[place]))))
    return sightings


def _starts_of_straight_ways(evidence):
    """Index from which on a kernel goes straight away from zero, unlike its peers, to the end.

    The number of logged steps for a kernel that does not.
    """
    size = evidence.logarithm("value_rms")[evidence.kernels]
    if len(size) < FEWEST_KERNELS:
        return np.full(len(size), len(evidence))
    starts = onset_of_last_run(evidence.inward <= -OUTWARD)
    gained = size[:, -1:] - size[:, np.clip(starts - 1, 0, size.shape[1] - 1)]
    grew = np.diag(gained - median_of_others(gained)) >= GREW_OUTWARD
    grew = grew & (evidence.first_scale >= LEAST_FIRST_SCALE)
    grew &= evidence.scale[:, -1] >= LEAST_SCALE_OUTWARD
    grew &= len(evidence) - starts >= FEWEST_OUTWARD
    return np.where(grew, starts, len(evidence))


def _late_rate(evidence, change):
    """The rate of growth in the last third, over the rate in the whole run."""
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
