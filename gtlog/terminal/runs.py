"""Which runs a directory holds, and what to say where it is not one."""

import os

from gtlog.diagnosis.words import several
from gtlog.reading.events import event_files, local_path
from gtlog.terminal.view import status_line

_MOST_NAME = 200


def runs_beneath(logdir):
    """The directories that hold event files, `logdir` itself or beneath it; a sorted list of `str`.

    Raises:
      ValueError: `logdir` is not on this machine.
    """
    return sorted({os.path.dirname(path) for path in event_files(local_path(logdir))})


def lines_of_runs(runs, count, judged, screen):
    """Several runs, a line each, and how to look at one.

    Args:
      runs: `gtlog.Run`s that are shown.
      count: How many there are.
      judged: Function from a `gtlog.Run` to its findings.
      screen: A `Screen`.

    Returns:
      Lines of text, a list of `str`; and the findings of the runs that are shown, a list.
    """
    text = f"{several(count, 'run')}. Give the directory of one to see its variables:"
    lines, found = [*screen.wrapped(text), ""], []
    for run in runs:
        findings = judged(run) if run.has_vitals else []
        found += findings
        text = f"{screen.cut(run.logdir, _MOST_NAME)}: {status_line(run, findings)}"
        severity = findings[0].severity if findings else None
        lines += [screen.styled(line, severity) for line in screen.wrapped(text, "  ")]
    if count > len(runs):
        lines.append(f"{screen.ellipsis} {count - len(runs):,} more")
    return lines, found


def why_nothing(logdir):
    """Why there is nothing to show of a directory, and what to do, as a sentence or two."""
    if not os.path.exists(logdir):
        return (
            f"There is no directory {logdir!r}. Give the one that the writer was made with; "
            "--follow waits for a run to begin."
        )
    if not os.path.isdir(logdir):
        return f"{logdir!r} is a file. Give the directory that it is in."
    return (
        f"There is no event file in {logdir!r}, nor beneath: no step has been logged there yet. "
        "--follow waits for a run to begin."
    )
