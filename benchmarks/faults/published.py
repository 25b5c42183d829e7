"""Rules that others have published, with their thresholds, over the same tables.

Where a rule asks for the mean of magnitudes, the root mean square stands for it, which is at most
a few times larger; where it counts steps or epochs, logged steps do. Sources: SageMaker Debugger's
documentation; TheDeepChecker (TOSEM 2022); AUTOTRAINER (ICSE 2021); DeepDiagnosis (ICSE 2022);
the course notes of CS231n.
"""

from typing import NamedTuple, Optional

import numpy as np

from gtlog.diagnosis import faults

_KERNELS = ("kernel", "recurrent_kernel", "other")


class Verdict(NamedTuple):
    """What a rule says: a fault, the path of a layer or None, and the first step of it."""

    fault: str
    layer: Optional[str]
    step: int


class _Run:
    """The table as the published rules need it."""

    def __init__(self, table):
        self.table, self.steps = table, table.steps
        self.losses = next(
            (np.asarray(one) for name, one in table.step_values.items() if name.startswith("loss")),
            np.full(len(table.steps), np.nan),
        )
        self.kernels = np.array(
            [row.role in _KERNELS and len(row.shape) >= 2 for row in table.variables], bool
        )
        self.asked = table.column("asked") == 1

    def column(self, name):
        return np.asarray(self.table.column(name), float)

    def first(self, flags, fault):
        """The earliest place where flags stand, a list of at most one verdict."""
        if flags.ndim == 1:
            return [Verdict(fault, None, int(self.steps[flags.argmax()]))] if flags.any() else []
        if not flags.any():
            return []
        column = int(flags.any(0).argmax())
        row = self.table.variables[int(flags[:, column].argmax())]
        return [Verdict(fault, row.layer or row.path, int(self.steps[column]))]


def _lasts(flags, number):
    """Where a flag has stood for some columns."""
    standing = flags.copy()
    for lag in range(1, number):
        standing[:, lag:] &= flags[:, :-lag]
        standing[:, :lag] = False
    return standing


def _ratios(values):
    with np.errstate(all="ignore"):
        return values[:, 1:] / values[:, :-1]


def _padded(flags):
    return np.concatenate([np.zeros((len(flags), 1), bool), flags], axis=1)


def nan_alone(run):
    """Any number that is not finite, in a value, a gradient or the loss."""
    bad = (run.column("value_nonfinite") > 0) | (run.column("gradient_nonfinite") > 0)
    return run.first(bad, faults.NONFINITE) or run.first(np.isinf(run.losses), faults.NONFINITE)


def sagemaker_debugger(run):
    """Vanishing 1e-7, exploding tensor, unchanged tensor, update ratio, loss not decreasing."""
    gradient, ratio = run.column("gradient_rms"), run.column("update_ratio")
    found = nan_alone(run) + run.first(gradient < 1e-7, faults.VANISHING_GRADIENTS)
    size, moved = run.column("value_rms"), run.column("update_rms")
    unchanged = run.asked & (moved <= 1e-8 + 1e-5 * size)
    found += run.first(_lasts(unchanged, 3), faults.NOT_UPDATED)
    found += run.first(ratio > 10, faults.UPDATES_TOO_LARGE)
    found += run.first((ratio < 1e-8) & run.asked, faults.UPDATES_TOO_SMALL)
    stays = np.zeros(len(run.steps), bool)
    stays[10:] = run.losses[10:] > 0.999 * run.losses[:-10]
    return found + run.first(stays, faults.NOT_LEARNING)


