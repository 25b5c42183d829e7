"""What the diagnosis finds while a training runs: written with the step, and reported once."""

import functools
import inspect

from gtlog import tags
from gtlog.diagnosis.faults import ALARM, NONFINITE
from gtlog.diagnosis.live import LiveDiagnosis
from gtlog.errors import TrainingWarning
from gtlog.notices import text
from gtlog.notices.users_line import calling_line
from gtlog.reading.vitals_files import rows_of
from gtlog.values import Strings, Table

_MOST_CHARACTERS = 4000


class LiveFindings:
    """Judges a run by the vitals of its logged steps, and reports each finding once.

    An alarm is given as a `TrainingWarning`; a note is written, but no warning is given. A function
    of the user's gets alarms and notes in place of the warnings.

    Args:
      diagnose: True, False, or a function of a `Finding`.
      failures: `Failures`, which gives the warnings after the step.

    Raises:
      TypeError: `diagnose` is something else.
    """

    def __init__(self, diagnose, failures):
        self._tell = _checked(diagnose)
        self._live = None if diagnose is False else LiveDiagnosis()
        self._failures = failures
        self._rows = {}
        self._new = []
        self._first_nonfinite = None
        self._is_seeing = False
        self._is_cut_short = False

    def values_of(self, step, values, seconds):
        """Looks at a logged step.

        Args:
          step: Number of the step.
          values: What the summaries yielded for it.
          seconds: How long logging it has taken so far.

        Returns:
          The values to write with the step: a list of `Strings`, empty if nothing is new.
        """
        if self._live is None:
            return []
        new = []
        with self._failures.guard("diagnose the training", step):
            new = self._live_findings(step, values, seconds)
        return self._given(new)

    def values_at_end(self):
        """Judges the run as one that is over. Returns the values to write with the last step.

        New findings are reported when the failures are raised.
        """
        if self._live is None or self._is_cut_short:
            return []
        new = []
        with self._failures.guard("diagnose the training at its end"):
            new = self._live.close()
        return self._given(new)

    def takes_nonfinite(self, what):
        """Whether a finding of the last step is about NaN; its warning then says `what` too.

        Args:
          what: What is known of the first NaN of the run, a text.
        """
        if NONFINITE not in [one.fault for one in self._new if one.severity == ALARM]:
            return False
        self._first_nonfinite = what
        return True

    def cut_short(self):
        """Notes that an exception ends the run. The run is then not judged as a whole."""
        self._is_cut_short = True

    def only_warn(self):
        """Gives warnings from now on where the user's function would be called.

        Where a logger is dropped or the program ends, nothing can catch what that function raises.
        """
        self._tell = None

    @property
    def last_step(self):
        """The last step that was looked at; None before the first."""
        return None if self._live is None else self._live.last_step

    def so_far(self):
        """All findings in the part of the run that is kept, a list of `Finding`.

        Raises:
          ValueError: nothing is kept, since the diagnosis is off or there are no vitals.
        """
        if self._live is None:
            raise ValueError(
                "The logger was made with diagnose=False, so it keeps nothing to judge. Give "
                "gtlog.diagnose the log directory."
            )
        if not self._is_seeing:
            raise ValueError(
                "The logger has logged no step with vitals, from which the diagnosis is made: the "
                "summary gtlog.summaries.vitals() writes them. It is on unless summaries= leaves "
                "it out."
            )
        return self._live.findings()

    def _live_findings(self, step, values, seconds):
        tables = [one for one in values if isinstance(one, Table)]
        vitals = [one for one in tables if tags.kind_of_table(one.tag) == tags.VITALS]
        if not vitals:
            self._say_what_lacks(step)
            return []
        self._is_seeing = True
        (table,) = vitals[-1:]
        return self._live.add(
            step, self._rows_of(table), table.array, _numbers(tables), table.header["columns"],
            seconds,
        )

    def _rows_of(self, table):
        """The rows of a table. The header is read once for each tag, since it stays the same."""
        known = self._rows.get(table.tag)
        if known is None or known[0] is not table.header:
            known = self._rows[table.tag] = (table.header, rows_of(table.header))
        return known[1]

    def _say_what_lacks(self, step):
        """Warns that the user's function will not be called; the default gives no warning."""
        if self._tell is not None and not self._is_seeing:
            self._failures.notice(
                f"diagnose is {self._tell!r}, but the summaries left no vitals at step {step}, "
                "from which findings are made. Add gtlog.summaries.vitals() to summaries.",
                once="no vitals",
            )

    def _given(self, new):
        self._new = new
        for finding in new:
            # One by one: if the user's function raises, the other findings wait for the next step.
            self._failures.put_off(functools.partial(self._say, finding))
        return [Strings(tags.FINDINGS, tuple(one.to_json() for one in new))] if new else []

    def _say(self, finding):
        if self._tell is not None:
            self._tell(finding)
        elif finding.severity == ALARM:
            line = calling_line() or self._failures.home
            line.warn(text.printable(self._message(finding), _MOST_CHARACTERS), TrainingWarning)

    def _message(self, finding):
        if finding.fault != NONFINITE or self._first_nonfinite is None:
            return str(finding)
        first, self._first_nonfinite = self._first_nonfinite, None
        return f"{first} {finding.advice}"


def _numbers(tables):
    """The numbers of the whole step by name."""
    numbers = {}
    for table in tables:
        if tags.kind_of_table(table.tag) == tags.STEPS:
            numbers.update(zip(table.header["names"], table.array.tolist()))
    return numbers


def _checked(diagnose):
    """The user's function; None where there is none."""
    if isinstance(diagnose, bool):
        return None
    rule = "diagnose must be True, False or a function of a gtlog.Finding"
    if not callable(diagnose):
        raise TypeError(
            f"{rule}, got {diagnose!r} ({type(diagnose).__name__}). Write diagnose=print to see "
            "each finding."
        )
    try:
        inspect.signature(diagnose).bind(None)
    except ValueError:  # it does not tell its parameters
        return diagnose
    except TypeError:
        raise TypeError(
            f"{rule}, got {diagnose!r}, which cannot be called with one argument. Write "
            "diagnose=print to see each finding."
        ) from None
    return diagnose
