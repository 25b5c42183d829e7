"""The page as a file, as static files, in a notebook, and from the command line."""

import html.parser
import io
import re

import numpy as np
import pytest

from gtlog.cli import main
from gtlog.diagnosis.finding import Finding
from gtlog.looking import ShownRun, page_files, report_html
from gtlog.looking.changes import changes, levels
from gtlog.looking.png import png
from gtlog.looking.progress import Progress
from gtlog.reading.pictures import png_pixels
from gtlog.reading.run import open_run
from gtlog.vitals.table import VitalsTable

from ..reading import written
from . import made
from .logs import write_table

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&{}/"


class Elements(html.parser.HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Keeps an element."""
        self.found.append((tag, dict(attrs)))

    def of(self, tag):
        """The attributes of all elements of a name."""
        return [attributes for name, attributes in self.found if name == tag]


class TestReport:
    """One file."""

    def test_it_needs_nothing_else(self):
        """No address stands in it, neither of a file nor of the network."""
        page = report_html([made.table_of()])
        elements = Elements(page)
        assert elements.of("link") == [{"rel": "icon", "href": "data:,"}]  # no look for an icon
        assert not any("src" in one for _, one in elements.found)
        assert not re.search(r"https?://", page)

    def test_its_policy_lets_its_own_scripts_run_alone(self):
        """Everything is forbidden, and scripts and styles are named by their hashes."""
        page = report_html([made.table_of()])
        (policy,) = [
            one["content"] for one in Elements(page).of("meta") if one.get("http-equiv")
        ]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        scripts = [one for one in Elements(page).of("script") if not one.get("type")]
        assert policy.count("'sha256-") == len(scripts) + 1

    def test_hostile_names(self):
        """Names end no element and make none."""
        plain = Elements(report_html([ShownRun("run", made.table_of())]))
        table = made.table_of(name=HOSTILE)
        page = report_html([ShownRun(HOSTILE, table)])
        assert [tag for tag, _ in Elements(page).found] == [tag for tag, _ in plain.found]
        assert "alert(1)<" not in page

    def test_the_data_is_that_of_the_runs(self):
        """The data inside has all runs in the order given."""
        page = report_html([ShownRun(name, made.table_of()) for name in ("b", "a")])
        header, _ = made.decoded(made.embedded(page))
        assert [one["name"] for one in header["runs"]] == ["b", "a"]


class TestFiles:
    """What servers serve."""

    def test_the_index_names_all_of_them(self):
        """`index.html` names each file beside it, and holds nothing inline."""
        files = page_files()
        page = files["index.html"][1].decode()
        elements = Elements(page)
        named = {one["src"] for one in elements.of("script")}
        named |= {one["href"] for one in elements.of("link") if one["rel"] == "stylesheet"}
        assert named == set(files) - {"index.html"}
        assert "style" not in [tag for tag, _ in elements.found]
        assert not any(key.startswith("on") for _, one in elements.found for key in one)

    def test_nothing_in_them_is_markup_made_of_text(self):
        """No script makes elements of text, or runs text."""
        for name, (_, data) in page_files().items():
            if name.endswith(".js"):
                assert not re.search(
                    rb"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|</",
                    data,
                ), name

    def test_content_types(self):
        """Each has a content type that a browser takes under `nosniff`."""
        types = {name.rpartition(".")[2]: kind for name, (kind, _) in page_files().items()}
        assert types == {
            "html": "text/html; charset=utf-8",
            "css": "text/css; charset=utf-8",
            "js": "text/javascript; charset=utf-8",
        }


class TestNotebook:
    """`Run._repr_html_`."""

    def test_findings_picture_and_page(self, tmp_path):
        """A run shows its findings, a picture without a script, and the page in a sandbox."""
        write_table(tmp_path, made.table_of(layers=8, steps=300, vanishes=(5, 150)))
        text = open_run(tmp_path)._repr_html_()
        assert "`model/block_5/conv`: vanishing gradients since step" in text
        elements = Elements(text)
        (frame,) = elements.of("iframe")
        assert frame["sandbox"] == "allow-scripts" and 'id="gtlog-data"' in frame["srcdoc"]
        outside = [tag for tag, _ in elements.found]
        assert "svg" in outside and "script" not in outside

    def test_it_is_below_a_megabyte(self):
        """Of a large run too, with less of it in the page."""
        from gtlog.looking.notebook import run_html

        assert len(run_html(made.table_of(layers=150, steps=1000)).encode()) < 1_000_000

    def test_hostile_names(self):
        """Names make no element."""
        from gtlog.looking.notebook import run_html

        plain = Elements(run_html(ShownRun("run", made.table_of(layers=8, vanishes=(5, 25)))))
        table = made.table_of(layers=8, vanishes=(5, 25), name=HOSTILE)
        found = Elements(run_html(ShownRun(HOSTILE, table)))
        assert [tag for tag, _ in found.found] == [tag for tag, _ in plain.found]

    @pytest.mark.parametrize("layers, steps", [(0, 0), (0, 3), (2, 0), (1, 1), (1, 2)])
    def test_small_runs(self, layers, steps):
        """Runs with next to nothing in them have a page too."""
        from gtlog.looking.notebook import run_html

        assert "<iframe" in run_html(made.table_of(layers=layers, steps=steps))


class TestChanges:
    """The numbers of the picture."""

    def test_a_common_drift_is_no_change(self):
        """What all layers do together leaves the picture blank, what one does stands out."""
        table = made.table_of(layers=10, steps=400, vanishes=(5, 200))
        changed = changes(table)
        assert np.mean(np.abs(changed[:, :200]) < 60) > 0.98
        assert np.median(changed[10:12, 210:]) < -450
        others = np.delete(changed, [10, 11], axis=0)
        assert np.mean(np.abs(others) < 60) > 0.95

    def test_most_layers_lose_their_gradient(self):
        """Where a fault takes most layers along, they stand out, and not the healthy ones."""
        table = made.table_of(layers=10, steps=400)
        columns = {name: table.column(name).copy() for name in table.columns}
        columns["gradient_rms"][:14, 200:] *= 1e-5
        changed = changes(VitalsTable(table.steps, table.variables, columns, {}))
        assert np.median(changed[:14, 210:]) < -400
        assert np.abs(np.median(changed[14:, 210:])) < 30

    def test_rows_with_nan_say_so(self):
        """Where elements are NaN, the figures of the others do not hide it."""
        table = made.table_of(layers=3, steps=20)
        columns = {name: table.column(name) for name in table.columns}
        columns["gradient_nonfinite"] = np.zeros((6, 20))
        columns["gradient_nonfinite"][2, 7] = 1
        changed = changes(VitalsTable(table.steps, table.variables, columns, {}))
        assert (changed == 32766).sum() == 1 and changed[2, 7] == 32766

    def test_a_layer_that_was_wrong_from_the_beginning(self):
        """The level shows it, where the change has no healthy past to compare it with."""
        table = made.table_of(layers=10, steps=100, vanishes=(5, 0))
        level = levels(table)
        assert np.median(level[10:12]) < -450
        assert np.abs(np.median(changes(table)[10:12])) < 30
        assert np.mean(np.abs(np.delete(level, [10, 11], axis=0)) < 60) > 0.95

    @pytest.mark.parametrize("place, words", [(0, "beside those of"), (50, "layer changed beside")])
    def test_the_picture_compares_what_shows_the_fault(self, place, words):
        """A notebook shows levels if a layer is at fault from the first step on, else changes."""
        from gtlog.looking.notebook import run_html

        table = made.table_of(layers=8, steps=100, vanishes=(5, place))
        finding = Finding("vanishing_gradients", "alarm", "model/block_5/conv", None, place, "", "")
        assert words in run_html(ShownRun("run", table, [finding])).partition("<iframe")[0]

    def test_pictures_come_back(self):
        """A PNG has the pixels that it was made of."""
        random = np.random.RandomState(0)
        pixels = np.repeat(random.randint(0, 256, (7, 5, 3)).astype(np.uint8), 3, axis=0)
        np.testing.assert_array_equal(png_pixels(png(pixels)), pixels)


class TestCommand:
    """`gtlog report`."""

    def test_a_report(self, tmp_path, capsys):
        """It writes the file and says what the diagnosis finds."""
        write_table(tmp_path / "run", made.table_of(layers=8, steps=300, vanishes=(5, 150)))
        path = tmp_path / "out.html"
        assert main(["report", str(tmp_path / "run"), "-o", str(path)]) == 0
        said = capsys.readouterr().out
        assert "run: `model/block_5/conv`: vanishing gradients since step" in said
        header, _ = made.decoded(made.embedded(path.read_text(encoding="utf-8")))
        assert header["runs"][0]["name"] == "run"
        assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []

    def test_several_runs_of_which_one_is_not_there(self, tmp_path, capsys):
        """What cannot be read is said, and the others are in the report."""
        for name in ("a", "b"):
            write_table(tmp_path / name, made.table_of(layers=1, steps=3))
        names = [str(tmp_path / name) for name in ("a", "none", "b")]
        path = tmp_path / "out.html"
        assert main(["report", *names, "-o", str(path)]) == 0
        assert "There is no directory" in capsys.readouterr().err
        header, _ = made.decoded(made.embedded(path.read_text(encoding="utf-8")))
        assert [one["name"] for one in header["runs"]] == ["a", "b"]

    def test_nothing_to_show(self, tmp_path, capsys):
        """An empty directory is an error in one sentence, and no file is written."""
        path = tmp_path / "out.html"
        (tmp_path / "logs").mkdir()
        assert main(["report", str(tmp_path / "logs"), "-o", str(path)]) == 1
        assert "There is no event file in" in capsys.readouterr().err
        assert not path.exists()

    def test_a_file_that_cannot_be_written(self, tmp_path, capsys):
        """It is said which, and why."""
        write_table(tmp_path / "run", made.table_of(layers=1, steps=3))
        assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "no" / "a.html")]) == 1
        assert "cannot be written: No such file or directory" in capsys.readouterr().err

    def test_an_older_run(self, tmp_path, capsys):
        """Of a run without vitals it says what is missing, and writes what there is."""
        written.write(tmp_path / "run", written.event(0, written.scalar("loss", 1.0)))
        assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "out.html")]) == 0
        assert "This run has no vitals" in capsys.readouterr().out


class _Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self):
        """It is one."""
        return True


class TestProgress:
    """The line while it takes long."""

    def test_on_a_terminal(self, tmp_path):
        """A bar is drawn, in characters that the terminal has, and taken away at the end."""
        write_table(tmp_path / "träge", made.table_of(layers=2, steps=30))
        seconds = iter(range(10_000))
        stream = _Terminal()
        with Progress(stream, clock=lambda: next(seconds)) as progress:
            progress.read("träge", str(tmp_path / "träge"))
        lines = stream.getvalue().split("\r")
        assert any("Reading tr?ge [####" in line for line in lines)
        assert lines[-1] == "" and lines[-2].strip() == ""

    def test_quick_work_and_pipes_are_silent(self, tmp_path):
        """Below half a second nothing is written, and never into a pipe."""
        write_table(tmp_path / "run", made.table_of(layers=2, steps=5))
        quick, pipe = _Terminal(), io.StringIO()
        seconds = iter(range(10_000))
        for stream, clock in ((quick, lambda: 0.0), (pipe, lambda: next(seconds))):
            with Progress(stream, clock=clock) as progress:
                progress.read("run", str(tmp_path / "run"))
            assert stream.getvalue() == ""
