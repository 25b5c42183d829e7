"""A run: its steps, variables, vitals, histograms and pictures, and what it says without them."""

import json
import os
import sys

import numpy as np
import pytest

import gtlog
from gtlog.reading.run import Run, open_run

from . import written
from .written import event, histogram, picture, png, scalar, step_values, vitals

PATHS = ["model/dense/kernel", "model/dense/bias", "model/out/kernel"]
PNG = png(np.array([[[200]]], np.uint8))
SECOND = "events.out.tfevents.1000000001.host.1.0.gtlog"
NAN = float("nan")


def run_of(tmp_path, *events, **others):
    """The run of one file."""
    written.write(tmp_path, *events, **others)
    return open_run(tmp_path)


def steps_of(column, *steps):
    """Events of tables of one column, a header in the first."""
    return [
        event(step, vitals([[step + k] for k in range(3)], PATHS if step == steps[0] else None))
        for step in steps
    ]


class TestVitals:
    """The table of a run."""

    def test_steps_variables_layers(self, tmp_path):
        """Steps, variables and layers are those of the tables, in forward order."""
        run = run_of(tmp_path, *steps_of("value_rms", 0, 10, 20))
        assert run.steps.tolist() == [0, 10, 20]
        assert run.variables == tuple(PATHS)
        assert run.layers == ("model/dense", "model/out")
        assert run.vitals("value_rms").tolist() == [[0, 10, 20], [1, 11, 21], [2, 12, 22]]
        assert run.vitals("value_rms").dtype == np.float32
        assert np.isnan(run.vitals("descent")).all()
        assert run.table.variables[0].shape == (2, 3) and run.problems == []

    def test_an_unknown_column(self, tmp_path):
        """A misspelt column is an error with the names that there are."""
        with pytest.raises(KeyError, match="no column 'gradient_rsm'. There is: value_rms, value_"):
            run_of(tmp_path, *steps_of("value_rms", 0)).vitals("gradient_rsm")

    def test_numbers_of_steps(self, tmp_path):
        """Losses and norms are those of the tables, in float64; scalars fill in what they lack."""
        first = step_values([0.1, 2.0], ["loss", "weight_norm"])
        run = run_of(
            tmp_path,
            event(0, vitals([[1]], ["a/k"]), first, scalar("learning_rate", 0.5)),
            event(1, vitals([[1]]), step_values([0.2, 3.0]), scalar("loss", 9)),
            event(2, scalar("loss", 9)),
        )
        assert run.steps.tolist() == [0, 1]
        assert {name: one.tolist() for name, one in run.losses.items()} == {"loss": [0.1, 0.2]}
        assert run.table.step_values["weight_norm"].tolist() == [2.0, 3.0]
        np.testing.assert_array_equal(run.table.step_values["learning_rate"], [0.5, NAN])

    def test_several_sets_of_variables(self, tmp_path):
        """Tables of several tags are one table: the union of their variables."""
        run = run_of(
            tmp_path,
            event(0, vitals([[1], [2]], ["g/a", "g/b"])),
            event(1, vitals([[3]], ["d/a"], tag="gtlog/vitals/2")),
            event(2, vitals([[4], [5]])),
        )
        assert run.variables == ("g/a", "g/b", "d/a")
        np.testing.assert_array_equal(
            run.vitals("value_rms"), [[1, NAN, 4], [2, NAN, 5], [NAN, 3, NAN]]
        )

    def test_two_tables_at_one_step(self, tmp_path):
        """Two tables of one event are both there."""
        run = run_of(
            tmp_path,
            event(0, vitals([[1]], ["a/k"]), vitals([[2]], ["b/k"], tag="gtlog/vitals/2")),
        )
        assert run.vitals("value_rms").tolist() == [[1], [2]]

    def test_other_columns(self, tmp_path):
        """Columns of a later gtlog are kept; those that are not there are NaN."""
        table = vitals([[1, 2]], ["a/k"], ["update_rms", "later"])
        run = run_of(tmp_path, event(0, table))
        assert run.table.columns == ("update_rms", "later")
        assert run.vitals("later").tolist() == [[2]]

    def test_a_resumed_run(self, tmp_path):
        """A later file's steps replace those of the earlier file from there on."""
        written.write(
            tmp_path,
            event(0, vitals([[1]], ["a/k"]), scalar("loss", 1)),
            event(10, vitals([[2]]), scalar("loss", 2)),
            event(20, vitals([[3]]), scalar("loss", 3)),
        )
        os.utime(os.path.join(str(tmp_path), os.listdir(str(tmp_path))[0]))  # names, not ages
        written.write(
            tmp_path, event(10, vitals([[7]], ["a/k"]), scalar("loss", 7)), name=SECOND
        )
        run = open_run(tmp_path)
        assert run.steps.tolist() == [0, 10]
        assert run.vitals("value_rms").tolist() == [[1, 7]]
        assert run.losses["loss"].tolist() == [1, 7] and run.scalars("loss") == {0: 1, 10: 7}

    def test_findings_of_training(self, tmp_path):
        """What was found while the run went on is there; a resumed run forgets what it redoes."""
        found = written.value("gtlog/findings", np.array([b'{"fault": "x"}'], object), "gtlog")
        run = run_of(
            tmp_path,
            event(0, vitals([[1]], ["a/k"]), found),
            event(10, vitals([[1]]), found),
            event(5, vitals([[1]])),
        )
        assert run.logged_findings == [(0, {"fault": "x"})]


