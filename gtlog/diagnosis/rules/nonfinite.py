"""NaN or infinity: where it is first and how it arose, so far as the pattern of layers proves it.

The reason, which is exact: the backward pass goes from the loss to the first layer, and a number
that is not finite makes all later ones so. If the loss is finite and the gradients of some layers
are not, the one of these layers that is nearest to the loss has the faulty operation. If values are
not finite and the gradients of the same step are, the update made them. If the loss is not finite,
the forward pass made it; after the update every value may be NaN, so no layer can be named.

Source: the count of non-finite elements is a rule of SageMaker Debugger (ExplodingTensor) and of
AUTOTRAINER; the order of layers is our own. Steps that a loss scale skips are healthy: their
gradients are not finite, but no value ever becomes so.
"""

import numpy as np

from gtlog.diagnosis.faults import NONFINITE
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import several

# Loss scaling starts at 2**15 and halves: ten or so skipped steps at the start are usual.
MOST_SKIPPED = 20


def find(evidence):
    """The first step with a value, gradient or loss that is not finite, unless it was skipped."""
    if not len(evidence):
        return []
    values = (evidence.column("value_nonfinite") > 0) & _can_be_blamed(evidence)[:, None]
    gradients = (evidence.column("gradient_nonfinite") > 0) & evidence.is_asked
    losses = _loss_is_not_finite(evidence)
    is_bad = values.any(0) | gradients.any(0) | losses
    damage = values.any(0) | _never_recovers(evidence, is_bad)
    if not damage.any():
        return []
    onset = _onset(is_bad, int(damage.argmax()))
    return [_sighting(evidence, onset, values[:, onset], gradients[:, onset], losses[onset])]


def _can_be_blamed(evidence):
    """Rows that were finite at first or are trained. Masks of minus infinity are neither."""
    first = evidence.column("value_nonfinite")[:, 0] > 0
    return ~first | evidence.is_trained


def _loss_is_not_finite(evidence):
    """Where the loss is infinite or NaN. If a gradient is known, NaN is not a missing loss."""
    if not evidence.losses:
        return np.zeros(len(evidence), bool)
    losses = np.stack(list(evidence.losses.values()))
    has_gradient = (~np.isnan(evidence.column("gradient_rms"))).any(0)
    has_gradient |= (evidence.column("gradient_nonfinite") > 0).any(0)
    return np.isinf(losses).any(0) | (np.isnan(losses).all(0) & has_gradient)


def _never_recovers(evidence, is_bad):
    """Where a run of bad steps goes on to the end and is longer than a loss scale needs."""
    goes_on = np.logical_and.accumulate(is_bad[::-1])[::-1]
    return goes_on & (goes_on.sum() > MOST_SKIPPED)


def _onset(is_bad, damaged):
    """The first of the bad steps that lead to the damage without a gap between them."""
    healthy = np.flatnonzero(~is_bad[:damaged])
    return int(healthy[-1]) + 1 if len(healthy) else 0


def _sighting(evidence, onset, values, gradients, loss):
    asked = evidence.is_asked[:, onset]
    if loss:
        return _forward(evidence, onset, values, gradients)
    if gradients.any():
        return _backward(evidence, onset, gradients, asked)
    return _by_update(evidence, onset, values)


def _forward(evidence, onset, values, gradients):
    seen = f"{_counts(values, gradients)} and the loss is not finite"
    return Sighting(
        NONFINITE,
        onset,
        f"At step {evidence.steps[onset]:,} the loss is not finite ({seen}), so it arose in the "
        "forward pass or in the data. Which layer was first cannot be told: a loss that is not "
        "finite makes all gradients so, and the update all values.",
        rows=tuple(np.flatnonzero(values | gradients)),
    )


def _backward(evidence, onset, gradients, asked):
    rows = np.flatnonzero(gradients)
    last = int(rows[-1])
    after = np.flatnonzero(asked & ~gradients)
    after = after[after > last]
    if not len(after) and len(rows) > 1:
        evidence_text = (
            "The loss is finite and no gradient is, so it arose in the backward pass at the very "
            "end: in the loss function, or after the last layer."
        )
        return Sighting(NONFINITE, onset, evidence_text, rows=tuple(rows))
    following = f", those of `{evidence.layer_of(after[0])}` after it are" if len(after) else ""
    bias = evidence.bias_of(last) if last in evidence.kernels else None
    if bias is not None and asked[bias] and not gradients[bias]:
        return _of_inputs(evidence, onset, last, rows)
    before = len({evidence.layer_of(row) for row in rows}) - 1
    others = f"; {several(before, 'layer')} before it follow" if before else ""
    text = (
        f"The loss is finite, and so are the weights that made it, but the gradients of this "
        f"layer are not{following}{others}. So it arose in the backward pass, in an operation "
        "right after this layer."
    )
    return Sighting(NONFINITE, onset, text, last, tuple(rows))


def _of_inputs(evidence, onset, last, rows):
    """If the kernel's gradient is bad and the bias's is not, the kernel's inputs are to blame."""
    text = (
        f"The loss is finite. The gradient of the kernel of `{evidence.layer_of(last)}` is not, "
        "while that of its bias is: so the inputs of this layer are not finite. It arose in the "
        "forward pass before it, or in the data; which layer was first cannot be told."
    )
    return Sighting(NONFINITE, onset, text, rows=tuple(rows))


def _by_update(evidence, onset, values):
    rows = np.flatnonzero(values)
    layers = list(dict.fromkeys(evidence.layer_of(row) for row in rows))
    has_gradients = (~np.isnan(evidence.column("gradient_rms")[:, onset])).any()
    reason = "loss and gradients of the same step are finite, so" if has_gradients else "so"
    text = (
        f"Values of {several(len(layers), 'layer')} are not finite after step "
        f"{evidence.steps[onset]:,}; {reason} the update made them, or something that writes to "
        "the variable."
    )
    if not has_gradients:
        text = text.replace("; so the update", "; no gradients were seen. The update")
    row = int(rows[0]) if len(layers) == 1 or has_gradients else None
    return Sighting(NONFINITE, onset, text, row, tuple(rows))


def _counts(values, gradients):
    return f"{several(int(values.sum()), 'value')}, {several(int(gradients.sum()), 'gradient')}"
