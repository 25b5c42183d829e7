"""The command `gtlog diagnose` and `gtlog.diagnose`: from log directories to exit statuses."""

import json

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.cli import main

from .training import Training


@pytest.fixture(name="faulty")
def _faulty(tmp_path):
    """A log directory of a run whose middle layer the optimizer forgot."""
    return train(tmp_path / "faulty", forgotten=("middle",))


@pytest.fixture(name="healthy")
def _healthy(tmp_path):
    """A log directory of a healthy run."""
    return train(tmp_path / "healthy")


def train(logdir, forgotten=()):
    """A run of 40 steps, of which each is logged with its vitals; the log directory."""
    random = np.random.RandomState(0)
    names, sizes = ("first", "middle", "last"), (8, 16, 16, 4)
    weights = []
    for name, inputs, units in zip(names, sizes, sizes[1:]):
        start = random.randn(inputs, units) * np.sqrt(2 / inputs)
        weights.append(tf.Variable(start.astype("float32"), name=f"{name}/kernel"))
    teacher = random.randn(8, 4)

    @gtlog.logged_step(str(logdir), summaries=[gtlog.summaries.vitals()], diagnose=False)
    @tf.function
    def step(x, labels):
        with gtlog.InstrumentedTape() as tape:
            logits = tf.nn.relu(tf.nn.relu(x @ weights[0]) @ weights[1]) @ weights[2]
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        for weight, gradient in zip(weights, tape.gradient(loss, weights)):
            if not weight.name.startswith(forgotten or "-"):
                weight.assign_sub(0.1 * gradient)
        return loss

    for _ in range(40):
        x = random.randn(64, 8).astype("float32")
        step(tf.constant(x), tf.constant((x @ teacher).argmax(1)))
    step.step_logger.close()
    return str(logdir)


def test_findings_of_a_log_directory(faulty):
    """`gtlog.diagnose` reads the event files, as a Run does."""
    (finding,) = gtlog.diagnose(faulty)
    assert (finding.fault, finding.layer, finding.severity) == ("not_updated", "middle", "alarm")
    assert gtlog.open_run(faulty).findings == [finding] == gtlog.diagnose(gtlog.open_run(faulty))


def test_what_the_command_prints(faulty, capsys):
    """Findings are printed as they read, and make the exit status 1."""
    assert main(["diagnose", faulty]) == 1
    assert capsys.readouterr().out.startswith("Alarm: `middle`: not updated since step 0.")


def test_json(faulty, capsys):
    """--json prints a list of findings that Finding.from_dict reads."""
    assert main(["diagnose", faulty, "--json"]) == 1
    (fields,) = json.loads(capsys.readouterr().out)
    assert gtlog.Finding.from_dict(fields) == gtlog.diagnose(faulty)[0]


def test_healthy_runs(healthy, capsys):
    """A healthy run has the exit status 0, whatever --fail-on names."""
    assert main(["diagnose", healthy, "--fail-on", "note"]) == 0
    assert capsys.readouterr().out == "Nothing found: no rule sees a fault in this run.\n"


def test_notes_fail_where_asked(monkeypatch, healthy):
    """A note is no failure, unless --fail-on note is given."""
    note = gtlog.Finding("not_learning", "note", None, None, 0, "Seen.", "Look.")
    monkeypatch.setattr("gtlog.diagnosis.source.judge", lambda table: [note])
    assert main(["diagnose", healthy]) == 0
    assert main(["diagnose", healthy, "--fail-on", "note"]) == 1


def test_unreadable_directories(tmp_path, capsys):
    """A directory that is not there has the exit status 2, and the reason is said."""
    assert main(["diagnose", str(tmp_path / "absent")]) == 2
    assert "There is no directory" in capsys.readouterr().err


def test_runs_without_vitals(tmp_path, capsys):
    """A run without vitals has the exit status 2, and is told what writes them."""
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.experimental.write_raw_pb(
            tf.compat.v1.Summary(
                value=[tf.compat.v1.Summary.Value(tag="loss", simple_value=1.0)]
            ).SerializeToString(),
            step=0,
        )
        tf.summary.flush()
    assert main(["diagnose", str(tmp_path)]) == 2
    assert "has no vitals" in capsys.readouterr().err


def test_tables_and_nonsense():
    """A table is judged as it is; something else is a TypeError with its type."""
    assert gtlog.diagnose(Training().run(60)) == []
    taken = "takes a log directory, a Run, a StepLogger or a VitalsTable"
    with pytest.raises(TypeError, match=f"{taken}, got int"):
        gtlog.diagnose(7)
