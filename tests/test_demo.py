"""The demo: real digits, real training, and what is left of it on the disk and on the screen."""

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.cli import main
from gtlog.demo import FAULTS, MODELS, data, models
from gtlog.demo.folder import new_run_folder
from gtlog.demo.table import table
from gtlog.demo.terminal import shell_word
from gtlog.testing import Events, LoggedValue, read_events

_VARIABLES = {
    "dense": ["hidden/kernel", "hidden/bias", "classes/kernel", "classes/bias"],
    "conv": [
        "conv_1/kernel",
        "conv_1/bias",
        "conv_2/kernel",
        "conv_2/bias",
        "classes/kernel",
        "classes/bias",
    ],
    "lstm": [
        "lstm/lstm_cell/kernel",
        "lstm/lstm_cell/recurrent_kernel",
        "lstm/lstm_cell/bias",
        "classes/kernel",
        "classes/bias",
    ],
}


def _run_demo(*arguments):
    """What `gtlog demo` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["demo", *arguments]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder that a short demo of all models has written, and `report.txt` with what it printed."""
    path = tmp_path_factory.mktemp("demo") / "logs"
    tf.keras.backend.clear_session()  # Keras 2 goes on counting the names of other tests' layers
    report = _run_demo("--logdir", str(path), "--steps", "5", "--every", "2")
    (path / "report.txt").write_text(report)
    return path


def _short(tag):
    """A tag without the model's name, which Keras 3 puts in front of a variable's path."""
    return re.sub(r"/(dense|conv|lstm(?=/lstm/|/classes/))/", "/", tag)


@pytest.mark.parametrize("name", _VARIABLES)
def test_every_variable_is_logged(folder, name):
    """Each variable of each model has its values and gradients at steps 0, `every`, 2 `every`."""
    events = read_events(folder / name)
    tags = {_short(tag): tag for tag in events.tags}
    for path in _VARIABLES[name]:
        kind = "biases" if path.endswith("/bias") else "weights"
        assert list(events.of(tags[f"{kind}/{path}"])) == [0, 2, 4]
        assert list(events.of(tags[f"gradients/{path}"])) == [0, 2, 4]


@pytest.mark.parametrize("name", _VARIABLES)
def test_loss_and_accuracy_are_logged(folder, name):
    """The loss and, by the demo's own summary, the accuracy are logged with the rest."""
    events = read_events(folder / name)
    assert all(loss > 0.0 for loss in events.of("loss").values())
    assert all(0.0 <= share <= 1.0 for share in events.of("held_out_accuracy").values())


def test_both_convolutions_have_their_picture(folder):
    """The kernels of both convolutions are logged as pictures in colour."""
    events = read_events(folder / "conv")
    pictures = {_short(one.tag): one.value for one in events if one.kind == "image"}
    assert set(pictures) == {"images/conv_1/kernel", "images/conv_2/kernel"}
    assert all(len(np.unique(one.reshape(-1, 3), axis=0)) > 10 for one in pictures.values())


def test_gates_of_the_lstm_are_logged(folder):
    """Kernel, recurrent kernel and bias of the LSTM are logged by gate."""
    tags = {_short(tag) for tag in read_events(folder / "lstm").tags}
    for variable in ("kernel", "recurrent_kernel", "bias"):
        for gate in "ifco":
            assert f"gates/lstm/lstm_cell/{variable}/{gate}" in tags


def test_report_has_all_runs(folder):
    """The report is written beside the event files, and has each run."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<title>gtlog: dense, conv, lstm</title>" in page


@pytest.mark.parametrize("name", _VARIABLES)
def test_table_has_a_line_for_each_variable(folder, name):
    """The table has norms, update ratio and non-finite count of each variable, as logged."""
    events = read_events(folder / name)
    report = (folder / "report.txt").read_text()
    for tag in events.tags:
        if not tag.startswith("weight_norm/"):
            continue
        path = tag[len("weight_norm/") :]
        values = [events.of(f"{kind}/{path}")[4] for kind in ("weight_norm", "gradient_norm")]
        ratio = events.of(f"update_ratio/{path}")[4]
        line = [path, f"{values[0]:.3f}", f"{values[1]:.2e}", f"{ratio:.2e}", "0"]
        assert line in [one.split() for one in report.splitlines()]


def test_report_says_accuracy_and_where_to_look(folder):
    """The report has each model's accuracy, and each way to look at the runs."""
    report = (folder / "report.txt").read_text()
    for name in _VARIABLES:
        assert re.search(rf"^{name}: \d+\.\d% of 360 held-out digits right$", report, re.M)
    lines = [" ".join(line.split()) for line in report.splitlines()]
    assert lines[-6:] == [
        "Look at it:",
        f"in a browser {folder / 'report.html'}",
        f"in this terminal gtlog show {folder / 'lstm'}",
        f"in words gtlog diagnose {folder / 'lstm'}",
        f"in TensorBoard tensorboard --logdir {folder} (the tab GTLOG)",
        f"in a notebook gtlog.open_run({str(folder / 'lstm')!r})",
    ]


@pytest.mark.parametrize("command", ["gtlog show", "gtlog diagnose"])
def test_commands_that_are_named_run(folder, command):
    """Each command of gtlog's that the demo names can be run as it stands there."""
    report = (folder / "report.txt").read_text()
    (line,) = [line for line in report.splitlines() if command in line]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(line[line.index(command) :].split()[1:]) == 0
    assert printed.getvalue()