def deep_checker(run):
    """TheDeepChecker: gradients, update ratio, weights, untrained, loss; kernels."""
    kernels = run.kernels[:, None]
    gradient, size = run.column("gradient_rms"), run.column("value_rms")
    ratio = np.log10(np.maximum(run.column("update_ratio"), 1e-30))
    falls, rises = _ratios(gradient) <= 0.5, _ratios(gradient) >= 2
    vanishes = (gradient < 1e-6) | _padded(_lasts(falls, 4))
    explodes = (gradient > 1e6) | _padded(_lasts(rises, 4))
    grows = (size > 1e8) | _padded(_lasts(_ratios(size) >= 2, 4))
    found = nan_alone(run)
    found += run.first(vanishes & kernels, faults.VANISHING_GRADIENTS)
    found += run.first(explodes & kernels, faults.EXPLODING_GRADIENTS)
    found += run.first((ratio > -1) & kernels, faults.UPDATES_TOO_LARGE)
    found += run.first((ratio < -4) & kernels & run.asked, faults.UPDATES_TOO_SMALL)
    found += run.first(grows & kernels, faults.WEIGHTS_GROWING)
    found += run.first((run.column("value_zeros") > 0.95) & kernels, faults.WEIGHTS_SHRINKING)
    unmoved = (run.column("update_rms") == 0) & run.asked & kernels
    found += run.first(_lasts(unmoved, 5), faults.NOT_UPDATED)
    stays = np.zeros(len(run.steps), bool)
    stays[5:] = run.losses[5:] > 0.95 * run.losses[:-5]
    found += run.first(stays, faults.NOT_LEARNING)
    same = (run.column("identical_units") >= 0.99) & kernels
    return found + run.first(same, faults.IDENTICAL_UNITS)


def autotrainer(run):
    """Ratio of first and last layer, zero gradients; only where the loss has not fallen."""
    rows = np.flatnonzero(run.kernels & run.asked.any(1))
    bad = nan_alone(run)
    if not len(rows):
        return bad
    known = run.losses[np.isfinite(run.losses)]
    fifth = max(1, len(known) // 5)
    has_fallen = len(known) and np.median(known[-fifth:]) <= 0.8 * np.median(known[:fifth])
    if has_fallen:
        return bad
    gradient = run.column("gradient_rms")
    first, last = gradient[rows[0]], gradient[rows[-1]]
    only_first = np.zeros(gradient.shape, bool)
    only_first[rows[0]] = (first < 1e-3 * last) & (first < 1e-4)
    found = bad + run.first(only_first, faults.VANISHING_GRADIENTS)
    only_first = np.zeros(gradient.shape, bool)
    only_first[rows[0]] = first > 70 * last
    found += run.first(only_first, faults.EXPLODING_GRADIENTS)
    zeros = (run.column("gradient_zeros") >= 0.7) & run.kernels[:, None]
    return found + run.first(zeros, faults.DEAD_UNITS)


def deep_diagnosis(run):
    """DeepDiagnosis: vanishing 1e-7, variance of weights, update ratio, unchanged weights."""
    kernels = run.kernels[:, None]
    ratio, size = run.column("update_ratio"), run.column("value_rms")
    found = nan_alone(run)
    found += run.first(run.column("gradient_rms") < 1e-7, faults.VANISHING_GRADIENTS)
    first = np.zeros(size.shape, bool)
    first[:, 0] = ((size[:, 0] ** 2 < 1e-5) | (size[:, 0] ** 2 > 10)) & run.kernels
    found += run.first(first, faults.INITIALIZATION)
    found += run.first((ratio > 0.1) & kernels, faults.UPDATES_TOO_LARGE)
    found += run.first((ratio < 1e-5) & kernels & run.asked, faults.UPDATES_TOO_SMALL)
    unmoved = (run.column("update_rms") == 0) & run.asked
    return found + run.first(_lasts(unmoved, 5), faults.NOT_UPDATED)


def course_notes(run):
    """CS231n: an update ratio about 1e-3; ten times off in the median of ten logged steps."""
    ratio = run.column("update_ratio")
    middle = np.full(ratio.shape, np.nan)
    for column in range(9, ratio.shape[1]):
        middle[:, column] = np.median(ratio[:, column - 9 : column + 1], axis=1)
    kernels = run.kernels[:, None] & run.asked
    found = run.first((middle > 1e-2) & kernels, faults.UPDATES_TOO_LARGE)
    return found + run.first((middle < 1e-4) & kernels, faults.UPDATES_TOO_SMALL)


PUBLISHED = {
    "SageMaker Debugger": sagemaker_debugger,
    "TheDeepChecker": deep_checker,
    "AUTOTRAINER": autotrainer,
    "DeepDiagnosis": deep_diagnosis,
    "CS231n, 1e-3": course_notes,
    "NaN alone": nan_alone,
}


def verdicts(rule, table):
    """What a published rule says of a run, the earliest first; a list of `Verdict`."""
    with np.errstate(all="ignore"):
        return sorted(rule(_Run(table)), key=lambda one: one.step)
