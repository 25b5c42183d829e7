"""In every way to run a step gtlog writes what it writes eagerly, and disturbs nothing."""

import re

import numpy as np
import pytest
import tensorflow as tf

from gtlog.vitals.columns import FLAGS

from .events import assert_same, column_of, of_column, part_of_vitals, step_values, vitals
from .modes import COLUMNS
from .rows.fit import FitTask

RATE = "learning_rate"


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


def test_vitals(mode, logged, eager):
    """Each number of the vitals is that of the eager run; NaN where the mode cannot see it."""
    actual, expected = vitals(logged.events), vitals(eager.events)
    assert expected
    if "weights" in mode.unseen:
        assert actual == {}
        return
    assert set(actual) == set(expected)
    sizes = {key[:2]: number for key, number in expected.items() if key[2] == "value_rms"}
    for (step, path, name), number in expected.items():
        parts = part_of_vitals(name)
        if any(part in mode.unseen for part in parts):
            is_known = name in FLAGS and not np.isnan(actual[step, path, name])
            number = number if is_known else np.nan  # a gradient may be seen and not its numbers
        elif any(part in mode.altered for part in parts):
            continue
        slack = mode.rounding * _slack_of(name, sizes[step, path])
        np.testing.assert_allclose(
            actual[step, path, name],
            number,
            rtol=mode.rounding,
            atol=1e-7 + slack,
            err_msg=f"{name} of {path} at step {step}",
        )


def _slack_of(name, size):
    """How many times the rounding of a mode a number may differ by that is not relative to it."""
    if name.startswith("sketch"):
        return max(size, 1e-3)
    return {"descent": 10.0, "gradient_zeros": 100.0, "dead_units": 100.0}.get(name, 0.0)


def test_values_of_steps(mode, logged, eager):
    """The table of the step has the losses and norms of the eager run that the mode can see."""
    actual, expected = (
        {key: number for key, number in step_values(one.events).items() if key[1] != RATE}
        for one in (logged, eager)
    )
    seen = {key: one for key, one in expected.items() if column_of(key[1]) not in mode.unseen}
    assert set(actual) == set(seen)
    for (step, name), number in seen.items():
        if column_of(name) not in mode.altered:
            np.testing.assert_allclose(
                actual[step, name], number, rtol=mode.rounding, atol=1e-6, err_msg=name
            )


def test_learning_rates(logged):
    """Each table of a step has the learning rate, where the step holds the optimizer; else none."""
    numbers = step_values(logged.events)
    rates = {step: number for (step, name), number in numbers.items() if name == RATE}
    is_held = isinstance(logged.task, FitTask)
    assert rates == ({step: np.float32(0.1) for step, _ in numbers} if is_held else {})


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
