"""The rates of the kernels: what an update is for the same gradient, and which of them rise.

A plain optimizer has one rate for all kernels. Adam's updates do not follow the gradient: there the
update itself takes the place of the rate. Either shows whether one layer has a rate of its own, or
the rate of the whole network has risen.
"""

import numpy as np

from gtlog.diagnosis.robust import (
    finite,
    highest,
    highest_before,
    least_of,
    median,
    median_of_others,
    most_of,
    shifted,
    smooth,
    spread,
    typical,
)

# Decades between the kernels' rates, if a plain optimizer has one; decades by which it has risen.
ALIKE, ROSE = 0.05, 0.3
# ... if it is another optimizer: decades by which each has risen, and between these rises.
ROSE_EACH, ROSE_ALIKE = 0.25, 0.8
# Decades by which one kernel's rate leaps beyond the others', and above all that it was before.
LEAPT, LEAPT_ABOVE_ALL = 0.9, 0.5
# Logged steps that show what is usual, and the fewest of them.
PAST, FEWEST_PAST = 8, 4
NEARBY = 3
MOST_KERNELS = 0.5
FEWEST_KERNELS = 3


def follow_gradients(evidence, column):
    """Whether the updates before a column follow the gradients, as those of SGD do.

    Then the kernels lie nearer together in the ratio of update to gradient than in the update.
    """
    update = _update(evidence)[:, :column]
    rate = update - finite(evidence.gradient)[:, :column]
    return bool(typical(spread(rate)) < typical(spread(update)))


def have_risen_in_all(evidence, onset):
    """Whether the rates of all kernels have risen by about as much, at a column or soon after."""
    update = _update(evidence)
    rate = update - finite(evidence.of_kernels("gradient_rms"))
    if _one_has_risen(rate, onset):
        return True
    values = update - finite(evidence.gradient) if follow_gradients(evidence, onset) else update
    before = median(values[:, : max(NEARBY, onset - NEARBY)])
    ends = (onset + 1, onset + NEARBY) if onset >= NEARBY else ()
    return any(_are_alike(median(values[:, onset:end]) - before) for end in ends)


def leaps_of_one(evidence):
    """Where the rate of a kernel leaps and the others' do not, bool `[kernels, steps]`."""
    update = np.where(np.isfinite(evidence.update), _update(evidence), np.nan)
    if len(evidence) <= PAST or len(update) < FEWEST_KERNELS:
        return np.zeros(update.shape, bool)
    is_plain = follow_gradients(evidence, len(evidence))
    rate = update - finite(evidence.gradient) if is_plain else update
    rise = rate - shifted(smooth(rate, PAST), 1)
    leaps = rise - median_of_others(rise) >= LEAPT
    leaps &= rate - highest_before(rate) >= LEAPT_ABOVE_ALL
    leaps[:, :FEWEST_PAST] = False
    return leaps


def _update(evidence):
    return finite(evidence.of_kernels("update_rms"))


def _one_has_risen(rate, onset):
    """Whether all kernels have one rate, that of a plain optimizer, and it has risen."""
    now = rate[:, onset : onset + NEARBY]
    is_shared = np.isfinite(now).sum(axis=0) >= 2
    apart = np.where(is_shared, highest(now.T) + highest(-now.T), np.nan)
    rose = typical(now) - most_of(rate[:, :NEARBY])
    return bool(most_of(apart) <= ALIKE and rose >= ROSE)


def _are_alike(rise):
    is_known = np.isfinite(rise).mean() > MOST_KERNELS
    is_alike = most_of(rise) - least_of(rise) <= ROSE_ALIKE
    return bool(is_known and is_alike and least_of(rise) >= ROSE_EACH)
