"""Updates too large: one update replaces a large part of a kernel, again and again.

The reason: the rule judges the update, not the learning rate, since the effect of a rate depends on
the optimizer. The first updates replace weights that start at zero or next to it, which is healthy
(LoRA, zero-initialised heads). Updates of one layer are compared with those of its peers in three
ways: relative to the gradient, relative to the weights, and in themselves. Optimizers differ in
which of these they hold equal.

Source: SageMaker Debugger (ratio above 10), TheDeepChecker (0.1), CS231n (about 1e-3 is usual); in
the pilot healthy runs reached 0.10 and faulty ones 0.64 to 3.2 in the first steps.
"""

import numpy as np

from gtlog.diagnosis.faults import UPDATES_TOO_LARGE
from gtlog.diagnosis.relations import rates
from gtlog.diagnosis.robust import (
    highest,
    least_of,
    median,
    median_of_others,
    most_of,
    persists,
    shifted,
    smooth,
    soon,
    typical,
    windows,
)
from gtlog.diagnosis.rules import not_learning
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, percent, several, times

# Decades of the update ratio: alone, and with damage (the loss rises or the weights grow).
RATIO = np.log10(0.4)
RATIO_WITH_DAMAGE = np.log10(0.12)
WORSE = 1.5
GREW = np.log10(1.5)
GREW_BETWEEN_LOGGED_STEPS = np.log10(3.0)
SOON = 8
# Decades above the peers, and of the update ratio that has to come with it.
EXCESS = 0.7
LOCAL_RATIO = np.log10(0.03)
LEAST_SCALE = 0.1
# How near to one the first update ratio of a kernel is that starts at zero, and the share of its
# largest scale from which on it has grown.
ALL_OF_IT = 1e-6
GROWN = 0.5
# Decades that an update rose above its past, and the share of them by which the gradient rose.
ROSE = 0.5
SHARE_OF_GRADIENT = 0.6
PAST = 8
# Share of an update that only scales the kernel: that is decay, not an update too large.
SCALING = 0.5
MOST_OF_DECAY = np.log10(0.3)
# ... and that follows the gradient less than half as well as the others' updates do.
OF_GRADIENT = 0.5
# Share of the way between two logged steps that leads straight towards zero: that is decay too.
INWARD = 0.5
SOON_AFTER = 6
LATER = 4
# Decades above all earlier updates, over a few logged steps, and of the update ratio then, if the
# loss rises for good.
ROSE_ABOVE_ALL = 0.3
RISEN_RATIO = np.log10(0.015)
NEARBY = 3
# ... or by less, if an update is ten times as large for the same gradient, and large in itself.
WORSE_BY_RATE = 1.2
RISEN_TENFOLD = 1.0
TENFOLD_RATIO = np.log10(0.03)
MOST_KERNELS = 0.5
# How many logged steps do damage, among how many that follow one another.
SEVERAL, SEVERAL_WITHIN = 2, 5
# The update ratio of a kernel whose rate leaps.
LEAPT_RATIO = np.log10(0.05)
PERSISTENCE = 2
# The scale of a kernel that the first update has blown up, and how many times that of the others.
BLOWN, BESIDE_PEERS = 4.5, 4.0
# Share of the loss that is left if a run does not learn.
LOSS_KEPT = 0.85
# The share of the run that is its start, and the share of the loss that is left if a run learns.
AT_FIRST = 0.1
LEARNED = 0.7
# ... if most kernels are replaced: the rate is large for all of them, and the run still learns.
LEARNED_WELL = 0.1


