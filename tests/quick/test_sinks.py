"""What a sink takes out of the values of a step, and the table; TensorFlow is not needed."""

import csv
import math
import os
import sys

import numpy as np
import pytest

from gtlog import sinks, tags
from gtlog.diagnosis.finding import Finding
from gtlog.sinks import Number, findings_of, numbers_of
from gtlog.values import Histogram, Scalar, Strings, Table

COLUMNS = ["value_rms", "gradient_rms", "update_rms", "sketch_0"]
ROWS = ["dense/kernel", "dense/bias"]
VITALS = Table(
    tags.VITALS,
    np.array([[1.0, 2.0, math.nan, 9.0], [3.0, math.inf, 0.0, 9.0]], np.float32),
    {"columns": COLUMNS, "variables": [[path, "kernel"] for path in ROWS]},
)
STEPS = Table(tags.STEPS, np.array([0.1, 7.0]), {"names": ["loss", "gradient_norm"]})
FINDING = Finding(
    "dead_units", "alarm", "dense", "dense/kernel", 4, "Evidence, with a comma.", "Ad\nvice"
)
FOUND = Strings(tags.FINDINGS, (FINDING.to_json(),))


def rows_of(path):
    """The rows of a CSV file, as dicts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestNumbers:
    """The numbers of a step."""

    def test_of_the_whole_step(self):
        """Losses, norms and scalars of one's own are taken; histograms and tables are not."""
        values = [Scalar("loss", 0.5), Scalar("accuracy", 1.0), Histogram("w", np.zeros((0, 3)))]
        assert numbers_of([*values, VITALS]) == [Number("loss", 0.5), Number("accuracy", 1.0)]

    def test_where_the_vitals_alone_have_them(self):
        """Without the summary `scalars`, loss and norms are those of the table of the step."""
        assert numbers_of([STEPS]) == [Number("loss", 0.1), Number("gradient_norm", 7.0)]
        assert numbers_of([STEPS, Scalar("loss", 0.5)])[0] == Number("loss", 0.5)

    def test_single_variables_are_left_out(self):
        """Numbers of a variable or layer are left out by default, those of a named tape are not."""
        values = [
            Scalar("gradient_norm/critic", 1.0),
            Scalar("gradient_norm/dense/kernel", 2.0),
            Scalar("nonfinite/dense/kernel", 3.0),
            Scalar("output_zeros/dense", 0.5),
        ]
        assert numbers_of([*values, VITALS]) == [Number("gradient_norm/critic", 1.0)]
        layer = numbers_of([*values, VITALS], per_variable=True)[3]
        assert layer == Number("output_zeros", 0.5, "dense")

    def test_single_variables_on_request(self):
        """With `per_variable` they come with the columns of the vitals, what is not known aside."""
        values = [VITALS, Scalar("nonfinite/dense/kernel", 3.0)]
        assert numbers_of(values, per_variable=True) == [
            Number("nonfinite", 3.0, "dense/kernel"),
            Number("value_rms", 1.0, "dense/kernel"),
            Number("value_rms", 3.0, "dense/bias"),
            Number("gradient_rms", 2.0, "dense/kernel"),
            Number("gradient_rms", math.inf, "dense/bias"),
            Number("update_rms", 0.0, "dense/bias"),
        ]

    def test_chosen_columns(self):
        """A list names the columns."""
        (first, second) = numbers_of([VITALS], per_variable=["value_rms"])
        assert (first.tag, second.tag) == ("value_rms/dense/kernel", "value_rms/dense/bias")

    @pytest.mark.parametrize(
        "given, error", [("value_rms", TypeError), (1, TypeError), ([], ValueError),
                         (["value"], ValueError), (["sketch_0"], ValueError)]
    )
    def test_bad_columns(self, given, error):
        """Something else is an error, which is raised when a sink is made as well."""
        with pytest.raises(error, match="per_variable"):
            numbers_of([], per_variable=given)
        with pytest.raises(error, match="per_variable"):
            sinks.TableSink("table.csv", per_variable=given)

    def test_findings(self):
        """Findings are given back whole."""
        assert findings_of([VITALS, FOUND, Strings("own", ("x",))]) == [FINDING]


