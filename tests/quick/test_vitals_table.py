"""The vitals table: what it holds, how it grows, and how several become one."""

import numpy as np
import pytest

from gtlog.vitals import columns
from gtlog.vitals.table import VariableRow, VitalsTable, layer_of


def row(path, order=0, **others):
    """A row of a kernel."""
    return VariableRow(path, layer_of(path), "kernel", (2, 3), "float32", True, order)._replace(
        **others
    )


A, B, C, D = (row(f"m/{name}/kernel", order) for order, name in enumerate("abcd"))
NAMES = ["value_rms", "asked"]


def paths(table):
    """The paths of a table's variables."""
    return [one.path.split("/")[1] for one in table.variables]


def grown(*steps):
    """A table of (step, rows, numbers of `value_rms`)."""
    table = VitalsTable.empty()
    for step, rows, numbers in steps:
        table = table.appended(step, rows, np.array([numbers]).T, {}, ["value_rms"])
    return table


class TestColumns:
    """The names of the columns are a contract."""

    def test_their_order(self):
        """The order is the one in which they stand in event files."""
        assert columns.COLUMNS == (
            *("value_rms", "value_max", "value_zeros", "value_nonfinite"),
            *("gradient_rms", "gradient_max", "gradient_zeros", "gradient_nonfinite"),
            *("dead_units", "update_rms", "update_ratio", "descent", "identical_units"),
            *("sketch_0", "sketch_1", "sketch_2", "sketch_3", "asked", "missing", "was_read"),
            *("silent_units", "saturation"),
        )

    def test_each_has_a_meaning_and_a_kind(self):
        """Each column has a line that says what it holds; kinds name columns that there are."""
        assert all(columns.MEANINGS.values())
        for kind in (columns.SHARES, columns.COUNTS, columns.FLAGS, columns.MAGNITUDES):
            assert set(kind) <= set(columns.COLUMNS)


class TestWhole:
    """A table from arrays."""

    def test_what_it_was_made_of(self):
        """Steps, variables, columns and step values come back as they went in."""
        ratio = np.array([[1.0, 2.0, np.nan], [4.0, np.inf, 6.0]], np.float32)
        table = VitalsTable([0, 5, 9], [A, B], {"update_ratio": ratio}, {"loss": [3, 2, 1]})
        assert (table.steps.dtype, table.steps.tolist(), len(table)) == (np.int64, [0, 5, 9], 3)
        assert table.variables == (A, B)
        assert table.column("update_ratio").dtype == np.float32
        np.testing.assert_array_equal(table.column("update_ratio"), ratio)
        assert table.step_values["loss"].dtype == np.float64
        assert table.step_values["loss"].tolist() == [3, 2, 1]

    def test_variables_stand_in_forward_order(self):
        """Rows are sorted by their order, and the numbers with them."""
        table = VitalsTable([0], [row("m/y/k", 7), row("m/x/k", 3)], {"value_rms": [[1], [2]]})
        assert [(one.path, one.order) for one in table.variables] == [("m/x/k", 0), ("m/y/k", 1)]
        assert table.column("value_rms").tolist() == [[2], [1]]

    def test_absent_columns(self):
        """A known column that the table lacks is NaN; an unknown name is an error that helps."""
        table = VitalsTable([0], [A], {"value_rms": [[1.0]], "new": [[2.0]]})
        assert np.isnan(table.column("gradient_rms")).all()
        assert table.column("new").tolist() == [[2.0]]
        assert table.columns == ("value_rms", "new")
        with pytest.raises(KeyError, match="There is no column 'rms'. There is: value_rms, value_"):
            table.column("rms")

    def test_the_row_of_a_variable(self):
        """`place` finds a row by its path, or says what there is."""
        table = VitalsTable([0], [A, B])
        assert table.place(B.path) == 1
        with pytest.raises(KeyError, match="no variable 'x'. There is: m/a/kernel, m/b/kernel"):
            table.place("x")

    def test_empty(self):
        """An empty table has shapes of zero."""
        table = VitalsTable.empty()
        assert (len(table), table.steps.shape, table.variables) == (0, (0,), ())
        assert table.column("value_rms").shape == (0, 0) and dict(table.step_values) == {}

    def test_nothing_can_be_changed(self):
        """Neither attributes nor arrays can be set, and the arrays given are copied."""
        given = np.array([[1.0]], np.float32)
        table = VitalsTable.empty().appended(0, [A], given, {"loss": 1.0}, ["value_rms"])
        given[:] = 2.0
        assert table.column("value_rms").tolist() == [[1.0]]
        with pytest.raises(AttributeError):
            table.variables = ()
        for array in (table.steps, table.column("value_rms"), table.step_values["loss"]):
            with pytest.raises(ValueError):
                array[...] = 0

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (([1, 1],), "steps must ascend"),
            (([0], [A, A]), "Two variables have the path 'm/a/kernel'"),
            (([0], [A], {"value_rms": [[1, 2]]}), r"must have shape \[1, 1\]"),
            (([0], [A], {}, {"loss": [1, 2]}), r"'loss' must have shape \[1\]"),
        ],
    )
    def test_what_does_not_fit(self, arguments, message):
        """Steps, paths and shapes that do not fit are errors that name them."""
        with pytest.raises(ValueError, match=message):
            VitalsTable(*arguments)


