"""Not updated: a gradient arrives in each step, and the weight does not change.

The reason, which is exact: an optimizer that gets a gradient other than zero changes the variable.
Only the whole run tells this fault from progressive unfreezing, so while a run goes on it is a
note. Steps that change nothing at all (accumulation, a skipped step of a loss scale) do not count.
Neither does a layer that the tape is not asked for. Nor does a step whose update the weights would
round away: with a gradient that has vanished, at the end of a schedule, in bfloat16. From some step
on a layer may be frozen on purpose; but a kernel is not frozen if it stands still while the bias
beside it moves.

Source: SageMaker Debugger's UnchangedTensor and TheDeepChecker's "untrained", which look at three
steps. Looking at the whole run, and comparing with other variables, is our own.
"""

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOT_UPDATED, NOTE
from gtlog.diagnosis.robust import to_the_end
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import figure, several

# Logged steps in which others were updated, and the training steps that they span.
FEWEST_STEPS = 3
FEWEST_SPANNED = 10
# If no variable is updated at all: more steps than anyone accumulates over.
FEWEST_SPANNED_BY_ALL = 100
FEWEST_STEPS_OF_ALL = 5
# If it stands still since some step: logged steps from there to the end.
FEWEST_STILL = 4
# Half the distance from 1 to the next number of a type. A change of a weight is lost if it is
# smaller than this share of the weight.
ROUNDED = {"float64": 2.0**-53, "float16": 2.0**-11, "bfloat16": 2.0**-8}
ROUNDED_FLOAT32 = 2.0**-24


def find(evidence):
    """The layers that got gradients and never changed."""
    if len(evidence) < FEWEST_STEPS:
        return []
    has_gradient = evidence.is_asked & (evidence.column("gradient_rms") > 0)
    has_changed = (evidence.changed | evidence.moved).any(1)
    trained = has_gradient.any(1)
    if trained.any() and not has_changed[trained].any():
        return _of_the_whole(evidence, has_gradient)
    counted = has_gradient & evidence.applied & ~_is_rounded_away(evidence)
    suspects = trained & ~has_changed & (counted.sum(1) >= FEWEST_STEPS)
    suspects &= _spanned(evidence, counted) >= FEWEST_SPANNED
    suspects[[row for row in np.flatnonzero(suspects) if not _counts(evidence, row)]] = False
    found = [_of_layer(evidence, rows, counted) for rows in _by_layer(evidence, suspects)]
    return found or _since_some_step(evidence, counted & ~suspects[:, None])


def _is_rounded_away(evidence):
    """Where the weights are too large for the update that their gradient leads to.

    The other variables show how much of a gradient becomes an update: it is the most that any
    of them makes of its own gradient in that step.
    """
    gradient = evidence.column("gradient_rms")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.where(evidence.changed, evidence.column("update_rms") / gradient, np.nan)
    most = np.where(np.isfinite(share), share, 0.0).max(0, initial=0.0)
    rounded = np.array([ROUNDED.get(row.dtype, ROUNDED_FLOAT32) for row in evidence.rows])
    with np.errstate(invalid="ignore", over="ignore"):
        is_small = gradient * most < rounded[:, None] * evidence.column("value_rms")
    return is_small & (most > 0)


def _counts(evidence, row):
    return len(evidence.rows[row].shape) >= 2


def _spanned(evidence, flags):
    """Number of training steps from the first to the last flagged one."""
    first = flags.argmax(1)
    last = flags.shape[1] - 1 - flags[:, ::-1].argmax(1)
    return evidence.steps[last] - evidence.steps[first]


def _by_layer(evidence, suspects):
    layers = {}
    for row in np.flatnonzero(suspects):
        layers.setdefault(evidence.layer_of(row), []).append(int(row))
    return layers.values()


def _of_layer(evidence, rows, counted):
    row = rows[0]
    gradient = evidence.column("gradient_rms")[row]
    steps = counted[row]
    others = int((evidence.changed.any(1) & evidence.is_trained).sum())
    text = (
        f"A gradient arrives (root mean square {figure(np.median(gradient[steps]))}) in "
        f"{several(int(steps.sum()), 'logged step')}, and the weights are still what they were at "
        f"first, while {several(others, 'other variable')} change."
    )
    severity = ALARM if evidence.is_whole else NOTE
    onset = int(steps.argmax())
    return Sighting(NOT_UPDATED, onset, text, row, tuple(rows), severity=severity)


def _since_some_step(evidence, counted):
    """The layers that did change, and no longer do."""
    still = counted & ~(evidence.changed | evidence.moved)
    # Steps that do not count neither begin nor end such a period.
    lasting = to_the_end(still | ~counted) & counted
    number = lasting.sum(1)
    places = (number >= FEWEST_STILL) & (_spanned(evidence, lasting) >= FEWEST_SPANNED)
    places[[row for row in np.flatnonzero(places) if not _counts(evidence, row)]] = False
    return [_stands_still(evidence, rows, lasting) for rows in _by_layer(evidence, places)]


def _stands_still(evidence, rows, lasting):
    row = rows[0]
    onset = int(lasting[row].argmax())
    gradient = evidence.column("gradient_rms")[row]
    beside = [other for other in evidence.rows_beside(row) if evidence.changed[other, onset:].any()]
    text = (
        f"A gradient arrives (root mean square {figure(np.median(gradient[lasting[row]]))}), and "
        f"the weights have not changed in {several(int(lasting[row].sum()), 'logged step')}, as "
        "they did before"
    )
    if beside:
        text += f", while `{evidence.rows[beside[0]].path}` beside them does."
        return Sighting(NOT_UPDATED, onset, text, row, tuple(rows))
    text += ". Where it was frozen on purpose, do not ask the tape for it any longer."
    return Sighting(NOT_UPDATED, onset, text, row, tuple(rows), severity=NOTE)


def _of_the_whole(evidence, has_gradient):
    steps = has_gradient.any(0)
    spanned = int(_spanned(evidence, steps[None])[0])
    if spanned < FEWEST_SPANNED_BY_ALL or steps.sum() < FEWEST_STEPS_OF_ALL:
        return []
    text = (
        f"Gradients arrive in {several(int(steps.sum()), 'logged step')}, and none of "
        f"{several(int(has_gradient.any(1).sum()), 'variable')} has changed in {spanned:,} steps."
    )
    advice = "Is apply_gradients called, with a learning rate above zero? Is the gradient used?"
    return [Sighting(NOT_UPDATED, int(steps.argmax()), text, advice=advice)]