class TestUnreadableTables:
    """A table that cannot be read is said and costs itself alone."""

    def test_no_header(self, tmp_path):
        """A file whose header is missing is named; the other file is read."""
        path = written.write(tmp_path, event(0, vitals([[1]])), event(1, vitals([[1]])))
        run = run_of(tmp_path, event(2, vitals([[3]], ["a/k"])), name=SECOND)
        assert run.steps.tolist() == [2]
        assert run.problems == [
            f"{path!r}: 'gtlog/vitals' of step 0 cannot be read: The file has no header for it, "
            "which says what the numbers are."
        ]

    def test_another_version(self, tmp_path):
        """A version that is not known is said; scalars are read."""
        run = run_of(
            tmp_path,
            event(0, vitals([[1]], ["a/k"], version=2), scalar("loss", 1)),
            event(1, vitals([[1]])),
        )
        assert not run.has_vitals and run.losses["loss"].tolist() == [1]
        assert "It is of version 2; this gtlog reads version 1." in run.problems[0]
        assert "Its header could not be read." in run.problems[1]

    HEADER = {"version": 1, "kind": "vitals", "columns": ["a"], "variables": []}

    @pytest.mark.parametrize(
        "change, message",
        [
            ({"columns": 1}, "Its header has no list of columns."),
            ({"columns": ["a", "a"]}, "Its header has one of its columns twice."),
            ({"variables": None}, "Its header names no variables."),
            ({"variables": [["a"]]}, "Its header describes a variable by ['a']."),
            ({"variables": [7]}, "Its header describes a variable by 7."),
            ({"variables": written.variables("a", "a")}, "Its header names a variable twice."),
            ({"variables": written.variables("a")}, "It has shape [0, 1] and type float32"),
        ],
    )
    def test_damaged_headers(self, change, message, tmp_path):
        """Whatever is wrong with a header is a sentence among the problems."""
        content = written.packed({**self.HEADER, **change})
        table = written.value("gtlog/vitals", np.zeros((0, 1), np.float32), "gtlog", content)
        run = run_of(tmp_path, event(0, table), event(1, scalar("loss", 1)))
        assert message in run.problems[0] and run.losses["loss"].tolist() == [1]

    @pytest.mark.parametrize("text", [b"{", b"[" * 100000, b"7", b"\xff"])
    def test_damaged_findings(self, text, tmp_path):
        """Findings that are no JSON objects are said."""
        found = written.value("gtlog/findings", np.array([text], object), "gtlog")
        run = run_of(tmp_path, event(0, found))
        assert run.logged_findings == [] and "'gtlog/findings' of step 0" in run.problems[0]

    def test_truncation_at_every_byte(self, tmp_path):
        """A file cut off anywhere opens, with the steps that are whole."""
        steps = steps_of("value_rms", 0, 1, 2)
        path = written.write(tmp_path, *steps)
        with open(path, "rb") as file:
            whole = file.read()
        ends = np.cumsum([len(whole) - sum(map(len, steps)), *map(len, steps)])
        for size in range(len(whole)):
            with open(path, "wb") as file:
                file.write(whole[:size])
            there = max(int(np.sum(ends <= size)) - 1, 0)
            run = open_run(tmp_path)
            assert run.steps.tolist() == list(range(there)) and run.problems == []


