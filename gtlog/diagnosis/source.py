"""`gtlog.diagnose`: findings from any object that holds the vitals of a run."""

import os

from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.finding import Finding
from gtlog.diagnosis.judge import judge
from gtlog.reading.run import open_run
from gtlog.vitals.table import VitalsTable


def diagnose(source):
    """Says what is wrong with a training, in which layer, since when and what to try.

    Neither TensorFlow nor TensorBoard is needed.

    Args:
      source: A log directory, `str` or path; a `gtlog.Run`; a `gtlog.StepLogger`, whose steps so
        far are judged; or a `VitalsTable`.

    Returns:
      A list of `Finding`: alarms come first, then the order is that of their first steps. Empty if
      no rule sees a fault.

    Raises:
      OSError: the log directory cannot be read.
      ValueError: there are no vitals in it, or the logger was made with `diagnose=False`.
      TypeError: `source` is none of these.
    """
    if isinstance(source, VitalsTable):
        return judge(source)
    if hasattr(type(source), "_findings_so_far"):  # a StepLogger: nothing here imports TensorFlow
        return source._findings_so_far()
    run = open_run(source) if isinstance(source, (str, os.PathLike)) else source
    table = getattr(run, "table", None)
    if not isinstance(table, VitalsTable):
        raise TypeError(
            "diagnose takes a log directory, a Run, a StepLogger or a VitalsTable, got "
            f"{type(source).__name__}."
        )
    if not table.variables:
        raise ValueError(
            f"{run.logdir!r} has no vitals, from which the diagnosis is made: the summary "
            "gtlog.summaries.vitals() writes them. It is on unless summaries= leaves it out."
        )
    return judge(table)


def said(logged):
    """The findings of a run as it went on, each in the version that was reported last.

    Args:
      logged: `Run.logged_findings`, pairs of a step and the fields of a finding.

    Returns:
      A list of `Finding`: alarms come first, then the order is that of their first steps. Findings
      of a later version, whose fault is unknown, are left out.
    """
    findings = {}
    for _, fields in logged:
        try:
            finding = Finding.from_dict(fields)
        except (ValueError, TypeError):
            continue
        for one in (finding, *finding.consequences):
            findings.pop((one.fault, one.layer), None)
        findings[finding.fault, finding.layer] = finding
    return sorted(findings.values(), key=lambda one: (one.severity != ALARM, one.first_step))
