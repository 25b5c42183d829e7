"""docs/project/run-modes.md says of each way to run a step what its test asserts."""

import pathlib

import pytest

from .run_modes.modes import COLUMNS
from .run_modes.rows import MODES
from .run_modes.table import SAME, TITLES, Page, read, replace, shorten

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE = Page.parse((DOCS / "project" / "run-modes.md").read_text(encoding="utf-8"))

_RESULTS = """<testsuites><testsuite>
<properties><property name="environment" value="2.3.0"/></properties>
<testcase name="test_cell[eager-loss]">
<properties>
<property name="unseen" value=""/><property name="altered" value="{altered}"/>
</properties>
</testcase>
<testcase name="test_cell[compiled-loss]">{outcome}</testcase>
</testsuite></testsuites>"""


def test_each_way_is_on_the_page():
    """The table has a line for each mode of the tests, and no other, in the same order."""
    assert list(PAGE.not_in) == [mode.name for mode in MODES]


def test_names_are_unique():
    """No two modes have one name: the results of a run are told apart by it."""
    assert len({mode.name for mode in MODES}) == len(MODES)


def test_each_group_has_a_title():
    """Each row number of a mode has its title in the table."""
    assert {mode.row for mode in MODES} <= set(TITLES)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_exceptions_are_those_of_the_tests(mode):
    """A cell names an exception where its test asserts one here, with the same text."""
    for column in COLUMNS:
        text = mode.unseen.get(column) or mode.altered.get(column)
        cell = PAGE.cells[mode.name, column]
        if text is None:
            assert SAME in cell
        else:
            assert " ".join(text.split()) in PAGE.texts_of(cell)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_what_is_missing_here_is_said(mode):
    """Where this TensorFlow lacks a way, the page says so with the reason of the test."""
    reason = mode.missing()
    if reason is None or "is not installed" in reason:
        return
    assert " ".join(reason.split()) in PAGE.texts_of(PAGE.not_in[mode.name])


def test_the_short_page_has_the_lines_that_differ():
    """docs/ways-to-run.md has the lines of the long table that name an exception, and no other."""
    short = (DOCS / "ways-to-run.md").read_text(encoding="utf-8")
    assert replace(short, shorten(PAGE)) == short


def test_results_are_read(tmp_path):
    """A cell is the same, or what is stated in its place; a skipped mode has its reason."""
    path = tmp_path / "results.xml"
    path.write_text(
        _RESULTS.format(altered="scaled", outcome='<skipped message="has none"/>'), "utf-8"
    )
    environment = read(path)
    assert environment.name == "2.3.0"
    assert environment.cells == {("eager", "loss"): "scaled"}
    assert environment.missing == {"compiled": "has none"}


def test_failed_results_make_no_table(tmp_path):
    """A run in which a cell failed is refused, with the name of the test."""
    path = tmp_path / "results.xml"
    path.write_text(_RESULTS.format(altered="", outcome='<failure message=""/>'), "utf-8")
    with pytest.raises(ValueError, match="compiled-loss.*failed"):
        read(path)


def test_page_without_marks_is_refused():
    """The table goes nowhere but between the marks."""
    with pytest.raises(ValueError, match="has no lines"):
        replace("# A page\n", "table")
