"""Dead units: units of a kernel that get a gradient of exactly zero over a whole window.

The reason: for some inputs a ReLU leaves a unit without a gradient. A unit that gets none from a
whole batch, step after step, is dead. If all units of a layer are dead, neither the layers before
it nor the kernel after it get a gradient, but the bias after it does: this shows which layer it is.
Units that an output layer leaves out (actions that are not taken), small batches and a share that
grows slowly are healthy. So a fault is seen if nearly all units are dead, or if many die at once.

Where `layer_outputs` has run the model on a fixed batch, it is known which units put out nothing.
There a unit is dead if it has no gradient and puts out nothing. A layer that responds to the batch
and merely gets no gradient is not dead. Of several dead layers the first one shuts those after it.
With outputs known, three quarters of the units are worth a note.

Source: AUTOTRAINER counts zero entries of the gradient (0.7); units over a window are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import ALARM, DEAD_UNITS, NOTE
from gtlog.diagnosis.relations.connections import RECURRENT_KERNEL
from gtlog.diagnosis.robust import (
    least,
    least_of,
    median,
    median_of_others,
    to_the_end,
    typical,
    unless_by_chance,
    windows,
)
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import percent, several

# Shares of units.
ALL = 0.999
MOST = 0.9
# Share of units that die from one window to the next, and share that is dead after that.
DIED = 0.3
LEAST = 0.5
# ... that is worth a note if outputs are known. Trainings that went well had up to 0.58.
CERTAIN = 0.75
# ... that die in so few training steps that it is no drift, after a share that hardly varied.
MOST_STEPS = 20
STEADY = 0.15
# Root mean square of a bias that keeps units shut, and its ratio to the other biases.
LARGE_BIAS = 1.0
BESIDE_OTHERS = 8.0
# Of a batch of one most units of a layer may get nothing in many steps: the chance that they get
# nothing in so many is less than one in a hundred thousand.
LEAST_SURPRISE = np.log(1e5)
WINDOW = 3
PAST = 5
FEWEST_UNITS = 4
# Logged steps, if the layers before are alive.
FEWEST_OF_BRANCH = 3


def find(evidence):
    """The layer with dead units. If several have them, the earliest one, nearest to the loss."""
    kernels = evidence.kernels
    share = _share(evidence)
    if share.shape[1] < WINDOW or not len(kernels) or _has_no_inputs(evidence):
        return []
    silent = evidence.silent_units
    share = np.where(np.isnan(silent), share, np.minimum(share, silent))
    standing = least(share, WINDOW)
    is_hidden = np.array([_is_hidden(evidence, row) for row in kernels], bool)[:, None]
    lasting = unless_by_chance(standing >= MOST, LEAST_SURPRISE) | _died(evidence, share, standing)
    lasting |= to_the_end(standing >= LEAST) & _has_large_bias(evidence)[:, None]
    certain = to_the_end(standing >= CERTAIN) & ~np.isnan(silent)
    for flags, severity in ((lasting, ALARM), (certain, NOTE)):
        if (flags & is_hidden).any():
            return _sighting(evidence, share, flags & is_hidden, severity)
    return []


def _has_no_inputs(evidence):
    """Whether the inputs are zero: the first kernel never gets a gradient, its bias always does."""
    row = int(evidence.kernels[0])
    bias = evidence.bias_of(row)
    gradient = evidence.column("gradient_rms")
    return bias is not None and bool((gradient[row] == 0).all() and (gradient[bias] > 0).all())


def _share(evidence):
    """The share of units without a gradient; where it is not known, whether it is all of them."""
    share = evidence.column("dead_units")[evidence.kernels]
    share = np.where(np.isnan(share) & (evidence.gradient == -np.inf), 1.0, share)
    return np.where(evidence.is_asked[evidence.kernels], share, np.nan)


def is_shut(evidence, row):
    """Whether a kernel's bias keeps its units shut: it is large, also beside the other biases."""
    return bool(_has_large_bias(evidence)[evidence.kernels == row].any())


def _has_large_bias(evidence):
    """Which kernels have a bias that is large, in itself and beside the other biases."""
    if not len(evidence.kernels):
        return np.zeros(0, bool)
    last = evidence.biases[:, -1:]
    return ((last >= LARGE_BIAS) & (last >= BESIDE_OTHERS * median_of_others(last)))[:, 0]


