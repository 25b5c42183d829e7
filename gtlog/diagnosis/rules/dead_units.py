"""Dead units: units of a kernel that get a gradient of exactly zero over a whole window.

The reason: a ReLU leaves a unit without a gradient for some inputs; a unit that gets none from a
whole batch, step after step, is dead. Where all units of a layer are dead, everything before it
and the kernel after it get nothing either, but the bias after it does: this tells which layer it
is. What an output layer leaves out (actions that are not taken) and small batches are healthy,
so the share must stand over a window, and be far from its own past or from that of its peers.

Source: AUTOTRAINER counts zero entries of the gradient (0.7); units over a window are our own.
"""

import numpy as np

from gtlog.diagnosis.faults import DEAD_UNITS
from gtlog.diagnosis.robust import least
from gtlog.diagnosis.sighting import Sighting
from gtlog.diagnosis.words import percent, several

ALL = 0.999
# Share of units: more than ReLU sparsity of a healthy layer.
MOST = 0.8
# Share that has died since the beginning.
RISE = 0.4
LEAST_OF_RISE = 0.5
WINDOW = 5
FEWEST_UNITS = 4


def find(evidence):
    """The layer with dead units; where several have them, the earliest and nearest to the loss."""
    kernels = evidence.kernels
    share = np.where(evidence.is_asked[kernels], evidence.column("dead_units")[kernels], np.nan)
    if share.shape[1] < WINDOW or not len(kernels):
        return []
    standing = least(share, WINDOW)
    beginning = np.nanmin(np.where(np.isnan(share), np.inf, share)[:, :WINDOW], axis=1)[:, None]
    is_hidden = np.array([_is_hidden(evidence, row) for row in kernels], bool)[:, None]
    with np.errstate(invalid="ignore"):
        is_dead = (standing >= MOST) | (
            (standing >= LEAST_OF_RISE) & (standing - beginning >= RISE)
        )
    is_dead &= is_hidden
    lasting = np.logical_and.accumulate(is_dead[:, ::-1], axis=1)[:, ::-1]
    if not lasting.any():
        return []
    return [_sighting(evidence, share, lasting)]


def _is_hidden(evidence, row):
    """Whether it is no output layer, and has enough units to speak of a share."""
    return row != evidence.kernels[-1] and evidence.rows[row].shape[-1] >= FEWEST_UNITS


def _sighting(evidence, share, lasting):
    starts = np.where(lasting.any(1), lasting.argmax(1), lasting.shape[1])
    onset = int(starts.min())
    places = np.flatnonzero(starts <= onset + 1)
    place = _place(evidence, places, share)
    row = int(evidence.kernels[place])
    dead = share[place, -WINDOW:].min()
    others = np.delete(share[:, -WINDOW:], np.flatnonzero(lasting.any(1)), axis=0)
    usual = f"; elsewhere it is {percent(np.nanmedian(others))}" if others.size else ""
    text = (
        f"{percent(dead)} of its {several(evidence.rows[row].shape[-1], 'unit')} get a gradient of "
        f"exactly zero in each of the last {several(share.shape[1] - onset + WINDOW - 1, 'logged step')}{usual}."
    )
    rows = tuple(int(evidence.kernels[one]) for one in np.flatnonzero(lasting.any(1)))
    return Sighting(DEAD_UNITS, max(0, onset - WINDOW + 1), text, row, rows)


def _place(evidence, places, share):
    """The last kernel of those that are dead; the one before where its bias is alive."""
    last = int(places[-1])
    if share[last, -1] < ALL or len(places) == 1:
        return last
    return int(places[-2]) if evidence.has_live_bias(int(evidence.kernels[last])) else last
