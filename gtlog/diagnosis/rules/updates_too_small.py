"""Updates too small: a gradient arrives, and the updates are too small to train the weights.

The reason: a schedule may start at zero and end there, and a converged run hardly moves. So the
rule judges the largest update of the whole run, and the loss must not have fallen. Updates of one
layer are compared with those of its peers, in the three ways that optimizers hold them equal.

Source: TheDeepChecker (ratio below 1e-4) and DeepDiagnosis (1e-5) alarm on fine-tuning (3e-5) and
on converged runs (2.8e-5); faulty runs of the pilot had 1e-8 to 1.2e-5.
"""

import numpy as np

from gtlog.diagnosis.faults import NOTE, UPDATES_TOO_SMALL
from gtlog.diagnosis.robust import highest, median, to_the_end, typical
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades of the largest update ratio of a run: alone, and if the loss is not far from a guess and
# has fallen but little.
LARGEST = -4.8
LARGEST_AT_A_GUESS = -3.6
LEAST_OF_GUESS = 0.72
LOSS_KEPT_AT_A_GUESS = 0.85
# ... and of a run from scratch whose loss stays. Ten thousand such updates change the weights once.
LARGEST_FROM_SCRATCH = -4.0
LOSS_KEPT_FROM_SCRATCH = 0.9
FEWEST_UPDATES = 4
FEWEST_SPANNED = 20
# Share of the first loss that is left if nothing was learned.
LOSS_KEPT = 0.75
# A warm-up: ratio of the last updates to the first.
WARM_UP = 1.5
# ... and, from scratch, to those of the middle third, in which a warm-up is at half of its way.
GROWS_ON, LARGEST_THAT_GROWS = 1.4, -4.5
LARGEST_OF_WARM_UP = -5.0
# Decades below the peers, and of the update ratio itself.
DEFICIT = -0.8
# ... while the run goes on: some layers begin slowly.
DEFICIT_SO_FAR = -1.5
SMALL = -3.0
MOST_LAYERS = 0.34


def find(evidence):
    """The layer that is hardly updated, or the network if no layer is."""
    # If no gradient arrives, the small update is not the fault.
    ratio = np.where(evidence.gradient == -np.inf, np.nan, evidence.update)
    known = np.isfinite(ratio).sum(1) >= FEWEST_UPDATES
    if not known.any():
        return []
    largest = highest(ratio[known])
    _, last = evidence.loss_at_ends()
    is_at_guess = evidence.outputs > 2 and last >= LEAST_OF_GUESS * np.log(evidence.outputs)
    is_at_guess = is_at_guess and _is_kept(evidence, LOSS_KEPT_AT_A_GUESS)
    bound = LARGEST_AT_A_GUESS if is_at_guess else LARGEST
    if evidence.is_from_scratch and _is_kept(evidence, LOSS_KEPT_FROM_SCRATCH):
        bound = max(bound, LARGEST_FROM_SCRATCH)
    if (largest <= bound).all():
        return _of_the_whole(evidence, ratio[known], largest)
    return _of_layers(evidence, ratio, known)


def _is_kept(evidence, share):
    first, last = evidence.loss_at_ends()
    return bool(last >= share * first)


def _of_the_whole(evidence, ratio, largest):
    first, last = evidence.loss_at_ends()
    steps = evidence.steps
    is_long = steps[-1] - steps[0] >= FEWEST_SPANNED
    if not evidence.has_beginning or not is_long or last < first * LOSS_KEPT:
        return []
    middle = median(ratio, 0)
    middle = middle[np.isfinite(middle)]
    third = max(1, len(middle) // 3)
    last_third = np.median(middle[-third:])
    grows = last_third - np.median(middle[:third]) > np.log10(WARM_UP)
    if evidence.is_from_scratch and largest.max() <= LARGEST_THAT_GROWS:
        grows &= last_third - np.median(middle[third : max(2 * third, 2)]) > np.log10(GROWS_ON)
    if grows and not (evidence.is_whole and largest.max() <= LARGEST_OF_WARM_UP):
        return []
    loss = f", and the loss went from {figure(first)} to {figure(last)}"
    text = (
        f"No update of {several(len(ratio), 'kernel')} changed more than "
        f"{figure(10 ** largest.max())} of its size; 0.001 is usual"
    )
    text += f"{loss}." if np.isfinite(first) else "."
    return [Sighting(UPDATES_TOO_SMALL, 0, text)]


def _of_layers(evidence, ratio, known):
    deficit = evidence.excess_update
    least = DEFICIT if evidence.is_whole else DEFICIT_SO_FAR
    is_small = (deficit <= least) & (ratio <= SMALL)
    lasting = to_the_end(is_small | np.isnan(deficit)) & is_small & known[:, None]
    layers = {}
    for place in np.flatnonzero(lasting.sum(axis=1) >= FEWEST_UPDATES):
        layers.setdefault(evidence.layer_of(evidence.kernels[place]), []).append(int(place))
    if not layers:
        return []
    count = len({evidence.layer_of(row) for row in evidence.kernels})
    severity = NOTE if len(layers) > max(1, MOST_LAYERS * count) else None
    sightings = [_of_layer(evidence, places, lasting, ratio) for places in layers.values()]
    return [one._replace(severity=severity or one.severity) for one in sightings]


def _of_layer(evidence, places, lasting, ratio):
    place = places[0]
    row = int(evidence.kernels[place])
    onset = int(lasting[place].argmax())
    others = np.delete(ratio, places, axis=0)[:, onset:]
    deficit = evidence.excess_update[place, onset:]
    text = (
        f"An update changes {figure(10 ** median(ratio[place, onset:]))} of its size; that of the "
        f"other kernels is {figure(10 ** typical(others))}. In itself and beside its gradient it "
        f"is at least {times(10 ** -median(deficit))} times smaller than theirs."
    )
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(UPDATES_TOO_SMALL, onset, text, row, rows)
