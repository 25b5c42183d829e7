"""Diagnosis while the training runs: bounded memory, bounded cost, each finding given once."""

import time

import numpy as np

from gtlog.diagnosis.faults import ALARM, NONFINITE
from gtlog.diagnosis.judge import CONSEQUENCES, judge
from gtlog.vitals.columns import COLUMNS
from gtlog.vitals.table import VitalsTable

# Logged steps that are kept: the first ones, which show how the run began; the last ones; and every
# second, fourth, eighth ... step of the past in between.
FIRST_STEPS = 16
PAST_STEPS = 112
RECENT_STEPS = 64
MOST_STEPS = FIRST_STEPS + PAST_STEPS + RECENT_STEPS
# The most float32 numbers in memory, 64 MB. Of very large models fewer steps are kept.
MOST_NUMBERS = 16 * 2**20
FEWEST_KEPT = 24
# Share of the time of the logged steps that judging may take, and the seconds of a whole run that
# it may take before that share counts: most faults show in the first logged steps.
MOST_EFFORT = 0.02
HEAD_START = 0.1
# While a run uses up these seconds, it is judged each time that it has grown by this factor.
GROWTH = 1.5
# With fewer steps, consequences of a fault may show before the fault itself does.
FEWEST_STEPS = 8


class LiveDiagnosis:
    """Judges a run step by step.

    Memory holds at most 192 logged steps, and 64 MB. Judging takes at most a fiftieth of the time
    of the logged steps, and a tenth of a second for the run as a whole. If a judgement would
    take more, the step is kept and judged with a later one. Weights that become NaN are judged at
    once, since training may end with them.

    Args:
      clock: Function that returns seconds; for tests.

    Attributes:
      seconds: How many seconds keeping and judging have taken so far.
    """

    def __init__(self, clock=time.perf_counter):
        self.seconds = 0.0
        self._clock = clock
        self._kept = []
        self._count = 0
        self._stride = 1
        self._given = []
        self._allowed = 0.0
        self._judged = _Judged(0, 0.0, 0)
        self._is_lost = False
        self._is_over = False

    def add(self, step, rows, values, step_values=None, columns=COLUMNS, seconds=0.0):
        """Takes the vitals of a logged step, and judges the run if that costs little enough.

        Args:
          step: The step, `int`.
          rows: The variables, a sequence of `VariableRow`.
          values: Array `[variables, columns]`.
          step_values: Numbers by name, such as `{"loss": 0.3}`.
          columns: Names of the columns of `values`.
          seconds: How long the logged step took, so far as that is known.

        Returns:
          The findings that were not given before, a list of `Finding`.
        """
        started = self._clock()
        self._allowed += MOST_EFFORT * max(seconds, 0.0)
        self._keep((step, tuple(rows), values, step_values or {}, tuple(columns)))
        is_due = self._is_due() or self._is_urgent(values, columns)
        findings = self._new_findings(is_whole=False) if is_due else []
        took = self._clock() - started
        self.seconds += took
        if is_due:
            self._judged = _Judged(self._count, took, len(self._kept))
        return findings

    def findings(self):
        """All findings in the kept steps of the run, which may still go on; a list of `Finding`."""
        return judge(self.table(), is_whole=self._is_over)

    def close(self):
        """Judges the run as one that is over.

        Returns:
          The findings that were not given before, a list of `Finding`.
        """
        self._is_over = True
        return self._new_findings(is_whole=True) if len(self._kept) >= FEWEST_STEPS else []

    @property
    def last_step(self):
        """The last step that was added; None before the first."""
        return self._kept[-1][1][0] if self._kept else None

    def table(self):
        """The kept steps of the run, a `VitalsTable`."""
        table = VitalsTable.empty()
        for _, entry in self._kept:
            table = table.appended(*entry)
        return table

    def _is_due(self):
        """Whether a judgement is likely to cost so little that the run may be judged now."""
        if len(self._kept) < FEWEST_STEPS:
            return False
        after = self.seconds + self._judged.likely_seconds(len(self._kept))
        has_grown = self._count >= GROWTH * self._judged.count
        return after <= self._allowed or (has_grown and after <= self._allowed + HEAD_START)

    def _is_urgent(self, values, columns):
        """Whether weights have just become NaN: training may end before the next judgement."""
        if "value_nonfinite" not in columns or self._is_lost:
            return False
        counts = np.asarray(values)[:, list(columns).index("value_nonfinite")]
        self._is_lost = bool((counts > 0).any())
        return self._is_lost

    def _keep(self, entry):
        # A resumed run comes back to earlier steps.
        while self._kept and self._kept[-1][1][0] >= entry[0]:
            self._kept.pop()
        self._kept.append((self._count, entry))
        self._count += 1
        most = min(MOST_STEPS, max(FEWEST_KEPT, MOST_NUMBERS // max(np.size(entry[2]), 1)))
        if len(self._kept) > most:
            self._thin(most)

    def _thin(self, most):
        """Drops steps of the past so that the remaining ones are spread evenly."""
        first, recent = FIRST_STEPS * most // MOST_STEPS, RECENT_STEPS * most // MOST_STEPS
        while True:
            self._kept = [
                (number, entry)
                for number, entry in self._kept
                if number < first
                or number >= self._count - recent
                or number % self._stride == 0
            ]
            if len(self._kept) <= most - recent // 2:
                return
            self._stride *= 2

    def _new_findings(self, is_whole):
        new = []
        for finding in judge(self.table(), is_whole):
            if not any(_says(given, finding) for given in self._given):
                new.append(finding)
                self._given.append(finding)
        return new


def _says(given, finding):
    """Whether a finding that was given covers another one too.

    A fault is named once, since the layer that shows it best may change while the run goes on.
    Consequences of an alarm are not given either, except NaN, which ends the run.
    """
    if given.fault == finding.fault:
        return given.severity in (ALARM, finding.severity)
    if given.severity != ALARM or finding.fault == NONFINITE:
        return False
    follows = finding.fault in CONSEQUENCES[given.fault]
    return follows and finding.first_step >= given.first_step


class _Judged:
    """The last judgement.

    Args:
      count: How many logged steps there were.
      seconds: How long it took.
      kept: How many of the steps were kept.
    """

    def __init__(self, count, seconds, kept):
        self.count = count
        self._seconds = seconds
        self._kept = kept

    def likely_seconds(self, kept):
        """How many seconds a judgement of a number of kept steps is likely to take."""
        return self._seconds * kept / self._kept if self._kept else 0.0