def find(evidence):
    """The kernels that updates replace: those of one layer, or the network if half are replaced."""
    ratio = evidence.update
    if not ratio.size:
        return []
    is_grown = _is_grown(evidence, ratio)
    counts = is_grown & ~_follows_gradient(evidence)
    is_settling = _settles(evidence, ratio, counts)
    is_large = persists((ratio >= RATIO) & counts, PERSISTENCE) & ~is_settling
    is_harmful = (ratio >= RATIO_WITH_DAMAGE) & counts & _damage(evidence)
    is_scaled = (soon(evidence.scaling) >= SCALING) & (ratio < MOST_OF_DECAY)
    is_scaled &= ~(_follows(evidence) >= OF_GRADIENT)
    is_harmful &= ~is_scaled & ~is_settling
    is_harmful &= _lasts(evidence, is_harmful)
    is_local = (evidence.excess_update >= EXCESS) & (ratio >= LOCAL_RATIO) & is_grown
    is_local = persists(is_local, PERSISTENCE) & ~persists(is_scaled, PERSISTENCE)
    is_large |= _rate_leaps(evidence, ratio)
    is_large |= _before_nan(evidence, ratio) | _at_first(evidence, ratio, is_grown)
    is_any = is_large | is_harmful | is_local | _has_risen(evidence, ratio, counts)
    leap = evidence.leap
    if leap is not None and (leap.is_seen or not is_any[:, leap.column :][:, :NEARBY].any()):
        if not is_any[:, : max(0, leap.column - 1)].any():
            return [_of_leap(evidence, leap)]
    if not is_any.any():
        return []
    onset = int(is_any.any(0).argmax())
    places = np.flatnonzero(is_any[:, : onset + 3].any(1))
    if not is_harmful[:, onset].any():
        # Smoothing shows it a step later.
        lag = PERSISTENCE if not is_large[:, onset].any() else PERSISTENCE - 1
        onset = _first_large(ratio[places], max(0, onset - lag), onset)
    if rates.have_risen_in_all(evidence, onset):
        places = np.arange(len(ratio))
    return [_sighting(evidence, places, onset, ratio)]


def _first_large(ratio, first, last):
    """The first of some columns that is nearer to the level at the last than to that before all."""
    if not first:
        return first
    halfway = 0.5 * (median(ratio[:, :first]) + ratio[:, last])
    is_near = (ratio[:, first : last + 1] >= halfway[:, None]).any(axis=0)
    return first + int(is_near.argmax())


def _of_leap(evidence, leap):
    before, after = evidence.steps[leap.column - 1], evidence.steps[leap.column]
    text = (
        f"Between steps {before:,} and {after:,} {several(len(leap.places), 'kernel')} of "
        f"{len(evidence.kernels)} moved by {percent(leap.share)} of their size, "
        f"{times(leap.times)} times as far as ever before in as many steps"
    )
    first, last = evidence.loss_around(leap.column)
    if np.isfinite(first) and np.isfinite(last):
        text += f"; the loss went from {figure(first)} to {figure(last)}"
    text += "." if leap.is_seen else ", and most of the gradients are zero since."
    rows = tuple(int(evidence.kernels[place]) for place in leap.places)
    return Sighting(UPDATES_TOO_LARGE, leap.column, text, rows=rows)


