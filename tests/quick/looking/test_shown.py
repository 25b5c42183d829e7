"""From log directories, whole and damaged, to what the doors show."""

import os
import shutil

import numpy as np
import pytest

from gtlog.looking import details_bytes, page_bytes, shown_run
from gtlog.looking.details import spread
from gtlog.looking.sources import MOST_RUNS, named_runs, runs_beneath
from gtlog.reading.run import open_run

from ..reading import written
from . import made
from .logs import write_table


def header_of(run):
    """What the page gets of a run."""
    (found,) = made.decoded(page_bytes(run))[0]["runs"]
    return found


class TestDetails:
    """Histograms and pictures of single layers."""

    @pytest.fixture(name="logdir")
    def _logdir(self, tmp_path):
        png = written.png(np.full((4, 4, 3), 200, np.uint8))
        kinds = ("weights", "gradients")
        return write_table(tmp_path, made.table_of(layers=2, steps=60), kinds, png)

    def test_histograms_at_some_steps(self, logdir):
        """Of 60 steps with histograms 24 are shown, the first and the last among them."""
        details = header_of(logdir)["details"]
        assert len(details["histograms"]) == 8
        for one in details["histograms"]:
            assert len(one["steps"]) == 24 and (one["steps"][0], one["steps"][-1]) == (0, 59)

    def test_histograms_are_those_of_the_run(self, logdir):
        """Edges, counts and percentiles are those of the rows of the event file."""
        header, blocks = made.decoded(page_bytes(logdir))
        one = header["runs"][0]["details"]["histograms"][0]
        path = header["runs"][0]["variables"][one["row"]]["path"]
        place = len(one["steps"]) // 2
        rows = open_run(logdir).histogram(f"{one['kind']}/{path}", one["steps"][place])

        def numbers(name, dtype, width):
            begin, length = one[name]
            return np.frombuffer(blocks[begin : begin + length], dtype).reshape(-1, width)[place]

        np.testing.assert_allclose(numbers("edges", "<f4", 2), [rows[0, 0], rows[-1, 1]], rtol=1e-6)
        shares = rows[:, 2] / rows[:, 2].max()
        np.testing.assert_allclose((numbers("counts", "u1", 30) / 255) ** 2, shares, atol=0.005)
        elements = np.repeat((rows[:, 0] + rows[:, 1]) / 2, rows[:, 2].astype(int))
        expected = np.percentile(elements, [5, 25, 50, 75, 95])
        width = rows[0, 1] - rows[0, 0]
        np.testing.assert_allclose(numbers("bands", "<f4", 5), expected, atol=width)

    def test_pictures(self, logdir):
        """A kernel's picture is shown at a few steps, as a PNG."""
        header, blocks = made.decoded(page_bytes(logdir))
        pictures = header["runs"][0]["details"]["pictures"]
        assert sorted(one["step"] for one in pictures) == [0, 15, 31, 44, 59]
        begin, length = pictures[0]["block"]
        assert blocks[begin : begin + 8] == b"\x89PNG\r\n\x1a\n" and length < 200

    def test_pictures_have_a_bound(self, tmp_path):
        """Of large pictures the last steps come first, and how many are left out is said."""
        noise = np.random.RandomState(0).randint(0, 256, (256, 256, 3)).astype(np.uint8)
        write_table(tmp_path, made.table_of(layers=1, steps=9), (), written.png(noise))
        details = header_of(tmp_path)["details"]
        assert [one["step"] for one in details["pictures"]] == [8, 0]
        assert details["pictures_left_out"] == 3

    def test_a_picture_that_is_none(self, tmp_path):
        """A file that is no PNG does not come into the page."""
        write_table(tmp_path, made.table_of(layers=1, steps=3), (), b"<svg onload='alert(1)'/>")
        assert header_of(tmp_path)["details"]["pictures"] == []

    def test_of_one_variable(self, logdir):
        """A server can give the details of one variable."""
        header, _ = made.decoded(details_bytes(logdir, "model/block_1/conv/bias"))
        kinds = [one["kind"] for one in header["details"]["histograms"]]
        assert kinds == ["weights", "gradients"] and header["details"]["pictures"] == []
        header, _ = made.decoded(details_bytes(logdir, "nothing"))
        assert header["details"]["histograms"] == []

    def test_steps_of_findings_are_among_them(self):
        """Details are kept at the steps at which findings begin."""
        chosen = spread(list(range(0, 1000, 10)), 5, wanted=[333])
        assert len(chosen) == 5 and {0, 330, 990} <= set(chosen)

    def test_files_that_vanish(self, logdir):
        """Where the directory is gone, the page has the vitals that were read, and no details."""
        run = open_run(logdir)
        shutil.rmtree(logdir)
        found = header_of(run)
        assert len(found["steps"]) == 60 and found["details"]["histograms"] == []