def _died(evidence, share, standing):
    """Where many units died at once and stay dead."""
    before, spread = np.full((2, *share.shape), np.nan)
    past = windows(share, PAST)
    before[:, WINDOW:] = median(past)[:, :-WINDOW]
    spread[:, WINDOW:] = (past.max(axis=2) - past.min(axis=2))[:, :-WINDOW]
    number = np.full(share.shape[1], np.inf)
    number[WINDOW:] = evidence.steps[WINDOW:] - evidence.steps[:-WINDOW]
    jump = (standing - before >= DIED) & (standing >= LEAST) & (spread <= STEADY)
    jump &= number <= MOST_STEPS * WINDOW
    level = np.where(jump, standing, np.nan)
    died = np.zeros(share.shape, bool)
    for place in np.flatnonzero(jump.any(1)):
        start = int(jump[place].argmax())
        rest = share[place, start:]
        if least_of(rest) >= LEAST * 0.9 and typical(rest) >= 0.9 * level[place, start]:
            died[place, start:] = True
    return died


def _is_hidden(evidence, row):
    """Whether a kernel is no output layer, and has enough units to speak of a share.

    The gates of a recurrent layer do not die.
    """
    is_recurrent = any(
        evidence.rows[one].role == RECURRENT_KERNEL
        and evidence.layer_of(one) == evidence.layer_of(row)
        for one in evidence.kernels
    )
    is_last = row == evidence.kernels[-1]
    return not is_last and not is_recurrent and evidence.rows[row].shape[-1] >= FEWEST_UNITS


def _sighting(evidence, share, lasting, severity):
    starts = np.where(lasting.any(1), lasting.argmax(1), np.inf)
    start = int(starts.min())
    places = np.flatnonzero(starts <= start + 1)
    place = _place(evidence, places, share, start)
    if place is None:
        return []
    row = int(evidence.kernels[place])
    onset = max(0, start - WINDOW + 1)
    dead = least_of(share[place, start:])
    is_seen = ~np.isnan(evidence.silent_units[:, -1])
    is_other = ~lasting.any(1) & (is_seen | ~is_seen[place])
    others = share[is_other, start:]
    usual = f"; in the other kernels it is {percent(typical(others))}" if others.size else ""
    before = typical(share[place, :onset]) if onset else np.nan
    earlier = f", {percent(before)} before" if before < dead else ""
    silent = "put out zero for all of the fixed batch and " if is_seen[place] else ""
    text = (
        f"{percent(dead)} of its {several(evidence.rows[row].shape[-1], 'unit')} {silent}get a "
        f"gradient of exactly zero in each of {several(share.shape[1] - onset, 'logged step')}"
        f"{earlier}{usual}."
    )
    rows = tuple(int(evidence.kernels[one]) for one in np.flatnonzero(lasting.any(1)))
    return [Sighting(DEAD_UNITS, onset, text, row, rows, severity)]


def _place(evidence, places, share, start):
    """The last of the kernels that died, or the kernel whose bias shuts it.

    A kernel whose inputs are all zero has no gradient, while its bias has one: then the layer
    before it is dead. None if no layer is before it: then the data are zero. None as well if all
    are dead from the first step on and no bias shuts one. If outputs are known, the first kernel
    is taken.
    """
    shut = [place for place in places if _has_large_bias(evidence)[place]]
    if len(shut) == 1:
        return int(shut[0])
    if not np.isnan(evidence.silent_units[places, -1]).any():
        is_all = start < WINDOW and len(places) == len(share) - 1
        return None if is_all else int(places[0])
    last = int(places[-1])
    if least_of(share[last, -WINDOW:]) < ALL:
        return last
    if start < WINDOW and len(places) == len(share) - 1:
        return None
    if evidence.has_live_bias(int(evidence.kernels[last]), start):
        return int(places[-2]) if len(places) > 1 else None
    # A branch that gets no inputs, such as an expert, leaves the layers before it alive.
    is_in_use = evidence.leads_on(last, start) and not evidence.connections.may_be_routed(last)
    is_in_use &= share.shape[1] - start >= FEWEST_OF_BRANCH
    is_in_use &= evidence.is_whole  # before its end, a branch may still be opened
    return last if len(places) == last + 1 or is_in_use else None
