"""Updates too small: a gradient arrives, and the updates are too small to train the weights.

The reason: a schedule may start at zero and end there, and a converged run hardly moves, so the
largest update of the whole run is judged, and the loss must not have fallen. One layer's updates
are compared with those of its peers, in the three ways that optimizers hold them equal.

Source: TheDeepChecker (ratio below 1e-4) and DeepDiagnosis (1e-5) alarm on fine-tuning (3e-5) and
on converged runs (2.8e-5); faulty runs of the pilot had 1e-8 to 1.2e-5.
"""

import numpy as np

from gtlog.diagnosis.faults import NOTE, UPDATES_TOO_SMALL
from gtlog.diagnosis.robust import highest, median
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades of the largest update ratio of a run.
LARGEST = -4.8
FEWEST_UPDATES = 4
FEWEST_SPANNED = 20
# Share of the first loss that is left where nothing was learned.
LOSS_KEPT = 0.95
# A warm-up: how many times the last updates are as large as the first.
WARM_UP = 1.5
# Decades below the peers, and of the ratio itself.
DEFICIT = -1.0
SMALL = -3.0
MOST_LAYERS = 0.34


def find(evidence):
    """The layer that is hardly updated, or the network where no layer is."""
    ratio = evidence.update
    known = np.isfinite(ratio).sum(1) >= FEWEST_UPDATES
    if not known.any():
        return []
    largest = highest(ratio[known])
    if (largest <= LARGEST).all():
        return _of_the_whole(evidence, ratio[known], largest)
    return _of_layers(evidence, ratio, known)


def _of_the_whole(evidence, ratio, largest):
    first, last = evidence.loss_at_ends()
    steps = evidence.steps
    if not evidence.has_beginning or steps[-1] - steps[0] < FEWEST_SPANNED or last < first * LOSS_KEPT:
        return []
    middle = median(ratio, 0)
    middle = middle[np.isfinite(middle)]
    third = max(1, len(middle) // 3)
    if np.median(middle[-third:]) - np.median(middle[:third]) > np.log10(WARM_UP):
        return []
    loss = f", and the loss stays ({figure(first)}, then {figure(last)})" if np.isfinite(first) else ""
    text = (
        f"No update of {several(len(ratio), 'kernel')} changed more than {figure(10 ** largest.max())} "
        f"of its size; 0.001 is usual{loss}."
    )
    return [Sighting(UPDATES_TOO_SMALL, 0, text)]


def _of_layers(evidence, ratio, known):
    deficit = evidence.excess_update
    least = np.where(known, highest(deficit), 0.0)
    is_small = (least <= DEFICIT) & (highest(ratio) <= SMALL)
    layers = {}
    for place in np.flatnonzero(is_small):
        layers.setdefault(evidence.layer_of(evidence.kernels[place]), []).append(int(place))
    if not layers:
        return []
    count = len({evidence.layer_of(row) for row in evidence.kernels})
    severity = NOTE if len(layers) > max(1, MOST_LAYERS * count) else None
    sightings = [_of_layer(evidence, places, deficit, ratio) for places in layers.values()]
    return [one._replace(severity=severity or one.severity) for one in sightings]


def _of_layer(evidence, places, deficit, ratio):
    place = places[0]
    row = int(evidence.kernels[place])
    others = np.delete(ratio, places, axis=0)
    text = (
        f"An update changes {figure(10 ** median(ratio[place]))} of its size; that of the other "
        f"kernels is {figure(10 ** median(np.ravel(others)))}. Beside its gradient and in itself it "
        f"is {times(10 ** -median(deficit[place]))} times smaller than theirs or more."
    )
    onset = int(np.isfinite(deficit[place]).argmax())
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(UPDATES_TOO_SMALL, onset, text, row, rows)
