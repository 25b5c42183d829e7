"""Weights & Biases in its offline mode; its run file is read with its own protocol buffers."""

import json
import math
import pathlib
import struct
import time

import pytest

import gtlog
from gtlog.sinks import WandbSink

from ..processes import run_python
from .training import STEPS, WAYS, train, train_until_nan

wandb = pytest.importorskip("wandb", reason="needs wandb: tox run -e sinks")

_BLOCK = 32768  # of the log format of LevelDB


@pytest.fixture(name="run")
def _run(tmp_path):
    run = wandb.init(project="tests", dir=str(tmp_path))
    yield run
    run.finish()


class RunFile:
    """What an offline run holds, which `wandb sync` would send."""

    def __init__(self, folder):
        (path,) = pathlib.Path(folder).rglob("run-*.wandb")
        self.folder = path.parent
        # Another process writes it, and may need a moment longer than this one.
        deadline, self.records = time.monotonic() + 60, []
        while not self._of("exit"):
            assert time.monotonic() < deadline
            self.records = list(_records(path.read_bytes()))

    def _of(self, kind):
        found = [one for one in self.records if one.WhichOneof("record_type") == kind]
        return [getattr(one, kind) for one in found]

    @property
    def history(self):
        """What was logged: a dict for each call."""
        return [
            {"/".join(one.nested_key) or one.key: json.loads(one.value_json) for one in row.item}
            for row in self._of("history")
        ]

    def chart(self, name):
        """The values of a name by `gtlog/step`."""
        return {row["gtlog/step"]: row[name] for row in self.history if name in row}

    @property
    def step_metrics(self):
        """By which metric the metrics of a pattern are drawn."""
        return {one.glob_name: one.step_metric for one in self._of("metric")}

    def files(self, kind):
        """The files in the artifacts of a type by their names, as text."""
        return {
            file.path: pathlib.Path(file.local_path).read_text(encoding="utf-8")
            for one in self._of("artifact")
            if one.type == kind
            for file in one.manifest.contents
        }

    def table(self, name):
        """The rows of the last table of a name, as dicts."""
        path = [row[f"{name}/path"] for row in self.history if f"{name}/path" in row][-1]
        table = json.loads((self.folder / "files" / path).read_text(encoding="utf-8"))
        return [dict(zip(table["columns"], row)) for row in table["data"]]


def _records(data):
    from wandb.proto import wandb_internal_pb2

    at, whole = 7, b""
    while at + 7 <= len(data):
        left = _BLOCK - at % _BLOCK
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if left < 7 or kind == 0:
            at += left
            continue
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


@pytest.mark.parametrize("way", WAYS)
def test_numbers(way, run, tmp_path):
    """The numbers of each logged step are charts over the step of the training."""
    losses = train([str(tmp_path / "logs"), WandbSink()], every=2, way=way, on_error="raise")
    run.finish()
    file = RunFile(tmp_path)
    assert file.chart("gtlog/loss") == {step: losses[step] for step in (0, 2, 4)}
    read = gtlog.testing.read_events(tmp_path / "logs")
    for name in ("gradient_norm", "weight_norm", "update_ratio"):
        assert file.chart(f"gtlog/{name}") == pytest.approx(read.of(name))
    assert file.chart("gtlog/accuracy") == {STEPS - 1: 0.5}
    assert file.step_metrics == {"gtlog/*": "gtlog/step"}
    assert not [key for row in file.history for key in row if "dense" in key]


def test_beside_ones_own(run, tmp_path):
    """What the user logs with steps of their own stays as it was."""
    sink = WandbSink(run)
    run.log({"mine": 1.0})
    train(sink, on_error="raise")
    run.log({"mine": 2.0})
    run.finish()
    mine = [row["mine"] for row in RunFile(tmp_path).history if "mine" in row]
    assert mine == [1.0, 2.0]


def test_per_variable(run, tmp_path):
    """On request the vitals of each variable are charts as well."""
    train([str(tmp_path / "logs"), WandbSink(per_variable=["gradient_rms"])], on_error="raise")
    run.finish()
    file, read = RunFile(tmp_path), gtlog.open_run(tmp_path / "logs")
    for variable, numbers in zip(read.variables, read.vitals("gradient_rms").tolist()):
        assert file.chart(f"gtlog/gradient_rms/{variable}") == dict(enumerate(numbers))


def test_findings_and_report(run, tmp_path):
    """Findings are a table, the report an artifact, NaN is NaN."""
    train_until_nan([str(tmp_path / "logs"), WandbSink()])
    run.finish()
    file, read = RunFile(tmp_path), gtlog.open_run(tmp_path / "logs")
    assert all(map(math.isnan, file.chart("gtlog/loss").values()))
    rows = file.table("gtlog/findings")
    assert [row["text"] for row in rows] == [str(one) for one in read.findings]
    assert rows[0]["fault"] == "nonfinite" and rows[0]["severity"] == "alarm"
    (html,) = file.files("report").values()
    assert 'id="gtlog-data"' in html


def test_no_report(run, tmp_path):
    """The report may be left out."""
    train([str(tmp_path / "logs"), WandbSink(report=False)])
    run.finish()
    assert RunFile(tmp_path).files("report") == {}


def test_a_run_that_is_finished_first(run, tmp_path):
    """What comes after `finish` is said, and the training goes on."""
    sink = WandbSink()
    run.finish()
    with pytest.warns(gtlog.LoggingWarning) as caught:
        losses = train([str(tmp_path / "logs"), sink])
    assert len(losses) == STEPS and "is finished" in str(caught[0].message)
    assert list(gtlog.testing.read_events(tmp_path / "logs").of("loss")) == [0, 1, 2, 3, 4]


def test_the_end_of_the_program(tmp_path, monkeypatch):
    """A script that closes nothing has its report in the run."""
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # that of these tests, which goes on
    run_python(
        """
        import os, sys
        import tensorflow as tf
        import wandb
        import gtlog

        os.chdir(sys.argv[1])
        wandb.init(project="tests")
        weight = tf.Variable([1.0], name="weight")

        @gtlog.logged_step(["logs", gtlog.sinks.WandbSink()])
        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight ** 2)
            weight.assign_sub(0.1 * tape.gradient(loss, weight))

        train_step()
        """,
        tmp_path,
    )
    file = RunFile(tmp_path)
    assert file.chart("gtlog/loss") == {0: 1.0} and len(file.files("report")) == 1


def test_a_run_that_is_disabled(tmp_path):
    """A run that W&B is told to forget takes everything, and leaves nothing."""
    with wandb.init(mode="disabled", dir=str(tmp_path)):
        train_until_nan([str(tmp_path / "logs"), WandbSink()], on_error="raise")
    assert not list(tmp_path.rglob("*.wandb"))


def test_without_a_run(monkeypatch):
    """A sink without a run, and one of something else, are errors when they are made."""
    monkeypatch.setattr(wandb, "run", None)  # W&B keeps one that was disabled
    with pytest.raises(ValueError, match="wandb.init"):
        WandbSink()
    with pytest.raises(TypeError, match="run must be what wandb.init returned, got 'name' \\(str"):
        WandbSink("name")
