"""Ascending: over a window of updates the weights go up the gradient.

The reason: `descent` is the cosine of the update and the negative gradient of the same step. A
single cosine may be below zero with momentum, after a clipped or a noisy step. The median of a
window is not, in any optimizer that descends. Some losses are to be made as large as possible (a
reward, a likelihood, the adversary's part), and then going up is meant. So the whole network counts
as ascending only if a loss above zero grows, and a part only inside a chain that descends.

Source: our own; no published rule looks at the sign of the update.
"""

import numpy as np

from gtlog.diagnosis.faults import ASCENDING, NOTE
from gtlog.diagnosis.robust import is_by_chance, median, soon, to_the_end, turning, typical
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, percent, several

FEWEST_UPDATES = 4
# Median of the cosines: from the first step on, and from a later one. After a spike momentum points
# uphill for some steps, so a window has to be long in updates and in steps.
ASCENT = -0.1
LATER_ASCENT = -0.2
WINDOW = 7
WINDOW_STEPS = 40
# The directions of small batches are noisy, and near the end of a training half of the cosines may
# be below zero: the chance of so many is less than one in ten thousand.
LEAST_SURPRISE = np.log(1e4)
DESCENT = 0.0
# Share of the updates since the onset whose cosine is below zero.
LEAST_SHARE = 0.85
# A plain optimizer, whose updates all go straight down: here two that go up are enough. Its cosines
# are plus or minus one in all kernels; with momentum they may be so in one that has two outputs.
STRAIGHT = 0.9
FEWEST_OF_STRAIGHT = 2
SCALING = 0.7
# If NaN follows, one step is enough: it turns nearly all kernels around, and its updates have the
# usual size.
TURNED = -0.3
USUAL = 0.5
# Share of the kernels that have to ascend before the whole network is said to.
MOST_KERNELS = 0.8


def find(evidence):
    """The kernels whose updates go up the gradient, or the network where nearly all do."""
    kernels = evidence.kernels
    descent = evidence.column("descent")[kernels]
    # An update that only scales a kernel has nothing to do with its gradient.
    only_scales = (soon(evidence.scaling) >= SCALING) & ~(np.abs(descent) >= STRAIGHT)
    counts = evidence.is_trained_now[kernels] & ~only_scales
    descent = np.where(counts, descent, np.nan)
    if _is_turned_from_the_start(evidence):
        known = evidence.column("descent")[kernels]
        return _of_the_whole(evidence, known, median(known) < DESCENT, 0)
    is_straight = typical(np.abs(descent)) >= STRAIGHT
    onsets = [_onset_of_ascent(row, evidence.steps, is_straight) for row in descent]
    onsets = np.array(onsets, int)
    ascends = onsets < descent.shape[1]
    onset = int(onsets.min()) if len(onsets) else 0
    judged = (~np.isnan(descent[:, onset:])).sum(axis=1) >= FEWEST_OF_STRAIGHT
    if ascends.any() and ascends.sum() >= MOST_KERNELS * max(1, (judged | ascends).sum()):
        return _of_the_whole(evidence, descent, ascends, onset)
    turn = _turn(evidence, descent) if evidence.is_lost and len(kernels) else None
    if turn is not None:
        return _of_the_whole(evidence, descent, descent[:, turn] < DESCENT, turn)
    return _of_layers(evidence, descent, ascends, onsets) if ascends.any() else []


def _turn(evidence, descent):
    """The first of the steps before NaN in which nearly all kernels go up; None without one."""
    known = (~np.isnan(descent)).sum(axis=0)
    goes_up = (descent < DESCENT).sum(axis=0) >= MOST_KERNELS * known
    turn = int(to_the_end(goes_up[None])[0].argmax())
    if not goes_up[-1] or turn < FEWEST_UPDATES:
        return None
    ratio = evidence.update
    rise = ratio[:, turn] - median(ratio[:, :turn])
    soon = np.fmin(descent[:, turn], median(descent[:, turn : turn + WINDOW]))
    turned = (soon <= TURNED) & (median(descent[:, :turn]) > DESCENT)
    return turn if (turned & (rise <= USUAL)).mean() >= MOST_KERNELS else None


