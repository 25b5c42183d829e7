"""The benchmark runs: every row gives its figures and cases, and the report shows all of them.

How long anything takes is not asserted: `tox -e benchmark` tells it.
"""

import gc
import math

import numpy as np
import pytest

from benchmarks import catalogue, child, cli, markdown, model_size, plot, tables, terminal
from benchmarks.effort import SMOKE
from benchmarks.figures import (
    ALTERNATIVES,
    AT_LEAST,
    AT_MOST,
    EXACTLY,
    Bar,
    Case,
    Figure,
    Row,
    Skipped,
    Spread,
)
from benchmarks.model_size import Point
from benchmarks.report import Report
from benchmarks.timing import Samples, interleaved


@pytest.fixture(autouse=True)
def _garbage_of_this_test_alone():
    """As for each module: a measurement gives back to the collector what it has set aside."""
    gc.freeze()


@pytest.fixture
def in_process(monkeypatch):
    """Child processes are as slow to start as TensorFlow is; one test starts one."""
    monkeypatch.setattr(child, "run", lambda target, **given: child.call(target, given))


def _report(rows, points=()):
    machine = {
        "processor": "abacus",
        "cores": 2,
        "memory_gb": 1.5,
        "system": "Desk",
        "python": "3.8",
        "packages": {"tensorflow": "2.3.0"},
    }
    return Report(
        command="python -m benchmarks",
        effort="smoke",
        caution="Not to be believed.",
        date="2020-02-02",
        machine=machine,
        load=(0.5, None),
        seconds=60.0,
        rows=tuple(rows),
        model_sizes=tuple(points),
    )


def _row(figure=None, cases=()):
    figure = figure or Figure("times less", Spread(20.0, 19.0, 21.0), "x", Bar(AT_LEAST, 25, 40))
    return Row("key", "a row", (figure,), (Case("gtlog", Spread(1.0, 1.0, 1.0), "ms"), *cases))


@pytest.mark.parametrize("key", catalogue.ROWS)
def test_rows_run(key, in_process):
    """Every row measures figures with a bar, and measures or skips every alternative."""
    row = catalogue.ROWS[key](SMOKE)
    assert row.key == key
    assert any(figure.bar for figure in row.figures)
    # A ratio may be lost in the noise of a run as small as this; it is told as undecided then.
    numbers = [figure.spread.median for figure in row.figures if figure.unit != "x"]
    numbers += [case.spread.median for case in row.cases if isinstance(case, Case)]
    assert all(map(math.isfinite, numbers))
    assert all(tables.verdict(figure) for figure in row.figures if figure.bar)
    assert all(case.reason for case in row.cases if isinstance(case, Skipped))
    named = {case.name for case in row.cases}
    assert named.issuperset(set(ALTERNATIVES) - {"gtlog beneath"})


