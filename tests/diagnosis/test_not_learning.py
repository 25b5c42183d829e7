"""Not learning: what no layer explains."""

import numpy as np

from .judged import alarms, notes
from .training import Training


def test_shuffled_labels():
    """Labels that do not belong to their inputs are no layer's fault."""
    assert alarms(Training(shuffled=True, rate=3e-3).run(200)) == [("not_learning", None)]


def test_lost_inputs():
    """Inputs that are all zero are said, and no layer is."""
    table = Training(change_data=lambda x, labels: (0 * x, labels), rate=3e-3).run(200)
    assert alarms(table) == [("not_learning", None)]


def test_while_the_run_goes_on_it_is_a_note():
    """A plateau at the start may end."""
    table = Training(shuffled=True, rate=1e-2).run(200)
    assert alarms(table, is_whole=False) == []
    assert notes(table, is_whole=False) == [("not_learning", None)]


def test_not_of_a_run_that_learns_slowly():
    """A loss that falls below that of a guess has learned."""
    table = Training(rate=1e-3, activation="sigmoid").run(300, 3)
    assert np.isfinite(table.step_values["loss"]).all() and alarms(table) == []
