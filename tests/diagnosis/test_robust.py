"""Statistics that few outliers do not move, where the tests of the rules do not show them alone."""

import numpy as np
import pytest

from gtlog.diagnosis import robust


@pytest.mark.parametrize("before, is_chance", [([0] * 20, False), ([1, 0, 1, 0] * 5, True)])
def test_what_was_often_there_before_is_chance(before, is_chance):
    """Six flags in a row mean something where none stood before, and nothing where half did."""
    flags = np.array(before + [1] * 6, bool)
    assert robust.is_by_chance(flags, len(before), np.log(1e4)) == is_chance


def test_the_turn_is_no_step_of_chance_before_it():
    """Values that dip once before they go down for good turn where they do."""
    values = np.array([0.1, -0.4, 0.2, 0.1, -0.8, -0.1, -0.9, -0.7])
    assert robust.turning(values, 0.0, -0.75) == 4


def test_windows_begin_before_they_end():
    """A window of three that ends with a flag begins two columns before it."""
    flags = np.array([[False, False, False, True, False]])
    assert robust.begun(flags, 3).tolist() == [[False, True, True, True, False]]


def test_highest_before():
    """Unknown numbers are passed over, and before the first one nothing is known."""
    values = np.array([[np.nan, 2.0, 1.0, np.nan, 3.0]])
    np.testing.assert_array_equal(robust.highest_before(values), [[np.nan, np.nan, 2.0, 2.0, 2.0]])


def test_a_knee_is_no_later_dip():
    """Where a way is gone at once, what is regained later does not move its beginning."""
    change = np.array([0.0] * 5 + [-1.2] * 10 + [-0.6, -1.1, -1.2, -0.7, -1.2])
    assert robust.knee(np.arange(20), change) in (4, 5)


@pytest.mark.parametrize(
    "lag, expected", [(1, [[0, 1, 2]]), (-1, [[2, 3, 0]]), (5, [[0, 0, 0]]), (-5, [[0, 0, 0]])]
)
def test_columns_are_shifted(lag, expected):
    """To later places, or to earlier ones; what is shifted out is gone."""
    assert robust.shifted(np.array([[1, 2, 3]]), lag, 0).tolist() == expected


def test_what_always_stood_is_no_chance():
    """A window that begins a step late, of flags that have stood from the first column on."""
    windows = np.array([[False] * 5 + [True] * 9])
    single = np.ones((1, 14), bool)
    assert robust.unless_by_chance(windows, np.log(1e5), single)[0, 5:].all()
    single[0, 0] = False
    assert not robust.unless_by_chance(windows, np.log(1e5), single).any()
