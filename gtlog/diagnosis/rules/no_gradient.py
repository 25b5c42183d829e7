"""No gradient: the step reads the variable, the tape is asked for it, and nothing arrives.

The reason, which is exact: the step reads what lies before a cut (tf.stop_gradient, numpy, an
integer), and the tape returns None for it from the first step to the last. If the cut is a product
with zero, the tape returns exactly zero. A head that this phase does not use is never read, and a
variable that got one gradient is connected. Zero at the start alone is healthy: LoRA with B = 0,
ReZero, gains of zero.

Source: "Gradients do not exist for variables", which Keras says once, and of None alone. That the
step must have read the variable is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import NO_GRADIENT, NOTE
from gtlog.diagnosis.robust import median
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import several

FEWEST_STEPS = 3
# LoRA, ReZero and gains of zero become nonzero with the first update or two.
FEWEST_STEPS_OF_ZERO = 5
# Share of an update that only scales the kernel.
DECAY = 0.8

ZEROS = (
    "One of two layers in a row may start at zero, both may not. Try the default initializer of "
    "the first of them."
)


def find(evidence):
    """The blocks of layers that never got a gradient. The last layer of each is at the cut."""
    if not evidence.has_beginning:
        return []
    never = _never_returned(evidence) | _always_zero(evidence)
    never &= ~np.array([row.role == "moving_statistic" for row in evidence.rows], bool)
    asked = evidence.is_asked.any(1)
    zeros = _pair_of_zeros(evidence)
    if zeros or not never.any():
        return zeros
    if never[asked].all():
        return [_of_the_whole(evidence, never)]
    return [_of_block(evidence, block, asked & ~never) for block in _blocks(never, asked)]


def _never_returned(evidence):
    missing = evidence.column("missing")
    is_asked = evidence.column("asked") == 1
    always = (is_asked & (missing == 1)).sum(1) == is_asked.sum(1)
    is_read = (evidence.column("was_read") == 1).any(1)
    suspects = always & (is_asked.sum(1) >= FEWEST_STEPS)
    # A kernel may be read where no tape sees it. If its bias has a gradient, the layer is in use.
    for row in np.flatnonzero(suspects & ~is_read):
        is_read[row] = row in evidence.kernels and evidence.has_live_bias(row)
    return suspects & is_read


def _always_zero(evidence):
    gradient = evidence.column("gradient_rms")
    finite = ~(evidence.column("gradient_nonfinite") > 0)
    known = ~np.isnan(gradient)
    zero = (known & (gradient == 0) & finite).sum(1) == known.sum(1)
    is_zero = zero & (known.sum(1) >= FEWEST_STEPS_OF_ZERO)
    return _without_dead(evidence, is_zero)


def _without_dead(evidence, is_zero):
    """Drops the blocks that end after a layer of dead units: there the bias gets a gradient.

    If a single kernel has no gradient and the bias beside it has one, the kernel is itself cut off,
    provided that the kernel before it has a gradient.
    """
    kept = is_zero.copy()
    kernels = list(evidence.kernels)
    for block in _blocks(is_zero, evidence.is_asked.any(1)):
        inside = [row for row in block if row in kernels]
        before = [row for row in kernels if row < block[0]][-1:]
        is_alone = len(inside) == 1 and before and not is_zero[before[0]]
        has_live_bias = inside and evidence.has_live_bias(inside[-1])
        if not inside or (has_live_bias and not is_alone):
            kept[list(block)] = False
    return kept


def _blocks(never, asked):
    """Rows without a gradient that follow one another among the rows asked for."""
    rows = np.flatnonzero(asked)
    flags = never[rows]
    edges = np.flatnonzero(np.diff(flags.astype(int))) + 1
    return [block for block in np.split(rows, edges) if len(block) and never[block[0]]]


def _of_block(evidence, block, connected):
    kernels = [row for row in block if len(evidence.rows[row].shape) >= 2]
    row = int(kernels[-1] if kernels else block[-1])
    layers = list(dict.fromkeys(evidence.layer_of(one) for one in block))
    missing = (evidence.column("missing")[row] == 1).any()
    is_open = not connected[block[-1] + 1 :].any()
    beside = [other for other in evidence.rows_beside(row) if connected[other]]
    is_branch = not missing and not beside and connected[: block[0]].any()
    is_branch = is_branch and (len(layers) == 1 or _moved_by_gradient(evidence, row))
    is_branch = is_branch and not _is_in_use(evidence, row)
    what = "None" if missing else "a gradient of exactly zero"
    steps = int(evidence.is_asked[row].sum())
    others = f", and so did {several(len(layers) - 1, 'layer')} before it" if layers[1:] else ""
    text = (
        f"The step reads it, and the tape returned {what} in each of {several(steps, 'step')} "
        f"that asked for it{others}; {several(int(connected.sum()), 'variable')} elsewhere got "
        "gradients."
    )
    if not is_open and not is_branch:
        return Sighting(NO_GRADIENT, _first(evidence, row), text, row, tuple(block))
    advice = (
        "The layers before it do get gradients, so it is a branch that nothing is routed to, or "
        "that is multiplied by zero."
        if is_branch
        else "No layer after it gets a gradient either, so the loss does not seem to use its "
        "output. Where that is meant, do not ask the tape for it."
    )
    onset = _first(evidence, row)
    return Sighting(NO_GRADIENT, onset, text, row, tuple(block), severity=NOTE, advice=advice)


def _is_in_use(evidence, row):
    """Whether what the kernel feeds is trained, and no router may have left the kernel out.

    While a run goes on, a branch that starts at zero may still be opened.
    """
    place = np.flatnonzero(evidence.kernels == row)
    if not evidence.is_whole or not len(place):
        return False
    is_routed = evidence.connections.may_be_routed(int(place[0]))
    return not is_routed and evidence.leads_on(int(place[0]))


def _moved_by_gradient(evidence, row):
    """Whether it moved in a way that only a gradient explains: decay only scales a kernel."""
    if not (evidence.changed[row] | evidence.moved[row]).any():
        return False
    place = np.flatnonzero(evidence.kernels == row)
    return not len(place) or not median(evidence.scaling[place[0]]) >= DECAY


def _pair_of_zeros(evidence):
    """Two kernels in a row that are zero from the first step to the last, and so get nothing."""
    rows = evidence.kernels
    if len(evidence) < FEWEST_STEPS_OF_ZERO:
        return []
    is_zero = (evidence.column("value_rms")[rows] == 0).all(axis=1)
    is_zero &= (evidence.column("gradient_rms")[rows] == 0).all(axis=1)
    pairs = np.flatnonzero(is_zero[:-1] & is_zero[1:] & evidence.connections.feeds_next[:-1])
    if not len(pairs):
        return []
    first, second = (int(rows[place]) for place in (pairs[0], pairs[0] + 1))
    text = (
        f"Its weights are all zero in each of {several(len(evidence), 'logged step')}, and so are "
        f"those of `{evidence.layer_of(second)}` after it: nothing comes through the two, and none "
        "of them ever gets a gradient."
    )
    return [Sighting(NO_GRADIENT, 0, text, first, (first, second), advice=ZEROS)]


def _of_the_whole(evidence, never):
    steps = int(evidence.is_asked.any(0).sum())
    when = several(steps, "step")
    text = f"None of the variables that the tape was asked for got one, in {when}."
    return Sighting(NO_GRADIENT, 0, text, rows=tuple(np.flatnonzero(never)))


def _first(evidence, row):
    return int(evidence.is_asked[row].argmax())