class TestValues:
    """Histograms, pictures and scalars by tag and step."""

    ROWS = [[0.0, 1.0, 2.0]]

    def run(self, tmp_path):
        """A run with one value of each kind at two steps."""
        values = [histogram("weights/a/k", self.ROWS), picture("images/a/k", PNG)]
        return run_of(
            tmp_path, event(0, *values, scalar("loss", 1)), event(5, *values, scalar("x", 2))
        )

    def test_by_tag_and_step(self, tmp_path):
        """They are read from their file when they are asked for."""
        run = self.run(tmp_path)
        assert run.tags == ["images/a/k", "loss", "weights/a/k", "x"]
        assert run.histogram("weights/a/k", 5).tolist() == self.ROWS
        assert run.image("images/a/k", np.int64(0)).tolist() == [[[200]]]
        assert run.scalars("x") == {5: 2.0} and run.steps_of("weights/a/k").tolist() == [0, 5]

    def test_what_is_not_there(self, tmp_path):
        """Errors name what was asked and what there is."""
        run = self.run(tmp_path)
        with pytest.raises(KeyError) as caught:
            run.histogram("loss", 0)
        assert caught.value.args == ("There is no histogram 'loss'. There is: weights/a/k.",)
        with pytest.raises(KeyError) as caught:
            run.image("images/a/k", 3)
        assert caught.value.args == (
            "There is nothing under 'images/a/k' at step 3. There are the steps 0, 5.",
        )
        with pytest.raises(KeyError, match="There is no tag 'y'. There is: images/a/k, loss, "):
            run.steps_of("y")

    def test_a_file_that_is_gone(self, tmp_path):
        """A value whose file was deleted or replaced is an error that names the file."""
        run = self.run(tmp_path)
        written.write(tmp_path, event(0, scalar("other", 1)))
        with pytest.raises(ValueError, match="has no record at byte .* any more"):
            run.histogram("weights/a/k", 5)
        with pytest.raises(ValueError, match="was replaced: 'weights/a/k' of step 0 is gone"):
            run.histogram("weights/a/k", 0)
        os.remove(os.path.join(str(tmp_path), os.listdir(str(tmp_path))[0]))
        with pytest.raises(FileNotFoundError):
            run.histogram("weights/a/k", 0)

    def test_a_damaged_picture(self, tmp_path):
        """A picture that cannot be read says so when it is asked for."""
        run = run_of(tmp_path, event(0, picture("p", b"JPEG")))
        with pytest.raises(ValueError, match="'p' of step 0 cannot be read: This is no PNG."):
            run.image("p", 0)

    def test_without_vitals(self, tmp_path):
        """Of a run without vitals there are steps, variables, losses, and a sentence."""
        run = self.run(tmp_path)
        assert not run.has_vitals and run.table.variables == ()
        assert run.steps.tolist() == [0] and run.losses["loss"].tolist() == [1]
        assert run.variables == ("a/k",) and run.layers == ("a",)
        for ask in (lambda: run.vitals("value_rms"), run.to_pandas):
            with pytest.raises(ValueError, match="has no vitals: no table of its variables. gtlog"):
                ask()

    def test_of_another_tool(self, tmp_path):
        """Without losses the steps are those of all values."""
        run = run_of(tmp_path, event(3, scalar("accuracy", 1)), event(4, scalar("other", 1)))
        assert run.steps.tolist() == [3, 4] and run.variables == () and run.losses == {}
        assert len(run.table) == 0


class TestRefresh:
    """A run that is still being written."""

    def test_new_steps(self, tmp_path):
        """`refresh` reads what came since, and tells whether there was anything."""
        events = steps_of("value_rms", 0, 1)
        path = written.write(tmp_path, events[0])
        run = open_run(tmp_path)
        assert run.steps.tolist() == [0] and run.refresh() is False
        written.append(path, events[1])
        assert run.refresh() is True and run.steps.tolist() == [0, 1]

    def test_a_file_that_becomes_shorter(self, tmp_path):
        """A file that was written anew replaces the steps of the old one."""
        written.write(tmp_path, *steps_of("value_rms", 0, 1, 2))
        run = open_run(tmp_path)
        written.write(tmp_path, *steps_of("value_rms", 0))
        run.refresh()
        assert run.steps.tolist() == [0]


class TestDirectories:
    """Which directory is a run."""

    def test_by_its_name(self, tmp_path):
        """`gtlog.open_run` gives a `gtlog.Run`."""
        written.write(tmp_path, event(0, scalar("loss", 1)))
        assert isinstance(gtlog.open_run(str(tmp_path)), gtlog.Run) and gtlog.Run is Run

    def test_the_only_run_beneath(self, tmp_path):
        """One run beneath is opened."""
        written.write(tmp_path / "a" / "b", event(0, scalar("loss", 1)))
        assert open_run(tmp_path).logdir == str(tmp_path / "a" / "b")

    def test_several_runs(self, tmp_path):
        """Of several runs the error names those to choose from."""
        for name in ("train", "validation"):
            written.write(tmp_path / name, event(0, scalar("loss", 1)))
        with pytest.raises(ValueError) as caught:
            open_run(tmp_path)
        runs = ", ".join(repr(str(tmp_path / name)) for name in ("train", "validation"))
        assert str(caught.value) == f"{str(tmp_path)!r} holds 2 runs. Choose one: {runs}."

    def test_files_beneath_a_run(self, tmp_path):
        """A directory with event files is a run by itself; those beneath are others."""
        for folder in (tmp_path, tmp_path / "validation"):
            written.write(folder, event(0, scalar(folder.name, 1)))
        assert open_run(tmp_path).tags == [tmp_path.name]

    def test_nothing_there(self, tmp_path):
        """No directory, an empty one, a file and a remote path are errors that say so."""
        with pytest.raises(FileNotFoundError, match="There is no directory .*none'"):
            open_run(tmp_path / "none")
        with pytest.raises(FileNotFoundError, match="There is no event file in .*, nor beneath."):
            open_run(tmp_path)
        with pytest.raises(NotADirectoryError, match="is a file. Give the directory"):
            open_run(written.write(tmp_path))
        with pytest.raises(ValueError, match="Only directories on this machine are read"):
            open_run("s3://bucket/logs")


