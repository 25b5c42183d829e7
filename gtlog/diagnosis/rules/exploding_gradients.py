"""Exploding gradients: a gradient that is far larger than it was, and stays so.

The reason: the gradient grows on its way from the loss to the first layer. So the explosion shows
in all layers before the one where it begins, and in none after it. The rule compares a kernel with
its own beginning and with the strongest kernel after it. A branch that opens (zero gains, LoRA)
catches up with its peers and does not exceed them; one spike that recovers does not last. If all
layers explode together with the loss, no layer is named.

Source: AUTOTRAINER (first over last layer above 70), TheDeepChecker (twice as large in four
checks). The comparison with the own past and with peers, and persistence, are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import EXPLODING_GRADIENTS
from gtlog.diagnosis.robust import (
    begun,
    leapt,
    least,
    log10,
    median,
    most_of,
    shifted,
    smooth,
    to_the_end,
    typical,
    unless_by_chance,
)
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several, times

# Decades above the beginning; decades of that beyond the gain of the kernels after it; decades
# above the strongest of these.
GREW = 1.0
GAINED = 1.3
ABOVE = 0.7
# ... if it is so from the first step on, or from a later one and hardly ever before: the chance of
# that is less than one in a hundred thousand.
ABOVE_FROM_THE_START = 0.45
LEAST_SURPRISE = np.log(1e5)
# Decades by which a kernel before may be lower; decades above if there is no such kernel.
SHARED = 1.0
ABOVE_ALONE = 1.3
# Decades of a leap within a few logged steps, and decades above the strongest kernel after it then:
# a long leap, or a short one to a height that kernels rarely have.
LEAP, ABOVE_AFTER_A_LEAP = 1.15, 0.2
SHORT_LEAP, ABOVE_AFTER_A_SHORT_LEAP = 0.6, 0.85
GREW_ALL = 2.0
# Decades by which the loss and all gradients leap at once, and alike, above all of the last steps;
# what is left of it for some logged steps; how far the leaps lie apart.
LEAP_OF_ALL, LEAP_KEPT, APART = 1.5, 1.0, 0.5
LAST_STEPS, KEPT_STEPS, FEWEST_PAST = 10, 5, 4
# If a penalty does it: the share of a kernel's way that leads to zero, and the decades of it.
INWARD, SHRANK = 0.5, -0.3
PERSISTENCE = 3
FEWEST_STEPS = 5


def find(evidence):
    """The layer nearest to the loss whose gradient exploded, or the network if all layers' did."""
    gradient = evidence.gradient
    if len(gradient) < 2 or len(evidence) < FEWEST_STEPS:
        return []
    raw = _held(evidence, evidence.above_those_after)
    above = least(smooth(raw), PERSISTENCE)
    grew = least(_held(evidence, evidence.change_of_gradient), PERSISTENCE)
    gained = least(_held(evidence, evidence.gained_gradient), PERSISTENCE)
    exploded = (grew >= GREW) & (gained >= GAINED) & (above >= ABOVE)
    is_above = (above >= ABOVE_FROM_THE_START) & _is_shared(evidence, above)
    is_above &= _is_one_chain(evidence)[:, None]
    exploded |= unless_by_chance(is_above, LEAST_SURPRISE, raw >= ABOVE_FROM_THE_START)
    exploded = begun(to_the_end(exploded), PERSISTENCE)
    exploded |= _leapt(raw, LEAP, ABOVE_AFTER_A_LEAP)
    exploded |= _leapt(raw, SHORT_LEAP, ABOVE_AFTER_A_SHORT_LEAP)
    exploded &= ~_is_penalised(evidence, exploded)[:, None]
    if exploded.any():
        held = _held(evidence, evidence.change_of_gradient)
        sighting = _of_layer(evidence, exploded, smooth(raw), held)
        return [] if _follows_leap(evidence, sighting.onset) else [sighting]
    return _with_the_loss(evidence) or _of_the_whole(evidence, grew)


def _is_penalised(evidence, exploded):
    """Kernels that their gradient leads straight to zero: it is that of a penalty on them."""
    inward = evidence.inward
    since = np.where(exploded[:, : inward.shape[1]], inward, np.nan)
    return (median(since) >= INWARD) & (evidence.change_of_value[:, -1] <= SHRANK)


def _follows_leap(evidence, onset):
    """Whether updates replaced the weights before."""
    return evidence.leap is not None and onset >= evidence.leap.column