class TestWithoutVitals:
    """Runs of an older gtlog, or of other tools."""

    def test_what_there_is(self, tmp_path):
        """It is said that there are no vitals, and scalars and histograms are shown."""
        rows = [[0, 1, 5], [1, 2, 3]]
        written.write(
            tmp_path,
            *(
                written.event(
                    step,
                    written.scalar("loss", 1 / (1 + step)),
                    written.scalar("epoch_accuracy", step),
                    written.histogram("weights/dense/kernel", rows),
                )
                for step in range(4)
            ),
        )
        found = header_of(tmp_path)
        (note,) = found["notes"]
        assert "has no vitals" in note and "2 tags of the kind scalar" in note
        assert {one["name"] for one in found["series"]} == {"loss", "epoch_accuracy"}
        assert [one["path"] for one in found["variables"]] == ["dense/kernel"]
        assert found["details"]["histograms"][0]["steps"] == [0, 1, 2, 3]
        assert found["columns"] == {} and found["findings"] == []

    def test_many_scalars(self, tmp_path):
        """Of many scalars some are drawn, and the number of the others is said."""
        written.write(
            tmp_path, written.event(0, *(written.scalar(f"a{k:02}", k) for k in range(40)))
        )
        found = header_of(tmp_path)
        assert len(found["series"]) == 16
        assert "The first 16 scalars are drawn, and 24 are not." in found["notes"]

    def test_nothing_yet(self, tmp_path):
        """An event file without a value is a run that has just begun."""
        written.write(tmp_path)
        assert header_of(tmp_path)["notes"] == [
            "There is no value in the event files of this run yet."
        ]


class TestDamage:
    """Files that were cut off or overwritten."""

    def test_half_written_record(self, tmp_path):
        """What stands before a record that is not there to its end is shown."""
        write_table(tmp_path, made.table_of(layers=2, steps=10))
        (name,) = os.listdir(tmp_path)
        with open(tmp_path / name, "rb+") as file:
            file.truncate(os.path.getsize(tmp_path / name) - 7)
        assert len(header_of(tmp_path)["steps"]) == 9

    def test_flipped_bytes_are_said(self, tmp_path):
        """A damaged record costs itself, and the page says so."""
        write_table(tmp_path, made.table_of(layers=2, steps=10))
        (name,) = os.listdir(tmp_path)
        data = bytearray((tmp_path / name).read_bytes())
        data[len(data) // 2] ^= 0xFF
        (tmp_path / name).write_bytes(bytes(data))
        found = header_of(tmp_path)
        assert len(found["steps"]) == 9 and "damaged at byte" in found["notes"][0]


class TestSources:
    """Directories and names."""

    def test_runs_beneath_a_directory(self, tmp_path):
        """All directories beneath that hold event files are runs."""
        for name in ("b", "a/train"):
            written.write(tmp_path / name, written.event(0, written.scalar("loss", 1)))
        assert runs_beneath(tmp_path) == [str(tmp_path / "a" / "train"), str(tmp_path / "b")]
        assert [name for name, _ in named_runs(runs_beneath(tmp_path))] == ["a/train", "b"]

    def test_a_run_alone_has_its_last_name(self, tmp_path):
        """One directory, given twice, is one run."""
        folder = tmp_path / "train"
        assert named_runs([folder, str(folder)]) == [("train", str(folder))]

    def test_a_directory_of_runs_that_is_one(self, tmp_path):
        """A directory that has event files, and runs beneath, has a name as they do."""
        names = [name for name, _ in named_runs([tmp_path / "a", tmp_path / "a" / "eval"])]
        assert names == ["a", "eval"]

    def test_nothing_there(self, tmp_path):
        """No directory, no event file, a file: each error says which, and what to do."""
        with pytest.raises(FileNotFoundError, match="There is no directory"):
            runs_beneath(tmp_path / "none")
        with pytest.raises(FileNotFoundError, match="no event file in .* A training writes them"):
            runs_beneath(tmp_path)
        (tmp_path / "file").write_text("")
        with pytest.raises(NotADirectoryError, match="is a file. Give the directory"):
            runs_beneath(tmp_path / "file")
        with pytest.raises(ValueError, match="Only directories on this machine"):
            runs_beneath("gs://bucket/logs")

    def test_too_many_runs(self, tmp_path):
        """Of a folder of hundreds of runs the user names those to look at."""
        for k in range(MOST_RUNS + 1):
            written.write(tmp_path / str(k), written.event(0, written.scalar("loss", 1)))
        with pytest.raises(ValueError, match="holds 21 runs, more than the 20 of one page"):
            runs_beneath(tmp_path)

    def test_a_run_keeps_its_findings_and_problems(self, tmp_path):
        """What the reader and the diagnosis say stands in what is shown."""
        write_table(tmp_path, made.table_of(layers=8, steps=300, vanishes=(5, 150)))
        shown = shown_run(tmp_path, name="mine")
        assert shown.name == "mine" and shown.findings[0].layer == "model/block_5/conv"
