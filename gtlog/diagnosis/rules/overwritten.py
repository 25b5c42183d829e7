"""Overwritten: the value moved, but the updates do not explain it.

The reason: from one logged step to the next a value moves at most by the sum of the updates in
between. Their size is known at both ends, and as a rule the value moves far less, since they do not
all point the same way. If a layer jumps farther than that while its peers do not, something else
made the jump: set_weights, assign, an old checkpoint. A restart of the learning rate moves all
layers alike. Exponential averages and target networks are not trained, so they do not count.

Source: our own; no published tool follows a value across steps.
"""

import numpy as np

from gtlog.diagnosis.faults import OVERWRITTEN
from gtlog.diagnosis.robust import (
    highest,
    highest_before,
    log10,
    median,
    median_of_others,
    shifted,
    windows,
)
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import percent, several, times

# How many times as far a value travelled as all updates in between could carry it: with few
# updates, and with many, which never all agree.
EXCESS_OF_FEW = 6.0
EXCESS = 3.0
FEW = 3
# From how many times on it is a jump, after many updates. If a rate is nearly too large, updates
# come in bursts that no logged step shows, and reach 1.3 times as far.
JUMP = 1.6
# How many times as far a jump goes as any kernel before, and a return as the kernel itself before.
# Jumps that were planted go 13 times as far and more, returns 1.8 times and more.
BEYOND_ALL_BEFORE = 3.0
BEYOND_OWN_BEFORE = 1.4
# A return to an earlier value: the share of the way that is left; the way as a share of the size of
# the weights; the decades by which the leap exceeds the usual, beyond those of the peers.
RETURN = 0.38
LEAST_WAY = 0.1
LEAP = 0.3
# The excess of a return. Updates that agree may lead back as well, after the data have changed for
# a while. Four projections may show up to 2.2 times the length of a way (99.9 % of a chi-square of
# four degrees of freedom). Less is enough if many updates lead the other kernels a far shorter way.
LEAST_EXCESS = 0.45
LEAST_EXCESS_BESIDE = 0.2
BESIDE_OTHERS = 3.3
FEWEST_PAST = 3
# How many earlier values are looked at, evenly over the run.
MOST_LOOKED_BACK = 24
# Decades of size, and the share of an update that only scales.
DRIFT = 0.3
SCALING = 0.5
# ... and how far beside the updates such a drift may lead between two logged steps.
MOST_OF_DRIFT = 4.0
# Logged steps of which the largest update counts.
NEARBY = 8
# Share of units without a gradient.
SPARSE = 0.5
# Share of the weights' own size.
LEAST_DISTANCE = 0.03
# ... how many times as far as the others, and the largest update ratio, if it is a jump only since
# no kernel ever moved so: where a rate is nearly too large, a burst may move one.
LARGE_DISTANCE, ALONE, LARGEST_RATIO = 0.3, 4.0, 0.045
# Decades by which updates exceed all before, if they made the jump.
LEAP_OF_UPDATES = 0.5


def find(evidence):
    """The layers whose weights jumped without an update to match, each at its first jump."""
    rows = evidence.kernels
    if len(evidence) < 3 or not len(rows):
        return []
    travelled = evidence.travelled[rows]
    excess = _excess(evidence, rows, travelled)
    returned = _returns(evidence, rows, excess)
    is_drift = _drifts(evidence) & (excess < MOST_OF_DRIFT)
    jumped = _jumps(evidence, rows, travelled, excess) & ~is_drift | returned
    if evidence.leap is not None:
        # Some kernels leap farther than others, but updates made all of them leap.
        jumped[:, evidence.leap.column] = False
    return [
        _sighting(evidence, place, jumped[place], travelled, excess, returned[place])
        for place in np.flatnonzero(jumped.any(1))
    ]


def _excess(evidence, rows, travelled):
    """The distance, relative to how far the updates since the last logged step could reach."""
    update = evidence.column("update_rms")[rows]
    update = np.where(np.isfinite(update), update, np.nan)
    # The first updates of an optimizer that has no moments yet are larger than all that follow.
    later = np.concatenate([np.full((len(update), 1), np.nan), update[:, 1:]], axis=1)
    later[:, :2] = update[:, :2]
    nearby = np.fmax(_highest_nearby(later), shifted(update, -1))
    number = _number(evidence)
    excess = travelled / (nearby * number)
    # If units, or the whole kernel, got no gradient for long, updates are rare and prove little.
    is_sparse = shifted(_highest_nearby(evidence.column("dead_units")[rows]), 1) >= SPARSE
    return np.where((nearby > 0) & ~is_sparse, excess / _needed(evidence), np.nan)


def _number(evidence):
    """Training steps since the logged step before."""
    return np.maximum(np.diff(evidence.steps, prepend=evidence.steps[0]), 1)