def _settles(evidence, ratio, counts):
    """The first updates of a run that learns, if its kernels are replaced at the start alone."""
    at_first = np.zeros(ratio.shape, bool)
    steps, loss = evidence.steps, evidence.loss
    end = int(np.searchsorted(steps, steps[0] + AT_FIRST * (steps[-1] - steps[0]), "right"))
    rest = len(evidence) - end
    if loss is None or rest <= PERSISTENCE or evidence.is_lost:
        return at_first
    late, first = typical(loss[end + rest // 2 :]), loss[:PERSISTENCE]
    is_wide = ((ratio >= RATIO_WITH_DAMAGE) & counts)[:, :end].mean(axis=0).max() > MOST_KERNELS
    is_calm = highest(ratio[:, end:]) < RATIO_WITH_DAMAGE
    learns = late < (LEARNED_WELL * least_of(first) if is_wide else LEARNED * typical(first))
    at_first[:, :end] = (is_calm & learns)[:, None]
    return at_first


def _rate_leaps(evidence, ratio):
    """Where the rate of one kernel leaps, no decay does it, and the loss is worse for it."""
    is_scaled = (soon(np.abs(evidence.inward)) >= INWARD) | (soon(evidence.scaling) >= SCALING)
    leaps = rates.leaps_of_one(evidence) & (ratio >= LEAPT_RATIO)
    leaps &= ~is_scaled | (ratio >= MOST_OF_DECAY)
    for column in np.flatnonzero(leaps.any(axis=0)):
        before, after = evidence.loss_around(int(column))
        is_gone = not np.isfinite(evidence.gradient[:, -1]).any()
        leaps[:, column] &= bool(after > WORSE_BY_RATE * before) or is_gone
    return leaps


def _at_first(evidence, ratio, is_grown):
    """A kernel that the first update replaces, alone, if that spoils it.

    It is spoilt if it is far larger than the others after it, or if the run does not learn.
    """
    at_first = np.zeros(ratio.shape, bool)
    if evidence.has_beginning and len(evidence) > SOON:
        replaced = (ratio[:, 0] >= RATIO) & (evidence.excess_update[:, 0] >= EXCESS)
        scale = evidence.scale[:, 0]
        blown = (scale >= BLOWN) & (scale >= BESIDE_PEERS * median_of_others(scale[:, None])[:, 0])
        at_first[:, 0] = replaced & is_grown[:, 0] & (blown | _never_learns(evidence))
    return at_first


def _never_learns(evidence):
    """Whether the loss stays where it is after the first updates, or comes down to a guess."""
    loss = evidence.loss
    if loss is None:
        return False
    lowest = least_of(smooth(loss[None], LATER)[:, LATER:])
    stays = not lowest < LOSS_KEPT * typical(loss[1:LATER])
    return stays or bool(not_learning.find(evidence))


def _follows(evidence):
    """How well updates follow the gradient down, beside those of the other kernels."""
    descent = evidence.column("descent")[evidence.kernels]
    width = int(np.clip(len(evidence) // 8, 2, SOON_AFTER))
    later = np.concatenate([descent, np.full((len(descent), width - 1), np.nan)], axis=1)
    level = median(windows(later, width))[:, width - 1 :]
    return level / median_of_others(level)


def _lasts(evidence, is_harmful):
    """Columns whose damage is no passing spike: it is repeated, or for good, or in most kernels."""
    lasting = np.zeros(len(evidence), bool)
    columns = np.flatnonzero(is_harmful.any(axis=0))
    for column in columns:
        before, after = evidence.loss_around(int(column))
        near = np.sum((columns >= column) & (columns < column + SEVERAL_WITHIN)) >= SEVERAL
        near &= not _heals(evidence, column, after)
        is_for_good = not after < WORSE * before or evidence.is_lost
        is_wide = is_harmful[:, column].mean() > MOST_KERNELS
        lasting[column] = near or is_for_good or is_wide
    return lasting


def _heals(evidence, column, after):
    """Whether the loss ends below the lowest that it had before."""
    return evidence.loss is not None and after < least_of(evidence.loss[: max(1, column)])


def _before_nan(evidence, ratio):
    """If NaN ended the run: the kernels that the last update replaced, unless it replaced most."""
    last = np.zeros(ratio.shape, bool)
    if evidence.is_lost:
        replaced = ratio[:, -1] >= RATIO
        last[:, -1] = replaced & (replaced.mean() < MOST_KERNELS)
    return last


def _has_risen(evidence, ratio, counts):
    """Where the updates of most kernels rose above all earlier ones, and the loss rose for good."""
    none = np.zeros(ratio.shape, bool)
    lag = max(NEARBY, len(evidence) // 5)
    if evidence.loss is None or len(evidence) <= 2 * lag:
        return none
    level = smooth(ratio, NEARBY)
    highest = np.maximum.accumulate(np.where(np.isnan(level), -np.inf, level), axis=1)
    above = np.full(level.shape, np.nan)
    above[:, lag:] = level[:, lag:] - highest[:, :-lag]
    # The gradient must not be the reason: an update has to be larger for the same gradient.
    rate = smooth(ratio - evidence.gradient, NEARBY)
    faster = np.zeros(rate.shape, bool)
    faster[:, lag:] = rate[:, lag:] - rate[:, :-lag] >= ROSE_ABOVE_ALL / 2
    risen = (above >= ROSE_ABOVE_ALL) & (level >= RISEN_RATIO) & counts & faster
    network = risen.mean(axis=0) > MOST_KERNELS
    if not network.any():
        return none
    start = int(network.argmax())
    # A decay of all kernels is not an update too large.
    inward = evidence.inward[:, max(0, start - NEARBY) : start + 1] >= INWARD
    if inward.any(axis=1).mean() > MOST_KERNELS:
        return none
    before = slice(max(0, start - 2 * lag), start - lag)
    rose = typical(median(rate[:, start:]) - median(rate[:, before]))
    is_tenfold = rose >= RISEN_TENFOLD and typical(ratio[:, start:]) >= TENFOLD_RATIO
    worse = WORSE_BY_RATE if is_tenfold else WORSE
    is_worse = _late_loss(evidence, start) > worse * typical(evidence.loss[before]) > 0
    return risen & network if is_worse else none


def _late_loss(evidence, start):
    """The median of the loss in the last fifth of the steps, at least over a few logged ones."""
    steps = evidence.steps
    fifth = int(np.searchsorted(steps, steps[-1] - (steps[-1] - steps[0]) // 5))
    return typical(evidence.loss[max(start, min(fifth, len(steps) - NEARBY)) :])


def _follows_gradient(evidence):
    """Where an update is larger because the gradient is: the learning rate is not the reason."""
    rises = []
    for values in (evidence.update, evidence.gradient):
        past = np.full(values.shape, np.nan)
        past[:, 1:] = median(windows(values, PAST))[:, :-1]
        rises.append(values - past)
    update, gradient = rises
    return (update >= ROSE) & (gradient >= SHARE_OF_GRADIENT * update)


def _damage(evidence):
    """Where the loss soon rises far, a kernel grows far, or all kernels die at once."""
    size = evidence.logarithm("value_rms")[evidence.kernels]
    before = np.concatenate([size[:, :1], size[:, :-1]], axis=1)
    damage = _largest_soon(evidence.steps, size) - before >= GREW
    damage |= np.maximum(size, shifted(size, -1, -np.inf)) - before >= GREW_BETWEEN_LOGGED_STEPS
    if bool((evidence.gradient[:, -1] == -np.inf).all()):
        damage[:, :LATER] = True
    return damage if evidence.loss is None else damage | _is_soon_worse(evidence.loss)


def _largest_soon(steps, size):
    """The largest size from a column to the last one within so many training steps."""
    largest = size
    for lag in range(1, SOON + 1):
        is_soon = shifted(steps[None].astype(float), -lag, np.inf) <= steps + SOON
        largest = np.maximum(largest, np.where(is_soon, shifted(size, -lag, -np.inf), -np.inf))
    return largest


def _is_soon_worse(loss):
    """Where one of the next losses lies far above all of the last ones, `[steps]`."""
    before = shifted(np.where(np.isfinite(loss), loss, np.nan)[None], 1)
    before[0, :1] = loss[:1] if np.isfinite(loss[:1]).all() else np.nan
    usual = highest(windows(before, SOON)[0])
    later = np.stack([shifted(loss[None], -lag)[0] for lag in range(1, SOON + 1)], axis=1)
    is_worse = ~(highest(later) < WORSE * usual) & (usual > 0)
    is_worse[-1:] = False
    return is_worse


def _is_grown(evidence, ratio):
    """Where a kernel has its size. One that starts at zero is replaced while it grows to it."""
    scale = evidence.scale
    before = np.concatenate([scale[:, :1], scale[:, :-1]], axis=1)
    # If the first update is all that there is, nothing was there before it.
    starts_at_zero = np.abs(10 ** ratio[:, :1] - 1) <= ALL_OF_IT
    least = np.where(starts_at_zero, GROWN * highest(scale)[:, None], LEAST_SCALE)
    return np.fmin(before, scale) >= least


def _sighting(evidence, places, onset, ratio):
    most = 10 ** most_of(ratio[places, onset : onset + 3])
    others = np.delete(ratio, places, axis=0)[:, onset : onset + 3]
    usual = 10 ** typical(others) if np.isfinite(others).any() else None
    rows = tuple(int(evidence.kernels[place]) for place in places)
    compared = f"; that of the other kernels is {percent(usual)}" if usual else ""
    if len(places) == 1 or len(places) < MOST_KERNELS * len(ratio):
        place = max(places, key=lambda one: most_of(ratio[one, onset : onset + 3]))
        row = int(evidence.kernels[place])
        text = f"One update changes up to {percent(most)} of its size{compared}."
        return Sighting(UPDATES_TOO_LARGE, onset, text, row, rows)
    text = (
        f"One update changes up to {percent(most)} of the size of a kernel, in "
        f"{several(len(places), 'kernel')} of {len(ratio)}."
    )
    return Sighting(UPDATES_TOO_LARGE, onset, text, rows=rows)
