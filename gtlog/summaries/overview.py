"""The summaries for a model of many variables: few charts, and a table of every variable."""

import dataclasses
from typing import List, Optional

from gtlog.summaries.less_often import less_often
from gtlog.summaries.scalars import scalars
from gtlog.summaries.stock import charts
from gtlog.summaries.vitals import vitals
from gtlog.types import Every, Summary
from gtlog.values import joined


def overview(charts_every: Optional[Every] = None) -> List[Summary]:
    """The summaries for a model of many variables: their charts rarely, their vitals always.

    The stock summaries write each distribution and picture at each logged step. With hundreds of
    variables that is most of the log, and TensorBoard reads it for minutes. These write `vitals()`
    and `scalars()` at each logged step, which the diagnosis, the terminal and the page need, and
    the other stock summaries at few of them. The description of each of their charts says so, in
    TensorBoard beside the chart.

    Args:
      charts_every: When the charts are written, as for `less_often`: asked on logged steps alone.
        None takes the first logged step and those after it whose count is a power of two: of 1,000
        logged steps 11.

    Returns:
      List of summaries, to pass as `summaries`, or to put others beside: `[*overview(), mine]`.
      Each logger is given a list of its own.

    Raises:
      TypeError: `charts_every` is of the wrong kind.
      ValueError: `charts_every` is an int below 1.

    >>> from gtlog import StepRecord
    >>> [len(list(summary(StepRecord(0, losses=(0.5,))))) for summary in overview()]
    [1, 0, 0, 0, 0, 1]
    """
    rare = [_told(_rarely(summary, charts_every)) for summary in charts()]
    return [vitals(), *rare, scalars()]


def _rarely(summary, every):
    return less_often(summary, _Doubling() if every is None else every)


class _Doubling:
    """True at the first time that it is asked, and when the number of times before doubles."""

    def __init__(self):
        self._asked = 0

    def __call__(self, step):
        number, self._asked = self._asked, self._asked + 1
        return number & (number - 1) == 0


def _told(summary):
    """The summary; the description of each value says that most steps leave it out."""

    def summarize(record):
        for value in summary(record):
            if hasattr(value, "description"):
                value = dataclasses.replace(value, description=joined(value.description, _NOTE))
            yield value

    summarize.__qualname__ = summary.__qualname__
    return summarize


_NOTE = (
    "Left out at most logged steps, as `summaries.overview()` does: the norms and extremes of every"
    " variable at each logged step are in the table `gtlog/vitals`."
)
