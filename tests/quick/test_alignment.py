"""Which variable of one run is which of another."""

import pytest

from gtlog.vitals.table import VariableRow, VitalsTable, layer_of


def table(*variables):
    """A table of kernels: each a path, its recounted path and how many units it has."""
    rows = [
        VariableRow(path, layer_of(path), "kernel", (3, units), "float32", True, place, recounted)
        for place, (path, recounted, units) in enumerate(variables)
    ]
    return VitalsTable([0], rows, {})


def matched(one, other):
    """Pairs of the paths that are matched; checked to be the same from the other side."""
    places = one.counterparts(other)
    back = other.counterparts(one)
    assert [(a, b) for a, b in enumerate(places) if b is not None] == sorted(
        (b, a) for a, b in enumerate(back) if b is not None
    )
    paths = [row.path for row in other.variables]
    return {
        row.path: paths[place]
        for row, place in zip(one.variables, places)
        if place is not None
    }


def test_by_path():
    """Runs that know nothing else, those of an older gtlog, are matched by their paths."""
    one = table(("dense/kernel", None, 2), ("head/kernel", None, 2))
    other = table(("head/kernel", None, 4), ("dense_1/kernel", None, 2))
    assert matched(one, other) == {"head/kernel": "head/kernel"}


def test_by_recounted_path():
    """The second model of a process is matched with the first of another, of any width."""
    one = table(("dense/kernel", "dense/kernel", 2), ("dense_1/kernel", "dense_1/kernel", 3))
    other = table(("dense_4/kernel", "dense/kernel", 9), ("dense_5/kernel", "dense_1/kernel", 3))
    assert matched(one, other) == {
        "dense/kernel": "dense_4/kernel",
        "dense_1/kernel": "dense_5/kernel",
    }


def test_shapes_decide_where_names_disagree():
    """Numbers that overlap: what Keras has counted on by one is told by the shapes."""
    one = table(("dense/kernel", "dense/kernel", 2), ("dense_1/kernel", "dense_1/kernel", 3))
    other = table(("dense_1/kernel", "dense/kernel", 2), ("dense_2/kernel", "dense_1/kernel", 3))
    assert matched(one, other) == {
        "dense/kernel": "dense_1/kernel",
        "dense_1/kernel": "dense_2/kernel",
    }


def test_shapes_decide_for_the_path_too():
    """Names that a program gave, of which one run lacks the first, are told by the shapes."""
    one = table(("dense_1/kernel", "dense/kernel", 2), ("dense_2/kernel", "dense_1/kernel", 3))
    other = table(("dense_2/kernel", "dense/kernel", 3))
    assert matched(one, other) == {"dense_2/kernel": "dense_2/kernel"}


def test_nothing_is_matched_where_nothing_decides():
    """Of two candidates with equal shapes neither is taken: two variables are never mixed up."""
    one = table(("dense_1/kernel", "dense/kernel", 2), ("dense_2/kernel", "dense_1/kernel", 2))
    other = table(("dense_2/kernel", "dense/kernel", 2))
    assert matched(one, other) == {}


def test_one_run_that_knows_its_paths_and_one_that_does_not():
    """Without a recounted path on either side, the path decides where nothing speaks against it."""
    one = table(("dense/kernel", "dense/kernel", 2), ("dense_3/kernel", "dense_1/kernel", 2))
    other = table(("dense/kernel", None, 2), ("dense_1/kernel", None, 2))
    assert matched(one, other) == {"dense/kernel": "dense/kernel"}


@pytest.mark.parametrize("empty", [VitalsTable.empty(), table()])
def test_empty_tables(empty):
    """A run without variables has no counterparts."""
    assert empty.counterparts(table(("w", None, 1))) == []
    assert table(("w", None, 1)).counterparts(empty) == [None]
