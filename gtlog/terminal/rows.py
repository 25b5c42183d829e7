"""The variables of a run as rows of one statistic, the worst first."""

import math
from typing import NamedTuple, Optional

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOTE
from gtlog.terminal.peers import compared
from gtlog.terminal.scales import scale_of
from gtlog.vitals.columns import COUNTS, FLAGS

_LOST = 100.0  # what counts as more than any distance
_RANKS = (ALARM, NOTE, None)


class Row(NamedTuple):
    """A variable and one statistic of it over the steps.

    Attributes:
      path: Path of the variable.
      heights: `[steps]` float array on the scale of the statistic; NaN where there is none.
      is_zero: `[steps]` bool array of exact zeros, where the scale has none.
      is_nonfinite: `[steps]` bool array of steps with NaN or infinite elements.
      now: The last number that is known; infinite or NaN where its elements are not finite.
      apart: How far it is at that step from what the variables of its role have in common, on the
        scale; NaN where that is not known or there are fewer than three of them.
      since: The step since which it stands out; None where it does not.
      severity: That of the worst finding that names it, `"alarm"` or `"note"`; else None.
      distance: How far it stands out: below 1 it is quiet.
    """

    path: str
    heights: np.ndarray
    is_zero: np.ndarray
    is_nonfinite: np.ndarray
    now: float
    apart: float
    since: Optional[int]
    severity: Optional[str]
    distance: float

    @property
    def is_quiet(self):
        """Whether no finding names it and it is near to where the others and its past are."""
        return self.severity is None and self.distance < 1.0


def rows_of(table, statistic, findings=()):
    """The rows of all variables, the worst first.

    First come those that an alarm names, then those of notes, then the others by how far they are
    from their role or have moved against it.

    Args:
      table: A `VitalsTable`.
      statistic: Name of one of its columns.
      findings: `Finding`s, which count with their consequences.

    Returns:
      A list of `Row`.
    """
    scale = scale_of(statistic)
    numbers = table.column(statistic).astype(np.float64)
    is_nonfinite = np.isinf(numbers) | _nonfinite_elements(table, statistic)
    is_zero = (numbers == 0) & ~is_nonfinite & scale.has_zeros
    heights = np.where(is_nonfinite | is_zero, np.nan, scale.height(numbers))
    roles = [row.role for row in table.variables]
    levels, changes, has_peers = compared(heights, is_zero, roles)
    far = np.where(has_peers[:, np.newaxis], np.abs(levels) / scale.far, 0.0)
    distances = np.fmax(far, np.abs(changes) / scale.moved)
    distances[is_nonfinite] = _LOST
    named = _named(table, findings)
    rows = []
    for place, variable in enumerate(table.variables):
        is_known = ~np.isnan(numbers[place]) | is_nonfinite[place]
        last = int(np.flatnonzero(is_known)[-1]) if is_known.any() else None
        severity, onset = named.get(place, (None, None))
        rows.append(
            Row(
                variable.path,
                heights[place],
                is_zero[place],
                is_nonfinite[place],
                _now(numbers[place], is_nonfinite[place], last),
                levels[place, last] if last is not None and has_peers[place] else math.nan,
                onset if severity else _since(table.steps, distances[place], last),
                severity,
                _distance(distances[place], is_nonfinite[place], last),
            )
        )
    return sorted(rows, key=_badness)


def _badness(row):
    """Alarms, then notes, each in the order in which they began; then the others by distance."""
    onset = row.since if row.severity else 0
    return _RANKS.index(row.severity), onset, -row.distance


def _nonfinite_elements(table, statistic):
    """Where elements of what the statistic is about are not finite."""
    about = "gradient_nonfinite" if statistic.startswith("gradient") else "value_nonfinite"
    if about not in table.columns or statistic in FLAGS:
        return False
    with np.errstate(invalid="ignore"):
        return table.column(about) > 0


def has_nonfinite(table):
    """At which steps a value or a gradient has an element that is not finite, `[steps]` bool."""
    nonfinite = np.zeros(len(table), bool)
    for name in COUNTS:
        if name in table.columns:
            with np.errstate(invalid="ignore"):
                nonfinite |= (table.column(name) > 0).any(axis=0)
    return nonfinite


def _now(numbers, is_nonfinite, last):
    if last is None:
        return math.nan
    return math.inf if is_nonfinite[last] else float(numbers[last])


def _since(steps, distances, last):
    """The step since which a row stands out without a break; None where it does not now."""
    if last is None or not distances[last] >= 1.0:
        return None
    known = np.flatnonzero(~np.isnan(distances[: last + 1]))
    calm = known[distances[known] < 1.0]
    after = known[known > calm[-1]] if calm.size else known
    return int(steps[after[0]])


def _distance(distances, is_nonfinite, last):
    if is_nonfinite.any():
        return _LOST
    return 0.0 if last is None or np.isnan(distances[last]) else float(distances[last])


def _named(table, findings):
    """The severity and the onset of what names a variable, by its place in the table."""
    named = {}
    for finding in findings:
        for one in (finding, *finding.consequences):
            for place, row in enumerate(table.variables):
                is_meant = row.path == one.variable if one.variable else row.layer == one.layer
                if not is_meant or one.layer is None:
                    continue
                known = named.get(place)
                if known is None or (known[0], one.severity) == (NOTE, ALARM):
                    named[place] = (one.severity, one.first_step)
    return named