def _needed(evidence):
    return np.where(_number(evidence) <= FEW, EXCESS_OF_FEW, EXCESS)


def _highest_nearby(update):
    known = np.where(np.isnan(update), -np.inf, update)
    highest = windows(known, NEARBY)
    highest = np.where(np.isnan(highest), -np.inf, highest).max(axis=2)
    return np.where(np.isneginf(highest), np.nan, highest)


def _jumps(evidence, rows, travelled, excess):
    value = evidence.column("value_rms")[rows]
    is_far = travelled >= LEAST_DISTANCE * np.fmax(value, shifted(value, 1))
    # Without peers a jump proves nothing: overlapping updates and bursts move a kernel just as far.
    bound = np.where(_number(evidence) <= FEW, 1.0, JUMP)
    usual = median_of_others(excess)
    is_jump = is_far & (excess >= bound) & (usual < 0.5)
    # As far as all updates could carry it, if each of them agreed, as they hardly ever do.
    is_alone = (excess >= 1 / EXCESS) & (excess >= ALONE * usual) & (_number(evidence) > FEW)
    is_alone &= travelled >= LARGE_DISTANCE * np.fmax(value, shifted(value, 1))
    is_alone &= _highest_nearby(evidence.column("update_rms")[rows] / value) <= LARGEST_RATIO
    is_alone &= ~_updates_leap(evidence, rows)
    is_alone[:, :FEWEST_PAST] = False
    # Updates of small batches come in bursts: then some kernel has gone nearly as far before.
    unseen = ~(excess < BEYOND_ALL_BEFORE * highest(highest_before(excess).T))
    return (is_jump | is_alone) & unseen


def _updates_leap(evidence, rows):
    """Where the updates are far larger than all before: then they made the way."""
    update = log10(evidence.column("update_rms")[rows])
    update = np.where(np.isfinite(update), update, np.nan)
    return np.fmax(update, shifted(update, -1)) - highest_before(update) >= LEAP_OF_UPDATES


def _drifts(evidence):
    """Kernels that are scaled outside the updates, again and again: they shrink or grow."""
    return (np.abs(evidence.change_of_value[:, -1:]) >= DRIFT) & (
        median(evidence.scaling)[:, None] >= SCALING
    )


def _returns(evidence, rows, excess):
    """Where a kernel comes back to an earlier value in one leap that its peers do not make."""
    returned = np.zeros(excess.shape, bool)
    leaps = _leaps(excess)
    number = len(evidence)
    for place in np.unique(np.linspace(0, number - 1, MOST_LOOKED_BACK).astype(int)):
        away = evidence.distance_from(place)[rows]
        away[:, : place + FEWEST_PAST] = np.nan
        returned |= _comes_back(evidence, rows, away) & leaps
    beside = (excess >= LEAST_EXCESS_BESIDE) & (_number(evidence) > FEW)
    beside &= excess >= BESIDE_OTHERS * median_of_others(excess)
    returned &= ~(excess < BEYOND_OWN_BEFORE * highest_before(excess))
    return returned & (beside | (excess >= LEAST_EXCESS))


def _comes_back(evidence, rows, away):
    """Where little is left of the way from an earlier value, and that way was a long one."""
    value = evidence.column("value_rms")[rows]
    before = shifted(away, 1)
    return (away <= RETURN * before) & (before >= LEAST_WAY * shifted(value, 1))


def _leaps(excess):
    """Where a kernel moved farther than usual, by more than its peers did."""
    leap = log10(excess)
    usual = np.full(leap.shape, np.nan)
    usual[:, FEWEST_PAST:] = shifted(median(windows(leap, NEARBY)), 1)[:, FEWEST_PAST:]
    beyond = leap - usual
    return beyond - median_of_others(beyond) >= LEAP


def _sighting(evidence, place, jumped, travelled, excess, returned):
    onset = int(jumped.argmax())
    row = int(evidence.kernels[place])
    size = evidence.column("value_rms")[row, onset]
    needed = _needed(evidence)[onset]
    others = median(np.delete(excess, place, axis=0)[:, onset]) * needed
    back = ", back to nearly an earlier value" if returned[onset] else ""
    again = f", and again at {several(int(jumped.sum()) - 1, 'logged step')}"
    text = (
        f"Between steps {evidence.steps[onset - 1]:,} and {evidence.steps[onset]:,} its weights "
        f"moved by {percent(travelled[place, onset] / size)} of their size{back}: "
        f"{times(excess[place, onset] * needed)} times as far as the updates of these steps would "
        f"reach if all agreed (the other kernels: {times(others)})"
    )
    text += f"{again}." if jumped.sum() > 1 else "."
    return Sighting(OVERWRITTEN, onset, text, row, (row,))