def test_tensorboard_missing_is_said(monkeypatch, logdir):
    """Where TensorBoard is not installed, its command comes with how to get it."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "tensorboard" else find_spec(name)
    )
    report = _run_demo("--logdir", logdir, "--model", "dense", "--steps", "1")
    assert "pip install 'gtlog[tensorboard]'" in report


def test_models_learn(logdir):
    """A hundred steps are enough for more than four digits in five."""
    report = _run_demo("--logdir", logdir, "--model", "dense", "--steps", "100", "--every", "100")
    assert float(re.search(r"dense: (.*?)%", report).group(1)) > 80.0


@pytest.mark.no_cover  # the same lines some hundred times
@pytest.mark.parametrize("name", MODELS)
def test_healthy_models_are_silent(name, logdir):
    """With its default settings a model of the demo is found healthy, on the way and at the end."""
    _run_demo("--logdir", logdir, "--model", name)
    run = gtlog.open_run(os.path.join(logdir, name))
    assert run.has_vitals and run.logged_findings == []
    assert gtlog.diagnose(run) == []


_FOUND = {
    "vanishing": ("vanishing gradients", "hidden_[45]"),
    "exploding": ("exploding gradients", "hidden_2"),
    "dead": ("dead units", "hidden_2"),
    "not_updated": ("not updated", "hidden_2"),
    "no_gradient": ("no gradient", "hidden_2"),
    "nonfinite": ("NaN or infinity", "hidden_2"),
    "too_large": ("updates too large", None),
    "identical": ("identical units", "hidden_1"),
    "overwritten": ("overwritten", "hidden_2"),
    "ascending": ("ascending", None),
    "not_learning": ("not learning", None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_mistake_is_found(name, logdir):
    """The demo of a mistake prints what it is and one finding, which names fault and layer."""
    report = " ".join(_run_demo("--logdir", logdir, "--fault", name).split())
    title, layer = _FOUND[name]
    where = rf"`(classifier/)?{layer}`" if layer else "The network as a whole"
    assert re.match(rf"The mistake: .*\. Alarm: {where}: {title} since step ", report)
    assert report.count("Alarm: ") == 1
    command = f"gtlog diagnose {logdir}/{name}"
    assert f"in words {command} in TensorBoard" in report
    assert main(command.split()[1:]) == 1


def test_logs_that_are_there_stay_untouched(tmp_path):
    """A folder with something in it is never written to: each new run gets a subfolder."""
    kept = tmp_path / "events.out.tfevents.1"
    kept.write_bytes(b"earlier run")
    before = os.stat(kept).st_mtime_ns
    arguments = ["--logdir", str(tmp_path), "--model", "dense", "--steps", "1"]
    reports = [_run_demo(*arguments), _run_demo(*arguments)]
    assert sorted(os.listdir(tmp_path)) == ["events.out.tfevents.1", "run-2", "run-3"]
    assert (kept.read_bytes(), os.stat(kept).st_mtime_ns) == (b"earlier run", before)
    for report, run in zip(reports, ("run-2", "run-3")):
        assert f"tensorboard --logdir {tmp_path / run}" in report
        assert len(read_events(tmp_path / run).of("loss")) == 1


def test_empty_folder_is_used_itself(tmp_path):
    """An empty folder, and one that does not exist yet, is the run's own."""
    assert new_run_folder(str(tmp_path)) == str(tmp_path)
    assert new_run_folder(str(tmp_path / "a" / "b")) == str(tmp_path / "a" / "b")


def test_no_progress_bar_without_a_terminal(capsys, logdir):
    """Where the output is no terminal, no progress bar is printed into it."""
    _run_demo("--logdir", logdir, "--model", "dense", "--steps", "1")
    assert "%|" not in capsys.readouterr().err


def test_odd_paths_print_harmlessly(tmp_path):
    """Control characters in the log directory's name reach the terminal as escapes."""
    report = _run_demo(
        "--logdir", str(tmp_path / "it's \x1b[2J"), "--model", "dense", "--steps", "1"
    )
    assert "\x1b" not in report
    assert r"it\'s \x1b[2J'" in report


def test_digits_held_out_are_not_trained_on():
    """No digit that is held out is among those for training, and all have float32 pixels 0 to 1."""
    digits = data.load_digits()
    trained = {image.tobytes() for image in digits.images}
    assert not any(image.tobytes() in trained for image in digits.held_out_images)
    assert len(digits.labels) + len(digits.held_out_labels) == 1797
    assert digits.images.dtype == np.float32
    assert (digits.images.min(), digits.images.max()) == (0.0, 1.0)


@pytest.mark.parametrize("name", models.BUILDERS)
def test_models_take_images_to_logits(name):
    """Every model takes `[n, 8, 8]` images to `[n, 10]` logits."""
    model = models.BUILDERS[name]()
    assert tuple(model(np.zeros((3, 8, 8), np.float32)).shape) == (3, 10)


def test_table_counts_nonfinite_elements():
    """The last column of the table is the count of NaN and infinite elements."""
    scalars = {"weight_norm": 1.0, "gradient_norm": 2.0, "update_ratio": 0.5, "nonfinite": 7.0}
    events = Events(LoggedValue(3, f"{tag}/w", "scalar", value) for tag, value in scalars.items())
    assert table(events)[1].split() == ["w", "1.000", "2.00e+00", "5.00e-01", "7"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="asks bash")
@pytest.mark.parametrize("path", ["logs", "my logs", "it's \x1b[2J\n", "a\\b'\u202ec", "\udcff$x"])
def test_shell_reads_the_printed_path(path):
    """What is printed for a path is printable, and a shell reads it as that very path."""
    word = shell_word(path, "ascii")
    assert word.isprintable() and word.isascii()
    result = subprocess.run(["bash", "-c", f"printf %s {word}"], stdout=subprocess.PIPE, check=True)
    assert result.stdout == os.fsencode(path)
