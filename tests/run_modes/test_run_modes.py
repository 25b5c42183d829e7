"""In every way to run a step gtlog writes what it writes eagerly, and disturbs nothing."""

import re

import numpy as np
import pytest
import tensorflow as tf

from .events import assert_same, of_column
from .modes import COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
def test_cell(mode, logged, eager, column, record_property):
    """A column has tags, steps and values of the eager run, or what is stated in their place."""
    record_property("row", mode.row)
    record_property("mode", mode.name)
    record_property("column", column)
    record_property("unseen", mode.unseen.get(column, ""))
    record_property("altered", mode.altered.get(column, ""))
    actual, expected = of_column(logged.events, column), of_column(eager.events, column)
    assert expected
    if column in mode.unseen:
        assert actual == {}
    elif column in mode.altered:
        assert sorted(actual) == sorted(expected)
    else:
        assert_same(actual, expected, mode.rounding)


def test_what_is_not_seen_is_said_once(mode, logged):
    """One warning says what is missing; where nothing is missing, none is given."""
    if mode.notice is None:
        assert logged.notices == []
    else:
        assert len(logged.notices) == 1
        assert re.search(mode.notice, logged.notices[0])


def test_training_is_undisturbed(mode, decorated, bare):
    """Losses and final weights are those of the run without gtlog, random operations included."""
    np.testing.assert_allclose(decorated.losses, bare.losses, rtol=mode.tolerance, atol=0)
    for actual, expected in zip(decorated.task.weights(), bare.task.weights()):
        np.testing.assert_allclose(actual, expected, rtol=mode.tolerance, atol=mode.tolerance)


def test_nothing_is_traced_again(mode, decorated, bare):
    """Python runs the body of the step as often as in the run without gtlog."""
    assert decorated.task.traces - bare.task.traces == mode.more_traces


def test_a_checkpoint_holds_what_it_held(decorated, bare, tmp_path):
    """No variable is added to what the program saves."""

    def saved(task):
        path = tf.train.Checkpoint(module=task.module).save(str(tmp_path / "checkpoint"))
        return sorted(tf.train.list_variables(path))

    assert saved(decorated.task) == saved(bare.task)
