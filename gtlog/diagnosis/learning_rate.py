"""How the learning rate changed where updates changed their size: a sentence for a finding.

Schedules, warm-up and restarts change the rate by any factor in healthy runs, so no rule uses it.
"""

import numpy as np

from gtlog.diagnosis.faults import UPDATES_TOO_LARGE, UPDATES_TOO_SMALL
from gtlog.diagnosis.words import figure
from gtlog.tags import LEARNING_RATE

# By which factor the rate rose or fell, and over how many logged steps: those before the onset, and
# one after it, since the smoothing of the rules shifts the onset by as much.
FACTOR = 5.0
BEFORE, AFTER = 4, 1


def sentence(sighting, table):
    """What the learning rates did when updates became too large or too small.

    Args:
      sighting: A `Sighting`.
      table: The `VitalsTable`, which may know no learning rate.

    Returns:
      A sentence, such as "The learning rate went from 0.01 to 1 at step 52."; empty for other
      faults, and if no rate changed much.
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
    """The columns between which a rate changed most around an onset; None if it changed little."""
    columns = np.arange(max(0, onset - BEFORE), min(len(rates), onset + AFTER + 1))
    with np.errstate(invalid="ignore"):
        columns = columns[(rates[columns] > 0) & np.isfinite(rates[columns])]
    logarithms = np.log(rates[columns]) * (1 if rises else -1)
    lowest = np.minimum.accumulate(logarithms) if len(columns) else logarithms
    if not len(columns) or (logarithms - lowest).max() < np.log(FACTOR):
        return None
    last = int((logarithms - lowest).argmax())
    # The last column with the least rate, since the rate may have stayed there for a while.
    first = int(np.flatnonzero(logarithms[:last] == lowest[last])[-1])
    return columns[first], columns[last]


def _told(rates, steps, first, last):
    change = f"went from {figure(rates[first])} to {figure(rates[last])}"
    if last == first + 1:
        return f"{change} at step {steps[last]:,}."
    return f"{change} between steps {steps[first]:,} and {steps[last]:,}."
