"""Initialization: the first weights are of a scale with which the network cannot train well.

The reason: root mean square times the root of the number of inputs is 1 to 1.4 with the usual
initializers, and then a signal keeps its size through the layer. Other scales are legitimate (zeros
in LoRA and in residual branches, 0.02 in transformers, a small output layer). So a symptom has to
come with it: a loss that starts far above its level soon after, or gradients of the other layers
that are far smaller at first than later.

Source: TheDeepChecker (variance against He and Glorot); the symptom is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import INITIALIZATION
from gtlog.diagnosis.robust import median
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import OUTPUTS_AT_THE_ENDS, figure, percent, several, times

# Root mean square times the root of the number of inputs.
LARGE = 4.5
SMALL = 0.06
# ... of most kernels, if nothing is learned or their gradients grow at first.
SMALL_OF_ALL = 0.12
# How many times as far off as the other kernels.
BESIDE_PEERS = 4.0
# Ratio of the first loss to the loss soon after, and to that of a guess.
LOSS_FACTOR = 3.0
# Share of the first loss, if that is high and stays so.
LOSS_KEPT_HIGH = 0.45
# Decades of the kernel's gradient below those of its peers. The product of weight and gradient is
# about the same in all layers.
GAP = -0.7
# Decades by which the other layers' gradients grow after the first steps.
GREW = 0.8
# Share of the first loss that is left if nothing was learned.
LOSS_KEPT = 0.85
# Kernels of zeros at the start: their first update is their whole value.
ZEROS = 0.9
# Share of the first logged weights that comes from the first update.
REPLACED = 0.3
MOST_KERNELS = 0.6
FEWEST_STEPS = 4


def find(evidence):
    """The layer whose first weights are far off, or the network if most layers' are."""
    is_long = len(evidence) >= FEWEST_STEPS or evidence.is_lost
    if not evidence.has_beginning or not is_long or len(evidence.kernels) < 2:
        return []
    scale = evidence.first_scale
    # Weights that the first update has replaced are not those that the run started from.
    large = (scale >= LARGE) & ~_replaced_at_first(evidence)
    small = (scale <= SMALL) & (scale > 0) & ~_starts_at_zero(evidence)
    small[-1] &= small.mean() > MOST_KERNELS
    if not small.mean() >= MOST_KERNELS:
        of_all = (scale <= SMALL_OF_ALL) & (scale > 0)
        is_small = of_all.mean() >= MOST_KERNELS
        if is_small and (_has_not_learned(evidence) or _first_gradient(evidence, of_all) >= GREW):
            small = of_all
    return _too_large(evidence, scale, large) + _too_small(evidence, scale, small)


def _has_not_learned(evidence):
    start, end = evidence.loss_at_ends()
    return bool(end >= LOSS_KEPT * start)


def _starts_at_zero(evidence):
    return _first_ratio(evidence) >= ZEROS


def _replaced_at_first(evidence):
    return _first_ratio(evidence) >= REPLACED


def _first_ratio(evidence):
    ratio = evidence.column("update_ratio")[evidence.kernels]
    known = ratio > 0
    return ratio[np.arange(len(ratio)), known.argmax(axis=1)]


def _too_large(evidence, scale, large):
    if not large.any():
        return []
    if large.mean() >= MOST_KERNELS:
        return _of_the_whole(evidence, scale, large, _loss_symptom(evidence))
    usual = median(scale[~large])
    place = int(np.argmax(np.where(large, scale, -np.inf)))
    gap = median(evidence.gradient_gap[large, :10]).min()
    symptom = _loss_symptom(evidence)
    if symptom is None and gap <= GAP:
        symptom = f"its gradient is {times(10 ** -gap)} times smaller than that of the others"
    if symptom is None or scale[place] < BESIDE_PEERS * usual:
        return []
    return [_of_layer(evidence, place, scale, usual, symptom, large)]


def _loss_symptom(evidence):
    loss = evidence.loss
    if loss is None:
        return None
    known = loss[np.isfinite(loss)]
    first = known[0] if len(known) else np.nan
    soon = np.median(known[len(known) // 4 :]) if len(known) else np.nan
    guess = _guess(evidence)
    # Of one output it is not known whether it is a class: then a loss that falls far is a symptom,
    # and one that starts high and hardly falls.
    falls_some = LOSS_KEPT_HIGH * first > soon > first / LOSS_FACTOR
    if not first >= LOSS_FACTOR * guess or (falls_some and evidence.outputs < 2):
        return None
    return (
        f"the loss starts at {figure(first)} (that of a guess would be {figure(guess)}), and is "
        f"{figure(soon)} later"
    )


def _guess(evidence):
    return np.log(max(2, evidence.outputs))


def _too_small(evidence, scale, small):
    if not small.any():
        return []
    others = evidence.change_of_gradient[~small] if not small.all() else evidence.change_of_gradient
    if not len(others):
        return []
    first = _first_gradient(evidence, ~small if not small.all() else small)
    start, end = evidence.loss_at_ends()
    if first >= GREW:
        symptom = f"the gradients of the other kernels grow {times(10 ** first)}-fold at first"
    elif small.mean() >= MOST_KERNELS and _has_not_learned(evidence):
        symptom = f"the loss went from {figure(start)} to {figure(end)}"
    else:
        return []
    if small.mean() >= MOST_KERNELS:
        return _of_the_whole(evidence, scale, small, symptom)
    usual = median(scale[~small])
    place = int(np.argmin(np.where(small, scale, np.inf)))
    if scale[place] * BESIDE_PEERS > usual:
        return []
    return [_of_layer(evidence, place, scale, usual, symptom, small)]


def _first_gradient(evidence, which):
    """Decades by which kernels' gradients grow from the first steps to the middle of the run."""
    gradient = np.where(np.isfinite(evidence.gradient), evidence.gradient, np.nan)[which]
    half = gradient.shape[1] // 2
    return float(median(median(gradient[:, half:]) - median(gradient[:, :2])))


def _of_layer(evidence, place, scale, usual, symptom, far):
    row = int(evidence.kernels[place])
    value = evidence.column("value_rms")[row]
    text = (
        f"Its first weights have a root mean square of {figure(value[np.isfinite(value)][0])}, "
        f"which is {figure(scale[place])} times that for which a signal keeps its size; the other "
        f"kernels have {figure(usual)} times that, and {symptom}."
    )
    saturated = evidence.share_saturated(place, 0)
    if saturated:
        text += f" {percent(saturated)} {OUTPUTS_AT_THE_ENDS}."
    rows = tuple(int(evidence.kernels[one]) for one in np.flatnonzero(far))
    return Sighting(INITIALIZATION, 0, text, row, rows)


def _of_the_whole(evidence, scale, far, symptom):
    if symptom is None:
        return []
    text = (
        f"The first weights of {several(int(far.sum()), 'kernel')} of {len(far)} are "
        f"{figure(median(scale[far]))} times those for which a signal keeps its size, and "
        f"{symptom}."
    )
    return [Sighting(INITIALIZATION, 0, text, rows=tuple(evidence.kernels[far]))]
