"""Not learning: the loss stays where it is, and no layer is at fault.

The reason: shuffled labels, lost inputs and a loss that does not fit the output leave each tensor
healthy; only the loss shows them. So this rule is asked only if no other rule sees a fault, and it
never names a layer. In healthy runs a noisy loss, a reward and the losses of two adversaries may
stay where they are. So it is an alarm only if the loss is that of a guess: the logarithm of the
number of classes. A loss with a penalty in it, and the loss of a slow training, may pass this level
on the way down: a loss that still falls is no alarm.

Source: every published tool has a rule on the loss, and that rule alarms on 17 of 18 healthy runs
of the pilot. The level of a guess is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOT_LEARNING, NOTE
from gtlog.diagnosis.robust import smooth
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import several, times

# How near to the loss of a guess, relative to it: from above, from below, and with few classes,
# where a loss of another kind may be there by chance.
ABOVE_GUESS = 0.1
BELOW_GUESS = 0.04
NEAR_GUESS = 0.02
FEW_CLASSES = 2
# Share of the loss of a guess. A loss that was lower once shows that something was learned.
LOWEST = 0.85
# Share by which a loss that stays may fall from the third quarter of the run to the last, and the
# largest standard error of that fall: with few and noisy losses a slow fall cannot be told.
LARGEST_FALL = 0.05
LARGEST_ERROR = 0.05
# The standard deviation of normal numbers over their median distance from the middle, and the
# standard error of a median over that of a mean.
DEVIATION, OF_MEDIAN = 1.48, 1.25
FEWEST_STEPS = 8
# How far the weights moved, as a share of their size. A plateau at the start is healthy.
LEAST_WAY = 0.13
# While the run goes on.
LEAST_WAY_SO_FAR = 1.0
FEWEST_SPANNED = 60


def find(evidence):
    """Whether the inputs are lost, or the loss is still that of a guess."""
    if not evidence.has_beginning or len(evidence) < FEWEST_STEPS or not len(evidence.kernels):
        return []
    if evidence.steps[-1] - evidence.steps[0] < FEWEST_SPANNED:
        return []
    seen = _lost_inputs(evidence) or _guess(evidence)
    if seen is None:
        return []
    # While a run goes on, a plateau at the start may still end.
    severity = ALARM if evidence.is_whole else NOTE
    return [Sighting(NOT_LEARNING, 0, seen, severity=severity)]


def _lost_inputs(evidence):
    """Whether the first kernel gets no gradient while later variables do: its inputs are zero."""
    gradient = evidence.gradient[0]
    if not (gradient[~np.isnan(gradient)] == -np.inf).all() or np.isnan(gradient).all():
        return None
    later = evidence.column("gradient_rms")[evidence.kernels[0] + 1 :]
    if not (later > 0).any():
        return None
    return (
        f"The first kernel, `{evidence.rows[evidence.kernels[0]].path}`, has a gradient of exactly "
        f"zero in each of {several(len(evidence), 'logged step')}, and variables after it do not: "
        "its inputs seem to be zero."
    )


def _late(known, steps):
    """Median of the loss over the last third of the training, and over its second half."""
    third = steps[0] + (steps[-1] - steps[0]) * 2 // 3
    return float(min(np.median(known[steps >= third]), np.median(known[len(known) // 2 :])))


def _fall(known):
    """By how much the loss fell from the third quarter of the training to the last one."""
    half = known[len(known) // 2 :]
    return float(np.median(half[: len(half) // 2]) - np.median(half[len(half) // 2 :]))


def _error(known):
    """The standard error of that fall, from how far one loss lies from the next."""
    half = known[len(known) // 2 :]
    one = DEVIATION * np.median(np.abs(np.diff(half))) / np.sqrt(2)
    return float(OF_MEDIAN * one * np.sqrt(2 / (len(half) // 2)))


def _classes(evidence, known):
    """The number of classes: outputs of the last kernel, or two if the loss begins as with two.

    The score of a pair, for instance, is a product of two outputs.
    """
    begins = abs(np.median(known[:FEWEST_STEPS]) / np.log(FEW_CLASSES) - 1) <= NEAR_GUESS
    return FEW_CLASSES if begins else max(FEW_CLASSES, evidence.outputs)


def _guess(evidence):
    loss = evidence.loss
    is_known = np.isfinite(loss) if loss is not None else np.zeros(len(evidence), bool)
    known = loss[is_known] if is_known.any() else np.zeros(0)
    if len(known) < FEWEST_STEPS or (known <= 0).any():
        return None
    level = _late(known, evidence.steps[is_known])
    classes = _classes(evidence, known)
    guess = np.log(classes)
    way, least_way = evidence.way(), LEAST_WAY if evidence.is_whole else LEAST_WAY_SO_FAR
    above, below = ABOVE_GUESS, BELOW_GUESS
    if classes <= FEW_CLASSES:
        above = below = NEAR_GUESS
    lowest = smooth(known[None], min(5, len(known)))[0, 4:].min()
    has_left = lowest < LOWEST * guess or _fall(known) > LARGEST_FALL * guess
    if has_left or _error(known) > LARGEST_ERROR * guess:
        return None
    if not 1 - below <= level / guess <= 1 + above or not way >= least_way:
        return None
    return (
        f"The loss is {level:.3g}, that of a guess among {classes} classes is {guess:.3g}, "
        f"although the weights have moved by {times(way)} times their size in all, and no layer "
        "stands out."
    )
