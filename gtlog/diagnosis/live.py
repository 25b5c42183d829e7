"""Diagnosis while the training runs: bounded memory, bounded cost, each finding given once."""

import time

import numpy as np

from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.judge import judge
from gtlog.vitals.table import VitalsTable

# Logged steps that are kept: the first ones, which tell how the run began, the last ones, and in
# between every second, fourth, eighth ... step of the past.
FIRST_STEPS = 16
PAST_STEPS = 112
RECENT_STEPS = 64
# Share of the time of the logged steps that judging may take.
MOST_EFFORT = 0.02
# Before the first judgement there is nothing to compare.
FEWEST_STEPS = 4


class LiveDiagnosis:
    """Judges a run step by step.

    Args:
      clock: Function that returns seconds; for tests.
    """

    def __init__(self, clock=time.perf_counter):
        self._clock = clock
        self._rows = ()
        self._kept = []
        self._thinning = 1
        self._seen = 0
        self._given = {}
        self._spent = 0.0
        self._allowed = 0.0
        self._last = None

    def add(self, step, rows, values, step_values, seconds=None):
        """Takes what a logged step left, and judges the run where that costs little enough.

        Args:
          step: The step, `int`.
          rows: The variables, a sequence of `VariableRow`.
          values: Arrays `[variables]` by the name of their column.
          step_values: Numbers by name, such as `{"loss": 0.3}`.
          seconds: How long the logged step took; None takes the time since the last one.

        Returns:
          The findings that were not given before, a list of `Finding`.
        """
        self._account_for(seconds)
        started = self._clock()
        self._keep(step, tuple(rows), values, step_values)
        findings = self._new_findings() if self._is_due(values, step_values) else []
        self._last = self._clock()
        self._spent += self._last - started
        return findings

    def findings(self):
        """All findings of what is kept of the run so far, which may still go on."""
        return judge(self.table(), is_whole=False) if self._kept else []

    def close(self):
        """Judges the run as one that is over.

        Returns:
          The findings that were not given before.
        """
        return self._new_findings(is_whole=True) if self._kept else []

    def table(self):
        """What is kept of the run, a `VitalsTable`."""
        table = VitalsTable.empty()
        for step, rows, values, step_values in self._kept:
            table = table.appended(step, rows, values, step_values)
        return table

    def _account_for(self, seconds):
        now = self._clock()
        if seconds is None:
            seconds = 0.0 if self._last is None else now - self._last
        self._allowed += MOST_EFFORT * max(seconds, 0.0)

    def _is_due(self, values, step_values):
        if self._seen < FEWEST_STEPS:
            return False
        return self._spent <= self._allowed

    def _keep(self, step, rows, values, step_values):
        self._seen += 1
        self._kept.append((step, rows, values, step_values))
        if len(self._kept) <= FIRST_STEPS + PAST_STEPS + RECENT_STEPS:
            return
        first, past = self._kept[:FIRST_STEPS], self._kept[FIRST_STEPS:-RECENT_STEPS]
        self._kept = first + past[::2] + self._kept[-RECENT_STEPS:]

    def _new_findings(self, is_whole=False):
        new = []
        for finding in judge(self.table(), is_whole):
            if not self._is_given(finding):
                new.append(finding)
            for one in (finding, *finding.consequences):
                self._given[one.fault, one.layer] = one.severity
        return new

    def _is_given(self, finding):
        severity = self._given.get((finding.fault, finding.layer))
        return severity == ALARM or severity == finding.severity
