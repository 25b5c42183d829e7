"""MLflow with a store on disk; what is in it is read with its own client."""

import json
import pathlib

import pytest

import gtlog
from gtlog.sinks import MlflowSink

from .training import STEPS, WAYS, train, train_until_nan

mlflow = pytest.importorskip("mlflow", reason="needs mlflow: tox run -e sinks")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory):
    """A database, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    return mlflow.create_experiment("tests", artifact_location=(folder / "artifacts").as_uri())


@pytest.fixture(name="run")
def _run(store):
    with mlflow.start_run(experiment_id=store) as run:
        yield run


class Stored:
    """What MLflow has of a run."""

    def __init__(self, run):
        self.id = run.info.run_id
        self.client = mlflow.MlflowClient()
        self.data = self.client.get_run(self.id).data

    def chart(self, name):
        """The values of a metric by their steps."""
        history = self.client.get_metric_history(self.id, name)
        assert len({one.step for one in history}) == len(history)
        return {one.step: one.value for one in history}

    def text(self, path):
        """An artifact."""
        local = mlflow.artifacts.download_artifacts(run_id=self.id, artifact_path=path)
        return pathlib.Path(local).read_text(encoding="utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_numbers(way, run, logdir):
    """The numbers of each logged step are metrics with its number."""
    losses = train([logdir, MlflowSink()], every=2, way=way, on_error="raise")
    stored, read = Stored(run), gtlog.testing.read_events(logdir)
    assert stored.chart("gtlog/loss") == {step: losses[step] for step in (0, 2, 4)}
    for name in ("gradient_norm", "weight_norm", "update_ratio"):
        assert stored.chart(f"gtlog/{name}") == pytest.approx(read.of(name))
    assert stored.chart("gtlog/accuracy") == {STEPS - 1: 0.5}
    assert len(stored.data.metrics) == 5


def test_per_variable(run, logdir):
    """On request the vitals of each variable are metrics as well."""
    train([logdir, MlflowSink(run, per_variable=["gradient_rms"])], on_error="raise")
    stored, read = Stored(run), gtlog.open_run(logdir)
    for variable, numbers in zip(read.variables, read.vitals("gradient_rms").tolist()):
        assert stored.chart(f"gtlog/gradient_rms/{variable}") == dict(enumerate(numbers))


def test_findings_and_report(run, logdir):
    """Findings are an artifact, their count is a tag, and the report is an artifact."""
    train_until_nan([logdir, MlflowSink(run.info.run_id)])
    stored, read = Stored(run), gtlog.open_run(logdir)
    findings = json.loads(stored.text("gtlog/findings.json"))["findings"]
    assert [gtlog.Finding.from_dict(one) for one in findings] == list(read.findings)
    assert findings[0]["step"] == 0 and findings[0]["fault"] == "nonfinite"
    assert stored.data.tags["gtlog.findings"] == str(len(findings))
    assert 'id="gtlog-data"' in stored.text("gtlog/report.html")


def test_names_that_mlflow_does_not_take(run):
    """Each name is made one that MLflow takes, and two names never share a chart."""
    names = ["a[0]", "a(0)", "../up", "/a", "a//b", "größe", "x" * 300, "x" * 299 + "y", "a b:c"]
    sink = MlflowSink()
    sink.write(0, [gtlog.summaries.Scalar(name, k) for k, name in enumerate(names)])
    metrics = Stored(run).data.metrics
    assert sorted(metrics.values()) == list(range(len(names)))
    assert metrics["gtlog/a_0_"] == 0 and metrics["gtlog/_/up"] == 2 and metrics["gtlog/größe"] == 5


def test_many_numbers(run):
    """More numbers than MLflow takes at once go in several batches."""
    MlflowSink().write(0, [gtlog.summaries.Scalar(f"n/{k}", k) for k in range(1001)])
    assert len(Stored(run).data.metrics) == 1001


def test_a_run_that_has_ended(store, logdir):
    """What comes after `mlflow.end_run` is stored all the same."""
    with mlflow.start_run(experiment_id=store) as run:
        sink = MlflowSink()
    losses = train([logdir, sink], on_error="raise")
    assert list(Stored(run).chart("gtlog/loss").values()) == losses


def test_without_a_run(store):
    """A sink without a run, and one of something else, are errors when they are made."""
    with pytest.raises(ValueError, match="mlflow.start_run"):
        MlflowSink()
    with pytest.raises(ValueError, match="run='no-such-run'"):
        MlflowSink("no-such-run")
    with pytest.raises(TypeError, match="run must be what mlflow.start_run returned"):
        MlflowSink(3)