class TestCsv:
    """A table as CSV."""

    def test_rows(self, tmp_path):
        """Each number is a row, with the path of its variable; a finding is a row with its text."""
        path = tmp_path / "new" / "table.csv"
        sink = sinks.TableSink(path, per_variable=["value_rms"])
        sink.write(4, [Scalar("loss", 0.1), VITALS, FOUND])
        loss, kernel, bias, finding = rows_of(path)
        assert loss == {"step": "4", "name": "loss", "variable": "", "value": "0.1", "text": ""}
        assert (kernel["name"], kernel["variable"], kernel["value"]) == (
            "value_rms", "dense/kernel", "1.0"
        )
        assert bias["variable"] == "dense/bias"
        assert (finding["name"], finding["variable"]) == ("finding", "dense")
        assert finding["value"] == "" and finding["text"] == str(FINDING)

    @pytest.mark.parametrize("value", [0.1, -1e-300, math.inf, -math.inf])
    def test_values_are_exact(self, tmp_path, value):
        """A number is read back as it was, and NaN too."""
        sink = sinks.TableSink(tmp_path / "table.csv")
        sink.write(0, [Scalar("a", value), Scalar("b", math.nan)])
        first, second = rows_of(sink.path)
        assert float(first["value"]) == value and math.isnan(float(second["value"]))

    def test_each_step_is_in_the_file_at_once(self, tmp_path):
        """Nothing waits for the end of the program."""
        sink = sinks.TableSink(tmp_path / "table.csv")
        for step in range(3):
            sink.write(step, [Scalar("loss", step)])
            assert len(rows_of(sink.path)) == step + 1

    def test_a_new_run_replaces_the_table(self, tmp_path):
        """It does so with its first step, not when the sink is made."""
        sinks.TableSink(tmp_path / "table.csv").write(7, [Scalar("loss", 1.0)])
        sink = sinks.TableSink(tmp_path / "table.csv")
        assert len(rows_of(sink.path)) == 1 and sink.earlier_steps() is None
        sink.write(0, [Scalar("loss", 2.0)])
        assert [row["step"] for row in rows_of(sink.path)] == ["0"]

    def test_append(self, tmp_path):
        """A resumed run adds its rows, and knows which steps are there."""
        path = tmp_path / "table.csv"
        first = sinks.TableSink(path, append=True)
        assert first.earlier_steps() is None
        for step in (3, 7):
            first.write(step, [Scalar("loss", 1.0)])
        second = sinks.TableSink(path, append=True)
        assert second.earlier_steps() == (3, 7)
        second.write(8, [Scalar("loss", 2.0)])
        assert [row["step"] for row in rows_of(path)] == ["3", "7", "8"]

    def test_append_to_something_else(self, tmp_path):
        """A file with other columns is refused, and left as it is."""
        path = tmp_path / "table.csv"
        path.write_text("epoch,loss\n1,2\n")
        with pytest.raises(ValueError, match="has the columns \\['epoch', 'loss'\\]"):
            sinks.TableSink(path, append=True)
        assert path.read_text() == "epoch,loss\n1,2\n"

    def test_a_deleted_file(self, tmp_path):
        """A table that was deleted while the run goes on begins anew, with its columns."""
        sink = sinks.TableSink(tmp_path / "table.csv")
        sink.write(0, [Scalar("loss", 1.0)])
        os.remove(sink.path)
        sink.write(1, [Scalar("loss", 2.0)])
        assert [row["step"] for row in rows_of(sink.path)] == ["1"]

    def test_no_half_rows(self, tmp_path, monkeypatch):
        """Of a step that the disk could not take, nothing stays in the table."""
        sink = sinks.TableSink(tmp_path / "table.csv")
        sink.write(0, [Scalar("loss", 1.0)])
        whole, writer = tmp_path.joinpath("table.csv").read_bytes(), csv.writer

        class FullDisk:
            def __init__(self, file, **options):
                self.file = file

            def writerows(self, rows):
                self.file.write("1,lo")
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(csv, "writer", FullDisk)
        with pytest.raises(OSError):
            sink.write(1, [Scalar("loss", 2.0)])
        assert tmp_path.joinpath("table.csv").read_bytes() == whole
        monkeypatch.setattr(csv, "writer", writer)
        sink.write(2, [Scalar("loss", 3.0)])
        assert [row["step"] for row in rows_of(sink.path)] == ["0", "2"]

    @pytest.mark.parametrize("name", ["table", "table.txt", ""])
    def test_other_endings(self, name):
        """The ending says which kind of file it is."""
        with pytest.raises(ValueError, match="must end in .csv or .parquet"):
            sinks.TableSink(name)

    def test_a_folder(self, tmp_path):
        """A folder is no table."""
        (tmp_path / "table.csv").mkdir()
        with pytest.raises(IsADirectoryError, match="is a folder"):
            sinks.TableSink(tmp_path / "table.csv")


class TestPackages:
    """The packages of the trackers are extras."""

    MAKERS = {
        "wandb": lambda: sinks.WandbSink(),
        "mlflow": lambda: sinks.MlflowSink(),
        "pandas": lambda: sinks.TableSink("table.parquet"),
    }
    EXTRAS = {"wandb": "wandb", "mlflow": "mlflow", "pandas": "parquet"}

    @pytest.mark.parametrize("package", MAKERS)
    def test_one_that_is_not_there(self, package, monkeypatch):
        """A sink whose package is missing names the extra, when it is made."""
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ModuleNotFoundError) as caught:
            self.MAKERS[package]()
        assert f"pip install 'gtlog[{self.EXTRAS[package]}]'" in str(caught.value)
        assert caught.value.name == package

    def test_a_folder_of_its_name(self, tmp_path, monkeypatch):
        """The folder `wandb` that W&B leaves in a project is not taken for the package."""
        (tmp_path / "wandb").mkdir()
        monkeypatch.delitem(sys.modules, "wandb", raising=False)
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        with pytest.raises(ModuleNotFoundError, match="gtlog\\[wandb\\]"):
            sinks.WandbSink()
        sys.modules.pop("wandb", None)

    def test_names(self):
        """All names are there, and imported when they are asked for."""
        assert set(sinks.__all__) <= set(dir(sinks))
        with pytest.raises(AttributeError, match="no attribute 'WandSink'"):
            sinks.WandSink
