"""How right a diagnosis is: counted over runs whose labels were fixed beforehand."""

from typing import Any, NamedTuple, Tuple

import numpy as np

from benchmarks.faults.published import PUBLISHED, Verdict, verdicts
from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.judge import judge

GTLOG = "gtlog"


class Judged(NamedTuple):
    """A run, and what one diagnosis says of it.

    Attributes:
      run: The `Faulty` or `HealthyRun`.
      faults, layers: The labels; empty of a healthy run. None among the layers is none to name.
      alarms: `Verdict`s, the most important first.
      delay: Logged steps from the onset to the step that the first alarm names, below zero where
        that lies before the onset; NaN without an alarm.
    """

    run: Any
    faults: frozenset
    layers: frozenset
    alarms: Tuple[Verdict, ...]
    delay: float = np.nan

    @property
    def is_found(self):
        """Whether there is an alarm."""
        return bool(self.alarms)

    @property
    def is_right_fault(self):
        """Whether the first alarm has the right fault."""
        return self.is_found and self.alarms[0].fault in self.faults

    @property
    def is_right_layer(self):
        """Whether the first alarm names a right layer, or none where that is right."""
        return self.is_found and self.alarms[0].layer in self.layers

    @property
    def is_local(self):
        """Whether the fault is that of a layer."""
        return None not in self.layers

    @property
    def begins_later(self):
        """Whether no fault is there from the first step on."""
        return all(one.onset > 0 for one in self.run.plants)

    @property
    def is_nameless(self):
        """Whether no layer explains the fault."""
        return self.layers == {None}


def by_gtlog(table):
    """The alarms of gtlog, as verdicts."""
    return tuple(
        Verdict(one.fault, one.layer, one.first_step)
        for one in judge(table)
        if one.severity == ALARM
    )


def diagnoses():
    """All that are compared, by name: functions from a table to verdicts."""
    others = {
        name: lambda table, rule=rule: tuple(verdicts(rule, table))
        for name, rule in PUBLISHED.items()
    }
    return {GTLOG: by_gtlog, **others}


def judged_faulty(trace, table, layers, diagnosis):
    """A faulty run with what a diagnosis says; `layers` are sets of names, one for each plant."""
    run = trace.run
    alarms = diagnosis(table)
    names = frozenset(
        None if layer is None else trace.paths[layer] for one in layers for layer in one
    )
    labels = frozenset().union(*(one.faults for one in run.plants))
    return Judged(run, labels, names, alarms, _delay(table.steps, run.plants, alarms))


def _delay(steps, plants, alarms):
    """Logged steps from a fault's onset to the first alarm's; of two faults the nearer one."""
    if not alarms:
        return np.nan
    named = np.searchsorted(steps, alarms[0].step)
    return float(min((named - np.searchsorted(steps, one.onset) for one in plants), key=abs))


def judged_healthy(trace, table, diagnosis):
    """A healthy run with what a diagnosis says."""
    return Judged(trace.run, frozenset(), frozenset(), diagnosis(table))


class Score(NamedTuple):
    """The figures of one diagnosis.

    Shares are of all runs of the kind, found or not; but of those dated too early, of the found
    ones whose fault begins after the first step.
    """

    faulty: int
    healthy: int
    recall: float
    right_fault: float
    right_layer: float
    no_layer: float
    false_alarms: int
    alarms_per_run: float
    delay: float
    too_early: float


def score(faulty, healthy):
    """Counts.

    Args:
      faulty, healthy: Lists of `Judged`.
    """
    local = [one for one in faulty if one.is_local]
    nameless = [one for one in faulty if one.is_nameless]
    found = [one for one in faulty if one.is_found]
    return Score(
        faulty=len(faulty),
        healthy=len(healthy),
        recall=_share(one.is_found for one in faulty),
        right_fault=_share(one.is_right_fault for one in faulty),
        right_layer=_share(one.is_right_layer for one in local),
        no_layer=_share(not any(a.layer for a in one.alarms) for one in nameless),
        false_alarms=sum(one.is_found for one in healthy),
        alarms_per_run=float(np.mean([len(one.alarms) for one in found])) if found else np.nan,
        delay=float(np.median([abs(one.delay) for one in found])) if found else np.nan,
        too_early=_share(one.delay < 0 for one in found if one.begins_later),
    )


def _share(flags):
    flags = list(flags)
    return float(np.mean(flags)) if flags else float("nan")


def misses(faulty, healthy):
    """What went wrong, a line each: not found, wrong fault, wrong layer, false alarm."""
    for one in faulty:
        if not (one.is_right_fault and one.is_right_layer):
            yield f"{_what(one)}: {one.run.name} -> {_said(one.alarms)}"
    for one in healthy:
        if one.is_found:
            yield f"false alarm: {one.run.name} -> {_said(one.alarms)}"


def _what(one):
    if not one.is_found:
        return "not found"
    return "wrong layer" if one.is_right_fault else "wrong fault"


def _said(alarms):
    return ", ".join(f"{a.fault} ({a.layer or 'no layer'}, {a.step})" for a in alarms) or "nothing"
