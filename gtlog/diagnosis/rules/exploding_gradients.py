"""Exploding gradients: a gradient that is far larger than it was, and stays so.

The reason: the gradient grows on its way from the loss to the first layer, so everything before
the layer where it explodes has it, and nothing after. So a kernel is compared with what it was at
first and with the strongest of those after it. A branch that opens (zero gains, LoRA) catches up
with its peers and does not exceed them; one spike that recovers does not last. Where all layers
explode together with the loss, no layer is named.

Source: AUTOTRAINER (first over last layer above 70), TheDeepChecker (twice as large in four
checks); own past, peers and persistence are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import EXPLODING_GRADIENTS
from gtlog.diagnosis.robust import least, smooth
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades above the beginning, and beyond what the kernels after it gained.
GREW = 1.3
# Decades above the strongest kernel after it.
ABOVE = 1.0
ABOVE_FROM_THE_START = 2.5
GREW_ALL = 2.0
PERSISTENCE = 3
FEWEST_STEPS = 5


def find(evidence):
    """The layer nearest to the loss whose gradient exploded, or the network where all did."""
    gradient = evidence.gradient
    if len(gradient) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    above = least(smooth(_finite(gradient) - evidence.strongest_after), PERSISTENCE)
    grew = least(evidence.change_of_gradient, PERSISTENCE)
    gained = least(evidence.gained_gradient, PERSISTENCE)
    exploded = (grew >= GREW) & (gained >= GREW) & (above >= ABOVE)
    exploded |= above >= ABOVE_FROM_THE_START
    lasting = np.logical_and.accumulate(exploded[:, ::-1], axis=1)[:, ::-1]
    if lasting.any():
        return [_of_layer(evidence, lasting, above, grew)]
    return _of_the_whole(evidence, grew)


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)


def _of_layer(evidence, lasting, above, grew):
    places = np.flatnonzero(lasting.any(1))
    place = int(places[-1])
    start = int(lasting[place].argmax())
    row = int(evidence.kernels[place])
    text = (
        f"Its gradient is {times(10 ** np.nanmedian(above[place, start:]))} times larger than that "
        f"of the kernels after it, and {times(10 ** np.nanmax(grew[place, start:]))} times larger "
        "than at first"
    )
    before = len(places) - 1
    text += f"; {several(before, 'kernel')} before it follow." if before else "."
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(EXPLODING_GRADIENTS, max(0, start - PERSISTENCE + 1), text, row, rows)


def _of_the_whole(evidence, grew):
    first, last = evidence.loss_at_ends()
    exploded = (grew >= GREW_ALL).all(axis=0)
    lasting = np.logical_and.accumulate(exploded[::-1])[::-1]
    if not lasting.any() or not last > 2 * first > 0:
        return []
    start = int(lasting.argmax())
    text = (
        f"The gradients of all {several(len(grew), 'kernel')} are at least "
        f"{times(10 ** GREW_ALL)} times larger than at first, and the loss went from "
        f"{figure(first)} to {figure(last)}."
    )
    return [Sighting(EXPLODING_GRADIENTS, max(0, start - PERSISTENCE + 1), text)]