def _is_one_chain(evidence):
    """The kernels whose gradient comes from those after them, of one loss and in one chain."""
    return evidence.connections.feeds_soon & (len(evidence.losses) <= 1)


def _is_shared(evidence, above):
    """Where a kernel before is as large too, or where a gradient is so large that none is needed.

    A program may make its last layer first. Then that layer alone is above all kernels that are
    made after it.
    """
    finite = np.where(np.isfinite(evidence.gradient), evidence.gradient, np.nan)
    gradient = least(_held(evidence, smooth(finite)), PERSISTENCE)
    known = np.where(np.isnan(gradient), -np.inf, gradient)
    before = np.full(gradient.shape, -np.inf)
    before[1:] = np.maximum.accumulate(known, axis=0)[:-1]
    return (before >= gradient - SHARED) | (above >= ABOVE_ALONE)


def _held(evidence, values):
    """The values. If NaN ended the run, the last value stands for the steps after it."""
    if not evidence.is_lost:
        return values
    return np.concatenate([values] + [values[:, -1:]] * (PERSISTENCE - 1), axis=1)


def _leapt(raw, leap, above):
    """Where a kernel rose within a few logged steps, and stays above those after it."""
    flags = leapt(raw, leap, PERSISTENCE)
    level = smooth(raw)
    level[:, :PERSISTENCE] = np.nan
    settled = flags & np.roll(flags, PERSISTENCE - 1, axis=1)
    stays = ~(settled & (level < above)).any(axis=1)
    return flags & stays[:, None]


def _of_layer(evidence, lasting, above, grew):
    places = np.flatnonzero(lasting.any(1))
    place = int(places[-1])
    start = int(lasting[place].argmax())
    row = int(evidence.kernels[place])
    text = (
        f"Its gradient is {times(10 ** typical(above[place, start:]))} times larger than that "
        f"of the kernels after it, and {times(10 ** most_of(grew[place, start:]))} times larger "
        "than at first"
    )
    before = len(places) - 1
    text += f"; {several(before, 'kernel')} before it follow." if before else "."
    rows = tuple(int(evidence.kernels[one]) for one in places)
    return Sighting(EXPLODING_GRADIENTS, start, text, row, rows)


def _of_the_whole(evidence, grew):
    first, last = evidence.loss_at_ends()
    exploded = (grew >= GREW_ALL).all(axis=0)
    lasting = to_the_end(exploded[None])[0]
    if not lasting.any() or not last > 2 * first > 0:
        return []
    start = int(lasting.argmax())
    text = (
        f"The gradients of all {several(len(grew), 'kernel')} are at least "
        f"{times(10 ** GREW_ALL)} times larger than at first, and the loss went from "
        f"{figure(first)} to {figure(last)}."
    )
    return [Sighting(EXPLODING_GRADIENTS, max(0, start - PERSISTENCE + 1), text)]


def _with_the_loss(evidence):
    """Where the loss and all gradients leap alike: the loss is another one from there on.

    Weights that go wrong change the gradients in another way than the loss, and a bad batch does
    not last.
    """
    if evidence.loss is None or len(evidence) < FEWEST_PAST + PERSISTENCE:
        return []
    values = np.concatenate([log10(evidence.loss)[None], evidence.gradient])
    values = np.where(np.isfinite(values), values, np.nan)
    values = values[~np.isnan(values).all(axis=1)]
    before = np.stack([shifted(values, lag) for lag in range(1, LAST_STEPS + 1)])
    before = np.fmax.reduce(before, axis=0)
    rises = values - before
    kept = np.stack([shifted(values, -lag) - before for lag in range(KEPT_STEPS)])
    is_leap = (np.fmin.reduce(kept, axis=0) >= LEAP_KEPT).all(axis=0)
    is_leap &= (values - shifted(values, 1) >= LEAP_OF_ALL).all(axis=0)
    is_leap &= rises.max(axis=0) - rises.min(axis=0) <= 2 * APART
    is_leap &= np.abs(median(rises[1:], axis=0) - rises[0]) <= APART
    is_leap[:FEWEST_PAST] = False
    is_leap[len(is_leap) - PERSISTENCE + 1 :] = False
    if not is_leap.any() or evidence.leap is not None:
        return []
    start = int(is_leap.argmax())
    text = (
        f"The loss is {times(10 ** rises[0, start])} times larger than in the logged steps before, "
        f"and so are the gradients of all {several(len(values) - 1, 'kernel')}, at once and alike."
    )
    return [Sighting(EXPLODING_GRADIENTS, start, text)]
