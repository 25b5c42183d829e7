"""Not learning: the loss stays, and no layer is at fault.

The reason: labels that are shuffled, inputs that are lost and losses that do not fit the output
leave each tensor healthy; only the loss shows them. So this rule is asked where no other one
speaks, and never names a layer. A noisy loss, a reward, the losses of two adversaries may stay
where they are in healthy runs, so that it is an alarm only where the loss is that of a guess: the
logarithm of the number of classes.

Source: every published tool has a rule on the loss, and it alarms on 17 of 18 healthy runs of the
pilot; the level of a guess is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOT_LEARNING, NOTE
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several

# How near to the loss of a guess.
NEAR_GUESS = 0.02
FEWEST_STEPS = 8
FEWEST_CLASSES = 2
# How far the weights went, as a share of their size: a plateau at the start is healthy.
LEAST_WAY = 0.3


def find(evidence):
    """Whether the loss is still that of a guess."""
    loss = evidence.loss
    if loss is None or not evidence.has_beginning or len(evidence) < FEWEST_STEPS:
        return []
    known = loss[np.isfinite(loss)]
    if len(known) < FEWEST_STEPS or (known <= 0).any() or not len(evidence.kernels):
        return []
    half = known[len(known) // 2 :]
    level = float(np.median(half))
    units = evidence.rows[evidence.kernels[-1]].shape[-1]
    guess = np.log(max(units, 2))
    way = evidence.way()
    if abs(level / guess - 1) > NEAR_GUESS or not way >= LEAST_WAY:
        return []
    text = (
        f"The loss is {figure(level)}, that of a guess among {max(units, 2)} classes is "
        f"{guess:.3g}, although the weights have moved by {figure(way)} of their size, and no "
        "layer stands out."
    )
    # While a run goes on, a plateau at the start may still end.
    severity = ALARM if evidence.is_whole else NOTE
    return [Sighting(NOT_LEARNING, 0, text, severity=severity)]
