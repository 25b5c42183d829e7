"""What `gtlog show` sees in a directory, now and each time it looks again."""

import contextlib

from gtlog.diagnosis.faults import ALARM
from gtlog.diagnosis.judge import judge
from gtlog.diagnosis.words import several
from gtlog.reading.run import open_run
from gtlog.terminal.runs import lines_of_runs, runs_beneath, why_nothing
from gtlog.terminal.view import lines_of_run, lines_without_vitals, status_line

SHOWN, ALARMED, NOTHING = 0, 1, 2
"""Exit statuses."""

_MOST_RUNS = 20
_FALLBACK = "value_rms"  # of a run whose step has no InstrumentedTape


class Look:
    """Looks at a directory that may grow, or come later.

    Args:
      logdir: The directory, `str`.
      choice: A `Choice`.
      is_over: Whether a run is judged as one that is over. While it goes on, a fault that only the
        whole run proves is a note.

    Attributes:
      status: The exit status that fits what was seen last.
      findings: The findings of what was seen last, a list.

    Raises:
      ValueError: `logdir` is not on this machine.
    """

    def __init__(self, logdir, choice, is_over=True):
        self.status = NOTHING
        self.findings = []
        self._logdir = logdir
        self._choice = choice
        self._is_over = is_over
        self._folders = []
        self._runs = {}
        self._is_one = False
        runs_beneath(logdir)

    def refresh(self):
        """Reads what is new. Returns whether there was anything."""
        folders = runs_beneath(self._logdir)
        is_new = folders != self._folders
        self._folders = folders
        if not self._runs:
            self._is_one = len(folders) == 1
        news = [run.refresh() for run in self._runs.values()]
        for folder in [] if self._is_one and self._runs else folders[:_MOST_RUNS]:
            if folder not in self._runs:
                with contextlib.suppress(OSError):  # it has vanished again
                    self._runs[folder] = open_run(folder)
        return is_new or any(news)

    @property
    def has_something(self):
        """Whether there is a run to show."""
        return bool(self._runs)

    def lines(self, screen):
        """What there is to see, as lines of text; sets `status` and `findings`."""
        runs = list(self._runs.values())
        if not runs:
            return screen.wrapped(why_nothing(self._logdir))
        if self._is_one:
            return self._lines_of_one(runs[0], screen)
        count = max(len(self._folders), len(runs))
        lines, self.findings = lines_of_runs(runs, count, self._judged, screen)
        self.status = self._status_of_findings()
        return lines

    def line(self):
        """The state of the run, in one line."""
        if self._is_one and self._runs:
            return status_line(*self._runs.values(), self.findings)
        return several(len(self._runs), "run")

    def _lines_of_one(self, run, screen):
        choice = self._choice
        others = [one for one in self._folders if one != run.logdir]
        if not run.has_vitals:
            self.status, self.findings = NOTHING, []
            return lines_without_vitals(run, screen) + _of_others(others, screen)
        self.findings = self._judged(run)
        self.status = self._status_of_findings()
        if not any(choice.takes(path) for path in run.variables):
            self.status = NOTHING
            return _no_such_layer(run, choice, screen)
        choice = choice._replace(statistic=_statistic(run.table, choice))
        return lines_of_run(run, self.findings, choice, screen) + _of_others(others, screen)

    def _judged(self, run):
        # What was found while the run went on is more than what the table shows.
        if self._is_over or run.logged_findings:
            return run.findings
        return judge(run.table, is_whole=False)

    def _status_of_findings(self):
        is_alarm = any(one.severity == ALARM for one in self.findings)
        return ALARMED if is_alarm else SHOWN


def _statistic(table, choice):
    """The statistic to show: the one that was asked for, else the gradient if any is known."""
    if choice.statistic is not None:
        return choice.statistic
    is_there = "gradient_rms" in table.columns and (table.column("gradient_rms") >= 0).any()
    return "gradient_rms" if is_there else _FALLBACK


def _no_such_layer(run, choice, screen):
    names = ", ".join(screen.cut(path, 80) for path in run.variables[:12])
    more = len(run.variables) - 12
    return screen.wrapped(
        f"No variable of {run.logdir!r} matches {choice.layer.pattern!r}. There is: {names}"
        + (f" and {more:,} more." if more > 0 else ".")
    )


def _of_others(folders, screen):
    if not folders:
        return []
    names = ", ".join(screen.cut(folder, 200) for folder in folders[:3])
    more = f" and {len(folders) - 3} more" if len(folders) > 3 else ""
    return ["", *screen.wrapped(f"Other runs beneath: {names}{more}.")]
