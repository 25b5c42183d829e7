"""The leap of a network: most of its weights are replaced between two logged steps.

A learning rate that is suddenly far too large may leave no trace in the updates of the next logged
step: by then all units are dead and there is no update. But the values have moved. In a run that
trains, a kernel moves by a small share of its size from one logged step to the next. No schedule
makes most of the kernels move many times as far as ever before, unless it starts the run.
"""

from typing import NamedTuple

import numpy as np

from gtlog.diagnosis.relations import rates
from gtlog.diagnosis.robust import highest, highest_before, log10, typical

# Decades by which a kernel moves farther than ever before, and the share of its size by which it
# moves. Healthy runs reach 0.5 decades and a tenth of the size, leaps of a rate 0.8 and 0.4.
FARTHER = 0.7
REPLACED = 0.3
# Share of the kernels that have to leap before it is a leap of the network.
MOST_KERNELS = 0.6
FEWEST_PAST = 4
# Share of the way that makes the kernel smaller: from this share on it is decay.
DECAY = 0.7
# Decades by which the updates exceed the largest before. One gradient that is far too large makes
# Adam's updates three times as large. Updates that follow the gradient have to exceed its rise.
ROSE = 0.6
ROSE_BEYOND_GRADIENT = 0.3
# How many times as high as before the loss ends.
WORSE = 1.1
# Share of kernels without a gradient after the leap.
GONE = 0.5


class Leap(NamedTuple):
    """A leap.

    Attributes:
      column: Index of the logged step that first shows it.
      places: Places of the kernels that leapt.
      share: The way since the logged step before, divided by the size; the median of these kernels.
      times: How many times as long as the longest way before; the median of these kernels.
      is_seen: Whether the updates show the leap. If not, the gradients are gone after it.
    """

    column: int
    places: np.ndarray
    share: float
    times: float
    is_seen: bool


def leap_of(evidence):
    """The first leap that updates made and that did harm; None if there is none."""
    if len(evidence.kernels) < 2 or len(evidence) <= FEWEST_PAST:
        return None
    farther, share = _farther(evidence), _share(evidence)
    leaps = (farther >= FARTHER) & (share >= REPLACED) & ~(evidence.inward >= DECAY)
    known = np.isfinite(farther)
    wide = (known.sum(axis=0) >= 2) & (leaps.sum(axis=0) >= MOST_KERNELS * known.sum(axis=0))
    wide[:FEWEST_PAST] = False
    for column in map(int, np.flatnonzero(wide)):
        is_seen = _is_seen(evidence, column)
        is_gone = _is_gone(evidence, column)
        if (is_seen or is_gone) and _does_harm(evidence, column):
            places = np.flatnonzero(leaps[:, column])
            far = 10 ** typical(farther[places, column])
            return Leap(column, places, typical(share[places, column]), far, is_seen)
    return None


def _farther(evidence):
    """Decades by which a kernel goes farther than ever before.

    The way is divided by the number of steps, and by its root; the smaller result counts.
    """
    way = log10(evidence.travelled[evidence.kernels])
    way = np.where(np.isfinite(way), way, np.nan)
    number = np.log10(np.maximum(np.diff(evidence.steps, prepend=evidence.steps[0]), 1))
    ways = way - number, way - 0.5 * number
    return np.minimum(*(one - highest_before(one) for one in ways))


def _share(evidence):
    size = evidence.column("value_rms")[evidence.kernels]
    before = np.concatenate([size[:, :1], size[:, :-1]], axis=1)
    return evidence.travelled[evidence.kernels] / np.fmax(size, before)


def _is_seen(evidence, column):
    """Whether the updates exceed all updates before, and not just because the gradients do."""
    update = evidence.of_kernels("update_rms")
    update = np.where(np.isfinite(update), update, np.nan)
    gradient = np.where(np.isfinite(evidence.gradient), evidence.gradient, np.nan)
    rate = update - gradient
    rise = _rise(update, column)
    if np.isnan(rise).mean() > GONE or not typical(rise) >= ROSE:
        return False
    follows = rates.follow_gradients(evidence, column)
    return not follows or typical(_rise(rate, column)) >= ROSE_BEYOND_GRADIENT


def _rise(values, column):
    return highest(values[:, column : column + 2]) - highest(values[:, :column])


def _is_gone(evidence, column):
    """Whether most kernels are left without a gradient."""
    gone = (evidence.gradient[:, column : column + 2] == -np.inf).any(axis=1)
    return gone.mean() > GONE


def _does_harm(evidence, column):
    """Whether the loss ends above its level before, or the run ends with the leap."""
    before, after = evidence.loss_around(column)
    is_dead = bool((evidence.gradient[:, -1] == -np.inf).all())
    return evidence.is_lost or is_dead or after >= WORSE * before
