"""Ascending: over a window of updates the weights go up the gradient.

The reason: `descent` is the cosine of the update and the negative gradient of the same step. A
single one may be below zero with momentum, after a clipped or a noisy step; the median of a window
is not, in any optimizer that descends. Where the loss is one to be made as large as possible (a
reward, a likelihood, the adversary's part), going up is meant: the whole network is said to ascend
only where a loss above zero grows, and a part only inside a chain that descends.

Source: our own; no published rule looks at the sign of the update.
"""

import numpy as np

from gtlog.diagnosis.faults import ASCENDING, NOTE
from gtlog.diagnosis.robust import median
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, percent, several

FEWEST_UPDATES = 4
# Medians of the cosine over a run.
ASCENT = -0.1
DESCENT = 0.0
# Share of single updates below zero.
LEAST_SHARE = 0.85
# Share of kernels that make it the network's.
MOST_KERNELS = 0.8


def find(evidence):
    """The kernels whose updates go up the gradient, or the network where nearly all do."""
    kernels = evidence.kernels
    descent = np.where(evidence.is_trained_now[kernels], evidence.column("descent")[kernels], np.nan)
    known = (~np.isnan(descent)).sum(1)
    middle = median(descent)
    share = (descent < 0).sum(1) / np.maximum(known, 1)
    ascends = (known >= FEWEST_UPDATES) & (middle <= ASCENT) & (share >= LEAST_SHARE)
    if not ascends.any():
        return []
    judged = known >= FEWEST_UPDATES
    if ascends.sum() >= MOST_KERNELS * judged.sum():
        return _of_the_whole(evidence, descent, ascends)
    return _of_layers(evidence, descent, ascends, middle)


def _onset(descent):
    return int((descent < 0).argmax())


def _of_the_whole(evidence, descent, ascends):
    first, last = evidence.loss_at_ends()
    is_worse = np.isfinite(first) and first > 0 and last > first
    text = (
        f"The updates of {several(int(ascends.sum()), 'kernel')} go up their gradients: the "
        f"cosine of update and negative gradient is {figure(median(np.ravel(descent[ascends])))} "
        "in the median, and above zero in a run that descends"
    )
    onset = _onset(median(descent[ascends], 0)[None])
    rows = tuple(evidence.kernels[ascends])
    if is_worse:
        text += f". The loss rose from {figure(first)} to {figure(last)}."
        return [Sighting(ASCENDING, onset, text, rows=rows)]
    advice = "Where the loss is a reward or a likelihood to be made large, this is meant."
    return [Sighting(ASCENDING, onset, text + ".", rows=rows, severity=NOTE, advice=advice)]


def _of_layers(evidence, descent, ascends, middle):
    layers = {}
    for place in np.flatnonzero(ascends):
        layers.setdefault(evidence.layer_of(evidence.kernels[place]), []).append(place)
    descending = middle[~ascends & (middle > DESCENT)]
    if not len(descending):
        return []
    text_of_others = f"that of {several(len(descending), 'other kernel')} is " + figure(
        median(descending)
    )
    severity = None if len(layers) == 1 and len(descending) >= 2 else NOTE
    sightings = []
    for places in layers.values():
        row = int(evidence.kernels[places[0]])
        updates = descent[places[0]]
        share = (updates < 0).sum() / (~np.isnan(updates)).sum()
        text = (
            f"Its updates go up the gradient: the cosine of update and negative gradient is "
            f"{figure(middle[places[0]])} in the median, below zero in {percent(share)} of "
            f"{several(int((~np.isnan(updates)).sum()), 'update')}; {text_of_others}."
        )
        onset = _onset(updates[None])
        sighting = Sighting(ASCENDING, onset, text, row, (row,))
        if severity == NOTE and _is_a_part(evidence, ascends):
            advice = "Where this part is an adversary, this is meant."
            sighting = sighting._replace(severity=NOTE, advice=advice)
        sightings.append(sighting)
    return sightings


def _is_a_part(evidence, ascends):
    """Whether what ascends is a model of its own, as an adversary is."""
    parts = [evidence.rows[row].path.split("/")[0] for row in evidence.kernels]
    ascending = {part for part, up in zip(parts, ascends) if up}
    return not ascending & {part for part, up in zip(parts, ascends) if not up}