def _is_turned_from_the_start(evidence):
    """Whether the first update turned nearly all kernels around, and they go on like that.

    Then it may also be that all of them grow straight: growth by itself does not begin so.
    """
    descent = evidence.column("descent")[evidence.kernels]
    if not evidence.has_beginning or not descent.size:
        return False
    bound = STRAIGHT if (~np.isnan(descent)).any(axis=0).sum() < FEWEST_UPDATES else -TURNED
    goes_up = (descent[:, 0] <= -bound) & (median(descent) <= ASCENT)
    return goes_up.mean() >= MOST_KERNELS


def _onset_of_ascent(descent, steps, is_straight):
    """Index from which on a kernel ascends to the end; the number of steps if it does not."""
    never = len(descent)
    known = np.flatnonzero(~np.isnan(descent))
    values = descent[known]
    if not len(values):
        return never
    goes_up = values < DESCENT
    # The earliest step from which on nearly all go up.
    share = np.cumsum(goes_up[::-1])[::-1] / np.arange(len(values), 0, -1)
    starts = np.flatnonzero(goes_up & (share >= LEAST_SHARE))
    if not len(starts):
        return never
    start = int(starts[0])
    number = len(values) - start
    middle = np.median(values[start:])
    if is_straight and start >= FEWEST_UPDATES and values[:start].min() >= STRAIGHT:
        is_long = number >= FEWEST_OF_STRAIGHT and middle <= LATER_ASCENT
    elif start == 0:
        is_long = number >= FEWEST_UPDATES and middle <= ASCENT
    else:
        is_long = number >= WINDOW and steps[-1] - steps[known[start]] >= WINDOW_STEPS
        is_long = is_long and middle <= LATER_ASCENT
        is_long = is_long and not is_by_chance(goes_up, start, LEAST_SURPRISE)
    if not is_long:
        return never
    if start:  # some of those before may go up by chance
        start += turning(values[start:], 0.0, middle)
    return int(known[start])


def _of_the_whole(evidence, descent, ascends, onset):
    first, last = evidence.loss_around(onset)
    is_worse = first > 0 and (last > first or evidence.is_lost)
    text = (
        f"The updates of {several(int(ascends.sum()), 'kernel')} go up their gradients: the "
        f"cosine of update and negative gradient is {figure(typical(descent[ascends, onset:]))} "
        "in the median, and above zero in a run that descends"
    )
    rows = tuple(evidence.kernels[ascends])
    if is_worse:
        text += f". The loss rose from {figure(first)} to {figure(last)}."
        return [Sighting(ASCENDING, onset, text, rows=rows)]
    advice = "Where the loss is a reward or a likelihood to be made large, this is meant."
    return [Sighting(ASCENDING, onset, text + ".", rows=rows, severity=NOTE, advice=advice)]


def _of_layers(evidence, descent, ascends, onsets):
    layers = {}
    for place in np.flatnonzero(ascends):
        layers.setdefault(evidence.layer_of(evidence.kernels[place]), []).append(int(place))
    descending = median(descent)[~ascends]
    descending = descending[descending > DESCENT]
    if not len(descending):
        return []
    is_alone = len(layers) == 1 and len(descending) >= 2
    is_meant = not is_alone and _is_a_part(evidence, ascends)
    return [
        _of_layer(
            evidence, descent[places[0]], places, int(onsets[places[0]]), descending, is_meant
        )
        for places in layers.values()
    ]


def _of_layer(evidence, descent, places, onset, descending, is_meant):
    updates = descent[onset:][~np.isnan(descent[onset:])]
    text = (
        f"Its updates go up the gradient: the cosine of update and negative gradient is "
        f"{figure(np.median(updates))} in the median and below zero in "
        f"{percent((updates < 0).mean())} of {several(len(updates), 'update')}; that of "
        f"{several(len(descending), 'other kernel')} is {figure(np.median(descending))}."
    )
    rows = tuple(int(evidence.kernels[place]) for place in places)
    sighting = Sighting(ASCENDING, onset, text, rows[0], rows)
    if not is_meant:
        return sighting
    advice = "Where this part is an adversary, this is meant."
    return sighting._replace(severity=NOTE, advice=advice)


def _is_a_part(evidence, ascends):
    """Whether the ascending kernels are a model of their own, as an adversary is."""
    parts = [evidence.rows[row].path.split("/")[0] for row in evidence.kernels]
    ascending = {part for part, up in zip(parts, ascends) if up}
    return not ascending & {part for part, up in zip(parts, ascends) if not up}
