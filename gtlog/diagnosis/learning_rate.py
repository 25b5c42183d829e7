"""What the learning rate did where updates changed their size: words for a finding, never one.

Schedules, warm-up and restarts change it by any factor in healthy runs, so no rule asks for it.
"""

import numpy as np

from gtlog.diagnosis.faults import UPDATES_TOO_LARGE, UPDATES_TOO_SMALL
from gtlog.diagnosis.words import figure
from gtlog.tags import LEARNING_RATE

# How many times as large, or as small, the rate became, and over how many logged steps: those
# before the onset, and one after it, since what rules smooth is seen later or earlier by as much.
FACTOR = 5.0
BEFORE, AFTER = 4, 1


def sentence(sighting, table):
    """What the learning rates did at the onset of updates that are too large or too small.

    Args:
      sighting: A `Sighting`.
      table: The `VitalsTable`, which may know no learning rate.

    Returns:
      A sentence, such as "The learning rate went from 0.01 to 1 at step 52."; empty of other
      faults, and where no rate changed much.
    """
    if sighting.fault not in (UPDATES_TOO_LARGE, UPDATES_TOO_SMALL):
        return ""
    rises = sighting.fault == UPDATES_TOO_LARGE
    said = []
    for name, rates in table.step_values.items():
        kind, _, optimizer = name.partition("/")
        change = _change(rates, sighting.onset, rises) if kind == LEARNING_RATE else None
        if change is not None:
            of = f" of `{optimizer}`" if optimizer else ""
            said.append(f"The learning rate{of} {_told(rates, table.steps, *change)}")
    return " ".join(said)


def _change(rates, onset, rises):
    """The columns between which a rate changed most around an onset; None if not by much."""
    columns = np.arange(max(0, onset - BEFORE), min(len(rates), onset + AFTER + 1))
    with np.errstate(invalid="ignore"):
        columns = columns[(rates[columns] > 0) & np.isfinite(rates[columns])]
    logarithms = np.log(rates[columns]) * (1 if rises else -1)
    lowest = np.minimum.accumulate(logarithms) if len(columns) else logarithms
    if not len(columns) or (logarithms - lowest).max() < np.log(FACTOR):
        return None
    last = int((logarithms - lowest).argmax())
    # The last column with the least rate, which may have stayed so for a while.
    first = int(np.flatnonzero(logarithms[:last] == lowest[last])[-1])
    return columns[first], columns[last]


def _told(rates, steps, first, last):
    change = f"went from {figure(rates[first])} to {figure(rates[last])}"
    if last == first + 1:
        return f"{change} at step {steps[last]:,}."
    return f"{change} between steps {steps[first]:,} and {steps[last]:,}."
