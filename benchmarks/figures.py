"""What the measurements come to: rows of figures that have a bar, and of cases side by side."""

import dataclasses
from typing import Optional, Tuple, Union

import numpy as np

AT_LEAST, AT_MOST, EXACTLY = "at least", "at most", "exactly"

BARE = "bare step"
USUAL_EAGER = "usual loop, eager"
USUAL_IN_GRAPH = "usual loop, tf.function"
KERAS = "Keras callback"
GTLOG = "gtlog"
GTLOG_BENEATH = "gtlog beneath"
# The columns of the comparison; what else a row measures stands behind them.
ALTERNATIVES = (BARE, USUAL_EAGER, USUAL_IN_GRAPH, KERAS, GTLOG, GTLOG_BENEATH)


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of repeated measurements, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values, scale=1.0):
        """The spread of some numbers, one number among them."""
        low, median, high = np.percentile(np.asarray(values, np.float64) * scale, [25, 50, 75])
        return cls(float(median), float(low), float(high))


@dataclasses.dataclass(frozen=True)
class Case:
    """One of the things that a row measures.

    Attributes:
      name: One of `ALTERNATIVES`, or what else it is.
      spread: What was measured.
      unit: What it is measured in.
    """

    name: str
    spread: Spread
    unit: str


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A case that was not measured, and why."""

    name: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Bar:
    """What a figure is to reach.

    Attributes:
      sense: `AT_LEAST`, `AT_MOST` or `EXACTLY`.
      value: The bar itself.
      aim: What is hoped for beyond it, if anything.
    """

    sense: str
    value: float
    aim: Optional[float] = None

    def is_met(self, measured, value=None):
        """Whether a measured number reaches the bar, or another value in its place."""
        value = self.value if value is None else value
        if self.sense == AT_LEAST:
            return measured >= value
        return measured <= value if self.sense == AT_MOST else measured == value


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a row.

    Attributes:
      name: What the number is.
      spread: What was measured.
      unit: What it is measured in; `"x"` for a ratio.
      bar: What it is to reach; None for a number that is only told.
    """

    name: str
    spread: Spread
    unit: str
    bar: Optional[Bar] = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the report.

    Attributes:
      key: What the command line calls it.
      title: What is measured.
      figures: Each `Figure`.
      cases: Each `Case`, or `Skipped` one.
      notes: Sentences on how it was measured.
    """

    key: str
    title: str
    figures: Tuple[Figure, ...]
    cases: Tuple[Union[Case, Skipped], ...]
    notes: Tuple[str, ...] = ()
