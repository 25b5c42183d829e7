"""What a door shows of a run, wherever it came from."""

import os
from typing import Any, NamedTuple, Optional, Tuple

from gtlog.diagnosis import diagnose
from gtlog.looking.details import DetailsOfRun
from gtlog.reading.run import Run, open_run
from gtlog.variables.roles import role_of
from gtlog.vitals.table import VariableRow, VitalsTable, layer_of

_MOST_SERIES = 16  # numbers of steps that are drawn of a run without vitals


class ShownRun(NamedTuple):
    """What a door shows of a run.

    Attributes:
      name: What the run is called on the page.
      table: The `VitalsTable`; one without variables where the run has no vitals.
      findings: `gtlog.Finding`s, the most important first.
      notes: Sentences on what could not be read or is not there.
      details: A `DetailsOfRun`, the histograms and pictures of single variables; None where there
        are none, or where the page asks for them one by one.
    """

    name: str
    table: VitalsTable
    findings: Tuple[Any, ...] = ()
    notes: Tuple[str, ...] = ()
    details: Optional[DetailsOfRun] = None


def shown_run(source, name=None):
    """What a door shows of a run.

    Args:
      source: A log directory, `str` or path; a `gtlog.Run`; a `VitalsTable`; or a `ShownRun`.
      name: What the run is called on the page; None takes the directory of a run.

    Returns:
      A `ShownRun`.

    Raises:
      OSError, ValueError: the log directory cannot be read.
      TypeError: `source` is none of these.
    """
    if isinstance(source, ShownRun):
        return source if name is None else source._replace(name=name)
    if isinstance(source, (str, os.PathLike)):
        source = open_run(source)
    if isinstance(source, VitalsTable):
        return ShownRun(name or "run", source, _findings(source))
    if not isinstance(source, Run):
        raise TypeError(
            "A page shows log directories, Runs, VitalsTables and ShownRuns, got "
            f"{type(source).__name__}."
        )
    name = name or _name_of(source.logdir)
    if source.has_vitals:
        notes = tuple(source.problems)
        details = DetailsOfRun(source)
        return ShownRun(name, source.table, tuple(source.findings), notes, details)
    return _without_vitals(source, name)


def _name_of(logdir):
    return os.path.basename(os.path.abspath(logdir)) or logdir


def _findings(table):
    return tuple(diagnose(table)) if table.variables else ()


def _without_vitals(run, name):
    """A run of an older gtlog, or of another tool: the numbers that it has."""
    scalars = [tag for tag in run.tags if run.kind_of(tag) == "scalar"]
    details = DetailsOfRun(run)
    table, left_out = _table_of_scalars(run, scalars, details.steps())
    notes = [_what_is_missing(run, scalars)]
    if left_out:
        notes.append(f"The first {_MOST_SERIES} scalars are drawn, and {left_out} are not.")
    return ShownRun(name, table, (), (*notes, *run.problems), details)


def _what_is_missing(run, scalars):
    there = []
    for kind in ("scalar", "histogram", "image"):
        number = sum(run.kind_of(tag) == kind for tag in run.tags)
        if number:
            there.append(f"{number} tags of the kind {kind}")
    if not run.tags:
        return "There is no value in the event files of this run yet."
    return (
        "This run has no vitals, and so neither a picture of all layers nor findings: it "
        "was written by an older gtlog, by another tool, or without gtlog.summaries.vitals(). "
        f"There is: {', '.join(there) or 'nothing that is drawn here'}."
    )


def _table_of_scalars(run, scalars, steps):
    """The numbers as a table without columns, of their steps and others; how many are not in it."""
    shown = scalars[:_MOST_SERIES]
    series = {tag: _readable(run, tag) for tag in shown}
    steps = sorted({*steps, *(step for one in series.values() for step in one)})
    nan = float("nan")
    values = {tag: [one.get(step, nan) for step in steps] for tag, one in series.items()}
    return VitalsTable(steps, _rows(run), {}, values), len(scalars) - len(shown)


def _rows(run):
    """The variables that appear in tags; their shapes are not known."""
    return tuple(
        VariableRow(path, layer_of(path), role_of(path), (), "", None, place)
        for place, path in enumerate(run.variables)
    )


def _readable(run, tag):
    try:
        return run.scalars(tag)
    except (ValueError, OSError):  # said in the problems of the run
        return {}