def test_sweep_runs(tmp_path):
    """The sweep over sizes of models gives points, and the plot draws them."""
    points = model_size.sweep(SMOKE)
    assert [point.parameters for point in points] == [pytest.approx(10_000, rel=0.1)]
    assert {case.name for case in points[0].cases} >= set(ALTERNATIVES) - {"gtlog beneath"}
    plot.draw(points, str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_sweep_skips_what_does_not_fit_into_memory(monkeypatch):
    """The usual loop is left out, with the reason, where its memory is not there."""
    monkeypatch.setattr("benchmarks.machine.available_bytes", lambda: 1000)
    (point,) = model_size.sweep(SMOKE)
    skipped = {case.name: case.reason for case in point.cases if isinstance(case, Skipped)}
    assert set(skipped) == {"usual loop, eager", "usual loop, tf.function", "Keras callback"}
    assert all("GB" in reason for reason in skipped.values())


def test_child_process():
    """A function runs in a process of its own, and what it returns comes back."""
    measured = child.run("benchmarks.rows.importing:measure")
    assert measured["dragged_in"] == []
    with pytest.raises(RuntimeError, match="no_such"):
        child.run("benchmarks.no_such:function")


def test_command_line(tmp_path, capsys):
    """A run prints the table and writes JSON, of which the Markdown goes into a page.

    The page says the command without the folders of the machine.
    """
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    assert cli.main(["--quick", "--only", "event-file", "--json", str(results)]) == 0
    assert "bytes per histogram" in capsys.readouterr().out
    assert cli.main(["--markdown", str(results)]) == 0
    printed = capsys.readouterr().out
    page.write_text("before\n<!-- benchmark: begin -->\nold\n<!-- benchmark: end -->\nafter\n")
    assert cli.main(["--markdown", str(results), "--into", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert printed in text and "old" not in text
    assert "--json results.json" in text and str(tmp_path) not in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")


def test_unknown_rows_are_refused(capsys):
    """A row that does not exist ends the command, with the names of those that do."""
    with pytest.raises(SystemExit):
        cli.main(["--only", "everything"])
    assert "logged-mlp" in capsys.readouterr().err


def test_page_without_marks_is_refused():
    """A page that says nowhere where the results stand stays as it is."""
    with pytest.raises(ValueError, match="benchmark: begin"):
        markdown.replace("a page", "results")


def test_report_survives_its_file(tmp_path):
    """What is saved and loaded again is equal."""
    cases = (Skipped("bare step", "no step"),)
    report = _report([_row(cases=cases)], [Point(10, cases)])
    report.save(tmp_path / "report.json")
    assert Report.load_from(tmp_path / "report.json") == report


@pytest.mark.parametrize("render", [terminal.render, markdown.render])
def test_rendering(render):
    """Titles, figures, bars, aims, verdicts, reasons and cautions all stand in the text."""
    text = render(_report([_row(cases=(Skipped("bare step", "There is none."),))]))
    for part in ("Not to be believed.", "a row", "at least 25", "40", "20", "19", "21"):
        assert part in text
    assert "missed: 20 % too little" in text
    assert "– (1)" in text and "There is none." in text


@pytest.mark.parametrize(
    "sense, value, aim, measured, expected",
    [
        (AT_LEAST, 25, 40, 41.0, "met, aim as well"),
        (AT_LEAST, 25, 40, 30.0, "met"),
        (AT_LEAST, 25, None, 20.0, "missed: 20 % too little"),
        (AT_MOST, 1.05, 1.02, 1.02, "met, aim as well"),
        (AT_MOST, 5, None, 6.0, "missed: 20 % too much"),
        (EXACTLY, 0, None, 0.0, "met"),
        (EXACTLY, 0, None, 2.0, "missed: 2 instead of 0"),
    ],
)
def test_verdicts(sense, value, aim, measured, expected):
    """A figure says whether its bar was met, or by how much it was missed."""
    spread = Spread(measured, measured, measured)
    assert tables.verdict(Figure("name", spread, "x", Bar(sense, value, aim))) == expected


@pytest.mark.parametrize(
    "value, expected",
    [(0.0, "0"), (1.0312, "1.031"), (28.31, "28.3"), (12_345.6, "12,300"), (0.04567, "0.0457")],
)
def test_numbers(value, expected):
    """Numbers are given with the digits that a measurement has."""
    assert tables.number(value) == expected


def test_cases_take_turns():
    """In each round every case runs once, and another one first than in the round before."""
    calls = []
    cases = {name: lambda name=name: calls.append(name) for name in "abc"}
    samples = interleaved(cases, rounds=3)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"
    assert samples.of("a").shape == (3,)


def test_cases_fill_their_time():
    """A short case is called often enough to be timed."""
    calls = []
    interleaved({"short": lambda: calls.append(1)}, rounds=1, sample_seconds=0.001)
    assert len(calls) > 50


def test_comparisons_are_made_round_by_round():
    """Differences and ratios pair what ran in the same round; medians come after."""
    samples = Samples({"bare": [1.0, 2.0], "usual": [9.0, 18.0], "gtlog": [2.0, 4.0]})
    np.testing.assert_array_equal(samples.added("usual", "bare"), [8.0, 16.0])
    np.testing.assert_array_equal(samples.ratio("gtlog", "bare"), [2.0, 2.0])
    np.testing.assert_array_equal(samples.ratio_of_added("usual", "gtlog", "bare"), [8.0, 8.0])
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)


def test_what_is_lost_in_noise_is_undecided():
    """A ratio to something that was too small to measure is NaN, and its bar undecided."""
    samples = Samples({"bare step": [2.0, 3.0], "gtlog": [1.0, 2.5], "usual": [4.0, 5.0]})
    ratio = samples.ratio_of_added("usual", "gtlog", "bare step")
    spread = Spread.of(ratio)
    figure = Figure("times", spread, "x", Bar(AT_LEAST, 25))
    assert tables.verdict(figure) == "undecided: lost in the noise of this machine"
    tables.number(spread.median)
