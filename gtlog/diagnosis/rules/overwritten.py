"""Overwritten: the value moved, and the updates do not explain it.

The reason: from one logged step to the next a value moves at most by the updates in between, whose
size is known at both ends, and as a rule by far less, since they do not all point the same way. A
jump beyond that, of a layer whose peers do not jump, or back to an earlier value, was made by
something else: set_weights, assign, an old checkpoint. A restart of the learning rate moves all
layers alike. Exponential averages and target networks are not trained, so that they do not count.

Source: our own; no published tool follows a value across steps.
"""

import numpy as np

from gtlog.diagnosis.faults import OVERWRITTEN
from gtlog.diagnosis.robust import median, median_of_others, windows
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, percent, times

# How many times further a value travelled than all updates in between could carry it.
LEAST_EXCESS = 4.0
# How many times further than its usual way between two logged steps.
LEAST_JUMP = 8.0
# Share of the weights' own size.
LEAST_DISTANCE = 0.05
PAST = 8
FEWEST_PAST = 3


def find(evidence):
    """The layers whose weights jumped without an update to match, each at its first jump."""
    rows = evidence.kernels
    if len(evidence) < 2 or not len(rows):
        return []
    travelled = evidence.travelled[rows]
    excess = travelled / _reach(evidence, rows)
    jumps = _jumps(evidence, rows, travelled, excess)
    return [_sighting(evidence, rows, place, jumps, travelled, excess) for place in _first(jumps)]


def _reach(evidence, rows):
    """How far the updates since the last logged step could carry the value, if all agreed."""
    update = evidence.column("update_rms")[rows]
    before = np.concatenate([update[:, :1], update[:, :-1]], axis=1)
    number = np.diff(evidence.steps, prepend=evidence.steps[0])
    with np.errstate(invalid="ignore"):
        return np.fmax(update, before) * np.maximum(number, 1)


def _jumps(evidence, rows, travelled, excess):
    value = evidence.column("value_rms")[rows]
    past = median(windows(_shifted(travelled), PAST))
    with np.errstate(invalid="ignore", divide="ignore"):
        is_far = travelled >= LEAST_DISTANCE * np.fmax(value, _shifted(value))
        beyond = (excess >= LEAST_EXCESS) & ~(median_of_others(excess) >= LEAST_EXCESS / 2)
    return is_far & beyond


def _shifted(values):
    return np.concatenate([np.full((len(values), 1), np.nan), values[:, :-1]], axis=1)


def _first(jumps):
    return [place for place in np.flatnonzero(jumps.any(1))]


def _sighting(evidence, rows, place, jumps, travelled, excess):
    onset = int(jumps[place].argmax())
    row = int(rows[place])
    size = evidence.column("value_rms")[row, onset]
    text = (
        f"Between steps {evidence.steps[onset - 1]:,} and {evidence.steps[onset]:,} its weights "
        f"moved by {percent(travelled[place, onset] / size)} of their size, "
        f"{times(excess[place, onset])} times as far as the updates of these steps reach."
    )
    return Sighting(OVERWRITTEN, onset, text, row, (row,))