class TestValuesAt:
    """All values of a step at once."""

    def test_histograms_scalars_and_pictures(self, tmp_path):
        """Values are those that are read one by one; what is not there is left out."""
        rows = [[0, 1, 5], [1, 2, 3]]
        run = run_of(
            tmp_path,
            event(0, scalar("loss", 2), histogram("weights/a", rows), picture("images/a", PNG)),
            event(5, histogram("weights/a", rows)),
        )
        found = run.values_at(0, ["loss", "weights/a", "images/a", "none"])
        assert sorted(found) == ["images/a", "loss", "weights/a"]
        assert found["loss"] == 2 and found["weights/a"].tolist() == rows
        np.testing.assert_array_equal(found["images/a"], run.image("images/a", 0))
        assert list(run.values_at(5, ["loss", "weights/a"])) == ["weights/a"]
        assert run.values_at(3, ["loss"]) == {} and run.kind_of("weights/a") == "histogram"

    def test_pictures_as_files(self, tmp_path):
        """The file of a picture is what was logged, byte for byte."""
        run = run_of(tmp_path, event(0, picture("images/a", PNG), scalar("loss", 1)))
        assert run.picture_files_at(0, ["images/a", "none"]) == {"images/a": PNG}

    def test_how_far_it_has_read(self, tmp_path):
        """A function is called for each event, with its file and where it begins there."""
        path = written.write(tmp_path, event(0, scalar("loss", 1)), event(1, scalar("loss", 2)))
        calls = []
        open_run(tmp_path, lambda *place: calls.append(place))
        assert {one for one, _ in calls} == {path}
        offsets = [offset for _, offset in calls]
        assert offsets == sorted(offsets) and offsets[-1] < os.path.getsize(path)


class TestLooks:
    """A run in a notebook."""

    def test_repr(self, tmp_path):
        """A few lines say what there is."""
        run = run_of(tmp_path, *steps_of("value_rms", 0, 10), event(10, scalar("loss", 0.5)))
        assert repr(run).splitlines() == [
            f"<Run {str(tmp_path)!r}: 2 logged steps, 0 to 10",
            "  3 variables in 2 layers",
            "  loss: 0.5 at first, 0.5 at last",
            "  2 tags: see .tags>",
        ]

    def test_repr_of_problems(self, tmp_path):
        """It says that there are no vitals, and that parts could not be read."""
        run = run_of(tmp_path, event(0, vitals([[1]])))
        assert repr(run).splitlines()[1:] == [
            "  0 variables in 0 layers; no vitals",
            "  1 tags: see .tags",
            "  1 parts could not be read: see .problems>",
        ]

    def test_without_pandas(self, tmp_path, monkeypatch):
        """Without pandas a sentence says what to install, and what there is without it."""
        monkeypatch.setitem(sys.modules, "pandas", None)
        run = run_of(tmp_path, *steps_of("value_rms", 0))
        with pytest.raises(ModuleNotFoundError, match="needs pandas, which is not installed: pip"):
            run.to_pandas()

    def test_pandas(self, tmp_path):
        """A frame has a row for each variable and step."""
        pytest.importorskip("pandas")
        frame = run_of(tmp_path, *steps_of("value_rms", 0, 10)).to_pandas()
        assert frame.loc[("model/out/kernel", 10), "value_rms"] == 12
        assert len(frame) == 6 and list(frame.index.names) == ["variable", "step"]

    def test_findings(self, tmp_path):
        """The findings are those of the diagnosis of the table."""
        diagnosis = pytest.importorskip("gtlog.diagnosis")
        run = run_of(tmp_path, *steps_of("value_rms", *range(20)))
        assert run.findings == diagnosis.diagnose(run.table)


def test_hostile_names(tmp_path):
    """Paths stay what they are, and JSON keeps them."""
    path = '<script>"\\\n\u202e/k'
    run = run_of(tmp_path, event(0, vitals([[1]], [path])))
    assert run.variables == (path,) and json.loads(json.dumps(path)) == path
