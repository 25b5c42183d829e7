"""Diagnosis while the training runs: bounded memory, bounded cost, each finding given once.

No logger uses it yet: first the rules have to be proven on trainings that they were not tuned on.
"""

import time

import numpy as np

from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.judge import judge
from gtlog.vitals.columns import COLUMNS
from gtlog.vitals.table import VitalsTable

# Logged steps that are kept: the first ones, which tell how the run began, the last ones, and in
# between every second, fourth, eighth ... step of the past.
FIRST_STEPS = 16
PAST_STEPS = 112
RECENT_STEPS = 64
MOST_STEPS = FIRST_STEPS + PAST_STEPS + RECENT_STEPS
# Share of the time of the logged steps that judging may take.
MOST_EFFORT = 0.02
# Before there are as many there is nothing to compare.
FEWEST_STEPS = 4


class LiveDiagnosis:
    """Judges a run step by step.

    Memory holds at most 192 logged steps. Judging takes at most a fiftieth of the time of the
    logged steps: a step that would exceed it is kept and judged with a later one.
    Weights that become NaN are judged at once, since training may end with it.

    Args:
      clock: Function that returns seconds; for tests.

    Attributes:
      seconds: How long keeping and judging have taken so far.
    """

    def __init__(self, clock=time.perf_counter):
        self.seconds = 0.0
        self._clock = clock
        self._kept = []
        self._count = 0
        self._stride = 1
        self._given = {}
        self._allowed = 0.0
        self._last = None
        self._is_lost = False

    def add(self, step, rows, values, step_values=None, columns=COLUMNS, seconds=None):
        """Takes what a logged step left, and judges the run where that costs little enough.

        Args:
          step: The step, `int`.
          rows: The variables, a sequence of `VariableRow`.
          values: Array `[variables, columns]`.
          step_values: Numbers by name, such as `{"loss": 0.3}`.
          columns: Names of the columns of `values`.
          seconds: How long the logged step took; None takes the time since the last one.

        Returns:
          The findings that were not given before, a list of `Finding`.
        """
        started = self._clock()
        self._allow(started, seconds)
        self._keep((step, tuple(rows), values, step_values or {}, tuple(columns)))
        is_due = len(self._kept) >= FEWEST_STEPS and self.seconds <= self._allowed
        is_due = is_due or self._is_urgent(values, columns)
        findings = self._new_findings(is_whole=False) if is_due else []
        self._last = self._clock()
        self.seconds += self._last - started
        return findings

    def findings(self):
        """All findings of what is kept of the run, which may still go on; a list of `Finding`."""
        return judge(self.table(), is_whole=False)

    def close(self):
        """Judges the run as one that is over.

        Returns:
          The findings that were not given before, a list of `Finding`.
        """
        return self._new_findings(is_whole=True)

    def table(self):
        """What is kept of the run, a `VitalsTable`."""
        table = VitalsTable.empty()
        for _, entry in self._kept:
            table = table.appended(*entry)
        return table

    def _is_urgent(self, values, columns):
        """Whether weights have just become NaN: training may end before the next judgement."""
        if "value_nonfinite" not in columns or self._is_lost:
            return False
        counts = np.asarray(values)[:, list(columns).index("value_nonfinite")]
        self._is_lost = bool((counts > 0).any())
        return self._is_lost

    def _allow(self, now, seconds):
        if seconds is None:
            seconds = 0.0 if self._last is None else now - self._last
        self._allowed += MOST_EFFORT * max(seconds, 0.0)

    def _keep(self, entry):
        # A resumed run comes back to earlier steps.
        while self._kept and self._kept[-1][1][0] >= entry[0]:
            self._kept.pop()
        self._kept.append((self._count, entry))
        self._count += 1
        if len(self._kept) > MOST_STEPS:
            self._thin()

    def _thin(self):
        """Drops steps of the past so that the others lie evenly over it."""
        recent = self._count - RECENT_STEPS
        while True:
            self._kept = [
                (number, entry)
                for number, entry in self._kept
                if number < FIRST_STEPS or number >= recent or number % self._stride == 0
            ]
            if len(self._kept) <= MOST_STEPS - RECENT_STEPS // 2:
                return
            self._stride *= 2

    def _new_findings(self, is_whole):
        new = []
        for finding in judge(self.table(), is_whole):
            if not self._is_given(finding):
                new.append(finding)
            for one in (finding, *finding.consequences):
                self._given.setdefault((one.fault, one.layer), one.severity)
            self._given[finding.fault, finding.layer] = finding.severity
        return new

    def _is_given(self, finding):
        severity = self._given.get((finding.fault, finding.layer))
        return severity == ALARM or severity == finding.severity
