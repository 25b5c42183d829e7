"""Vanishing gradients: hardly any gradient reaches a kernel, while others get theirs.

The reason: from layer to layer a healthy network passes its gradient on within an order of
magnitude or two, and a run that converges loses it in all layers alike. So a kernel is compared
with the strongest kernel after it, and its loss of gradient since the beginning with theirs. A
gradient that vanishes at a layer is missing in everything before it. The query of an attention, or
a branch that a zero gain keeps shut, has a small gradient as well, but the layers before it have
theirs. The rule names the layer nearest to the loss that lost its gradient: those before it follow.
In a branch that is cut off alone, the kernel is compared with the median of all others.

Where `layer_outputs` has run the model on a fixed batch, it is known how many outputs lie at the
ends of a sigmoid or tanh. If most do, that is the cause, and the finding says so.

Source: the ratio of the first to the last layer is AUTOTRAINER's (1e-3, with an absolute bound that
is left out here). Looking at kernels alone, and comparing with peers and the own past, is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOTE, VANISHING_GRADIENTS
from gtlog.diagnosis.robust import (
    begun,
    leapt,
    least,
    median_of_others,
    smooth,
    to_the_end,
    typical,
    unless_by_chance,
)
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import OUTPUTS_AT_THE_ENDS, figure, percent, several, times

# From the beginning on: decades from a kernel and all before it up to the kernels after it; decades
# below the strongest kernel after it if there is no such step.
STEP = 1.3
FROM_THE_START = 2.5
# Since some step: decades that a kernel lost since its beginning; decades of that beyond the loss
# of the kernels after it; decades by which it then lies below them.
FELL = 1.0
LOST = 1.3
BELOW = 1.0
# ... if it lost them within a few logged steps.
LEAP = 1.0
# In a branch, if the kernels before have their gradient: decades below the median of the others
# from the beginning on; decades that it lost beyond their loss. A router that has decided loses its
# gradient by and by, so a smaller loss is a note, unless it is a leap.
BRANCH = 1.6
BRANCH_LOST = 3.2
BRANCH_LOST_A_LITTLE = 1.3
# ... of a kernel that is no router; healthy ones lose 0.8 decades more than the others.
BRANCH_LOST_ALONE, FELL_ALONE = 1.6, 0.4
BRANCH_LEAP = 1.5
# Share of the first loss that is left if the network has learned nothing.
LOSS_KEPT = 0.95
# Training steps between logged steps. With more, a leap cannot be told from a slide.
DENSE = 5
# Of gradients that cease: that a gradient so rarely zero is zero so often by chance is less likely
# than one in a hundred thousand.
LEAST_SURPRISE = np.log(1e5)
# Decades by which the kernels before may miss a threshold.
SLACK = 0.7
# Decades of recovery after which it is no fault, as in a branch that opens.
RECOVERS = 0.7
PERSISTENCE = 3
FEWEST_STEPS = 5
FEWEST_SPANNED = 20
SATURATED = (
    "Its activation is saturated. Usual causes: inputs, first weights or a bias of too large a "
    "scale, or an update that was too large. Try a normalisation before the activation, inputs of "
    "unit scale, a smaller learning rate, or ReLU or GELU."
)

CEASED = (
    "Usual causes: an activation that is saturated for all inputs, units that are all dead, or a "
    "condition in the step that cuts the layer off from this step on. Try layer_outputs(model, x), "
    "which tells the first two apart."
)


def find(evidence):
    """The layer nearest to the loss that hardly any gradient reaches."""
    gradient = evidence.gradient
    if len(gradient) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    raw = evidence.strongest_after - np.where(np.isneginf(gradient), np.nan, gradient)
    below, lost = smooth(raw), evidence.lost_gradient
    small = least(below, PERSISTENCE)
    stays = _stays(evidence, below)
    fell = least(-evidence.change_of_gradient, PERSISTENCE) >= FELL
    faults = (
        (least(evidence.step_of_gradient, PERSISTENCE) >= STEP) & stays,
        _of_all_before(small, FROM_THE_START) & stays,
        _of_all_before(least(lost, PERSISTENCE), LOST) & _of_all_before(small, BELOW) & fell,
        _leapt(raw) & begun(small >= BELOW / 2, PERSISTENCE),
    )
    chained = evidence.connections.feeds_soon[:, None]
    *windows, leap = [to_the_end(one & chained) for one in faults]
    found = [*(begun(one, PERSISTENCE) for one in windows), leap]
    found = [one for one in found if one.any()]
    if found:
        # The earliest is the fault. If several begin together, it is the one nearest to the loss.
        return [_sighting(evidence, min(found, key=_rank), below, lost)]
    return _ceased(evidence) or _in_a_branch(evidence, stays)


def _rank(lasting):
    place = int(np.flatnonzero(lasting.any(1))[-1])
    return int(lasting[place].argmax()), -place


def _ceased(evidence):
    """The last layer that gets exactly nothing from some step on, while what it feeds gets a lot.

    An expert that no example is given to any more, and a head that is switched off, are healthy:
    the first may be routed to, the second feeds no kernel. While the run goes on it is a note: a
    step that trains its parts by turns may come back to this one.
    """
    is_zero = evidence.gradient == -np.inf
    lasting = unless_by_chance(is_zero, LEAST_SURPRISE, width=0)
    lasting[:, -1] &= lasting.sum(axis=1) >= FEWEST_STEPS
    for place in np.flatnonzero(lasting[:, -1])[::-1]:
        start, row = int(lasting[place].argmax()), int(evidence.kernels[place])
        fed = evidence.connections.fed_by(place)
        is_in_use = bool(fed) and not is_zero[fed[0], start:].any()
        bias = evidence.bias_of(row)
        is_alive = bias is not None and (evidence.column("gradient_rms")[bias, start:] > 0).any()
        if start and is_in_use and not is_alive and not evidence.connections.may_be_routed(place):
            return [_of_ceased(evidence, place, start, fed[0])]
    return []


def _of_ceased(evidence, place, start, fed):
    row = int(evidence.kernels[place])
    text = (
        f"Its gradient is exactly zero in each of {several(len(evidence) - start, 'logged step')}, "
        f"and was {figure(10 ** typical(evidence.gradient[place, :start]))} before; "
        f"`{evidence.layer_of(evidence.kernels[fed])}`, which comes after it, gets its own."
    )
    severity = ALARM if evidence.is_whole else NOTE
    return Sighting(VANISHING_GRADIENTS, start, text, row, (row,), severity, advice=CEASED)


def _in_a_branch(evidence, stays):
    """A kernel that hardly any gradient reaches, while the layers before it get theirs."""
    change = evidence.change_of_gradient
    # If the next kernel lacks or lost its gradient too, this kernel is not at fault.
    gap = np.fmin(-evidence.gradient_gap, _of_next(smooth(evidence.gradient)))
    lost = np.fmin(np.minimum(median_of_others(change) - change, gap), _of_next(change))
    is_known = np.isfinite(evidence.gradient) | np.isnan(evidence.gradient)
    # The head of another loss, which may have a small weight, leads to no kernel after it.
    is_known &= evidence.connections.feeds_soon[:, None]
    fell = (change <= -FELL) & is_known
    is_plain = [not evidence.connections.may_route(place) for place in range(len(change))]
    # Before a normalisation a kernel that grows has a gradient that is smaller by as much.
    grew = np.fmax(evidence.change_of_value, 0.0)
    alone = (lost - grew >= BRANCH_LOST_ALONE) & (change <= -FELL_ALONE) & is_known
    alone &= np.array(is_plain, bool)[:, None]
    is_dense = np.median(np.diff(evidence.steps)) <= DENSE
    # A branch does not explain why the whole network learns nothing.
    first, last = evidence.loss_at_ends()
    is_sure = evidence.is_whole and not last > LOSS_KEPT * first
    kinds = (
        ((lost >= BRANCH_LOST) & fell, PERSISTENCE, True),
        (alone, FEWEST_STEPS, evidence.is_whole),
        (leapt(lost, BRANCH_LEAP, PERSISTENCE) & fell & is_dense, PERSISTENCE, True),
        (_always(gap >= BRANCH) & is_known & stays, FEWEST_STEPS, is_sure),
        ((lost >= BRANCH_LOST_A_LITTLE) & fell, PERSISTENCE, False),
    )
    for flags, fewest, is_sure in kinds:
        lasting = to_the_end(flags)
        lasting &= (lasting.sum(axis=1) >= fewest)[:, None]
        if lasting.any():
            sighting = _sighting(evidence, lasting, gap, median_of_others(change) - change)
            return [sighting if is_sure else sighting._replace(severity=NOTE)]
    return []


def _of_next(values):
    """How far the next kernel lies above each kernel; NaN for the last."""
    above = np.full(values.shape, np.nan)
    above[:-1] = values[1:] - values[:-1]
    return np.where(np.isfinite(above), above, np.nan)


def _always(flags):
    """Where a flag stands in all columns but the first few."""
    return flags & flags[:, PERSISTENCE - 1 :].all(axis=1)[:, None]


def _leapt(below):
    """Where a kernel and all before it fell within a few logged steps, and stay low."""
    return np.logical_and.accumulate(leapt(below, LEAP, PERSISTENCE), axis=0)


def _of_all_before(decades, threshold):
    """Where a kernel and, with some slack, all before it lie beyond a threshold."""
    known = np.where(np.isnan(decades), np.inf, decades)
    before = np.minimum.accumulate(known, axis=0)
    return (decades >= threshold) & (before >= threshold - SLACK)


def _stays(evidence, below):
    """Where a gradient has not begun to recover, over a time long enough to see that."""
    first = below[:, :PERSISTENCE].max(axis=1)[:, None]
    long_enough = evidence.steps - evidence.steps[0] >= FEWEST_SPANNED
    return ~(below < first - RECOVERS) & long_enough


def _sighting(evidence, lasting, below, lost):
    starts = np.where(lasting.any(1), lasting.argmax(1), lasting.shape[1])
    places = np.flatnonzero(lasting.any(1))
    place = int(places[-1])
    lasted = int(starts[place])
    usual = typical(below[place, lasted:])
    # A gradient that was small from the first step on is seen with some delay.
    onset = 0 if not (below[place, :lasted] < usual - SLACK).any() else lasted
    row = int(evidence.kernels[place])
    text = f"Its gradient is {times(10 ** typical(below[place, lasted:]))} times smaller than "
    text += "that of the kernels it is compared with"
    decades = typical(lost[place, lasted:])
    if decades >= LOST:
        text += f", and has lost {times(10 ** decades)} times more than theirs since the beginning"
    saturated = evidence.share_saturated(place, lasted)
    if saturated:
        text += f"; {percent(saturated)} {OUTPUTS_AT_THE_ENDS}"
    before = len(places) - 1
    text += f"; {several(before, 'kernel')} before it follow." if before else "."
    rows = tuple(int(evidence.kernels[one]) for one in places)
    advice = SATURATED if saturated else None
    return Sighting(VANISHING_GRADIENTS, onset, text, row, rows, advice=advice)