class TestAppended:
    """A table grows by one step at a time."""

    def test_a_step_more(self):
        """The new table has the step, the old one stays as it is."""
        one = grown((0, [A], [1.0]))
        two = one.appended(3, [A], [[2.0, 1.0]], {"loss": 0.5}, NAMES)
        assert (one.steps.tolist(), two.steps.tolist()) == ([0], [0, 3])
        assert two.column("value_rms").tolist() == [[1.0, 2.0]]
        np.testing.assert_array_equal(two.column("asked"), [[np.nan, 1.0]])
        np.testing.assert_array_equal(two.step_values["loss"], [np.nan, 0.5])

    def test_two_tables_from_one(self):
        """Two tables that grow from one do not see each other's steps."""
        one = grown((0, [A], [1.0]))
        left = one.appended(1, [A], [[2.0]], {}, ["value_rms"])
        right = one.appended(1, [A], [[3.0]], {}, ["value_rms"])
        further = left.appended(2, [A], [[4.0]], {}, ["value_rms"])
        assert left.column("value_rms").tolist() == [[1.0, 2.0]]
        assert right.column("value_rms").tolist() == [[1.0, 3.0]]
        assert further.column("value_rms").tolist() == [[1.0, 2.0, 4.0]]

    def test_a_step_again(self):
        """A step that is there already replaces it and all from there on."""
        whole = grown((0, [A], [1.0]), (5, [A], [2.0]), (9, [A], [3.0]))
        again = whole.appended(5, [A], [[7.0]], {}, ["value_rms"])
        assert again.steps.tolist() == [0, 5]
        assert again.column("value_rms").tolist() == [[1.0, 7.0]]
        assert whole.column("value_rms").tolist() == [[1.0, 2.0, 3.0]]

    def test_other_variables(self):
        """Variables that come and go are NaN where they are absent."""
        table = grown((0, [A, B], [1, 2]), (1, [A, C], [3, 4]), (2, [A, B], [5, 6]))
        assert sorted(paths(table)) == ["a", "b", "c"]
        absent = np.nan
        by_name = dict(zip(paths(table), table.column("value_rms").tolist()))
        np.testing.assert_array_equal(
            [by_name[name] for name in "abc"],
            [[1, 3, 5], [2, absent, 6], [absent, 4, absent]],
        )

    @pytest.mark.parametrize(
        "first, second, expected",
        [
            ([A, B, D], [A, B, C, D], "abcd"),
            ([B, D], [A, B, C], "abcd"),
            ([A, B], [C, D], "abcd"),
            ([C, D], [A, B], "cdab"),
            ([A, D], [A, B, C], "abcd"),
        ],
    )
    def test_the_order_of_new_variables(self, first, second, expected):
        """New variables stand where their neighbours stand, else at the end."""
        table = grown((0, first, [0] * len(first)), (1, second, [0] * len(second)))
        assert "".join(paths(table)) == expected
        assert [one.order for one in table.variables] == list(range(len(expected)))

    def test_what_is_known_later(self):
        """Of two rows with one path the later one counts."""
        unknown = A._replace(is_trained=None)
        assert grown((0, [unknown], [1]), (1, [A], [1])).variables == (A,)

    def test_another_shape(self):
        """Values of another shape are an error that names what is expected."""
        with pytest.raises(ValueError, match="each of 1 variables and a column for each of 1 nam"):
            VitalsTable.empty().appended(0, [A], [[1.0, 2.0]], {}, ["value_rms"])

    def test_the_latest(self):
        """`latest` keeps the last steps and all variables."""
        table = grown((0, [B], [1]), (1, [A], [2]), (2, [A], [3]))
        assert table.latest(2).steps.tolist() == [1, 2]
        assert paths(table.latest(2)) == paths(table)
        assert len(table.latest(0)) == 0 and len(table.latest(9)) == 3
        assert table.latest(1).column("value_rms").shape == (2, 1)


class TestMerged:
    """Several tables become one."""

    def test_union(self):
        """All steps and variables are there, NaN where a table has no number."""
        left = VitalsTable([0, 2], [A], {"value_rms": [[1, 2]]}, {"loss": [9, 8]})
        right = VitalsTable([1, 2], [B], {"value_rms": [[3, 4]]}, {"norm": [7, 6]})
        table = VitalsTable.merged([left, right])
        assert table.steps.tolist() == [0, 1, 2] and table.variables == (A, B)
        absent = np.nan
        np.testing.assert_array_equal(
            table.column("value_rms"), [[1, absent, 2], [absent, 3, 4]]
        )
        np.testing.assert_array_equal(table.step_values["loss"], [9, absent, 8])
        np.testing.assert_array_equal(table.step_values["norm"], [absent, 7, 6])

    def test_the_last_counts(self):
        """Where two tables have a variable at one step, the later table's numbers count."""
        left = VitalsTable([0], [A], {"value_rms": [[1]], "asked": [[1]]})
        right = VitalsTable([0], [A], {"value_rms": [[2]]})
        table = VitalsTable.merged([left, right])
        assert table.column("value_rms").tolist() == [[2]]
        assert np.isnan(table.column("asked")).all()

    def test_of_none(self):
        """No table makes an empty one."""
        assert len(VitalsTable.merged([])) == 0
