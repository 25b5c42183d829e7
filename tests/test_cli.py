"""The command line: what it says, what it refuses, and what it needs."""

import os
import subprocess
import sys

import pytest

import gtlog
from gtlog.cli import main
from gtlog.demo import FAULTS, MODELS
from gtlog.demo.faults import TRAININGS
from gtlog.demo.models import BUILDERS

from .processes import run_python
from .quick.looking.logs import write_table
from .quick.looking.made import table_of

_WITHOUT_SCIKIT_LEARN = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sklearn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from gtlog.cli import main
sys.exit(main(["demo", "--logdir", sys.argv[1]]))
"""


def _refused(capsys, *arguments):
    """What the command says about arguments that it refuses."""
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    assert exit_info.value.code == 2
    return capsys.readouterr().err


def test_version_is_printed(capsys):
    """`gtlog --version` prints the name and the version."""
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"gtlog {gtlog.__version__}\n"


def test_module_is_the_command():
    """`python -m gtlog` is the same as the command `gtlog`."""
    command = [sys.executable, "-m", "gtlog", "--version"]
    result = subprocess.run(command, stdout=subprocess.PIPE, timeout=120, check=True)
    assert result.stdout.decode().split() == ["gtlog", gtlog.__version__]


def test_help_names_the_options_and_their_defaults(capsys):
    """`gtlog demo --help` names every option, and the defaults."""
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for part in ("--logdir", "--steps", "--every", "--model", "gtlog-demo", "300", "10", "lstm"):
        assert part in text


def test_no_command_prints_the_help(capsys):
    """`gtlog` alone is the question what there is: the help, on stdout, is no error."""
    assert main([]) == 0
    captured = capsys.readouterr()
    assert "demo" in captured.out and "--version" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["demo", "--help"]])
def test_help_needs_no_tensorflow(arguments):
    """What only prints text imports neither TensorFlow nor numpy, which take seconds."""
    out, _ = run_python(
        """
        import sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                assert name.partition(".")[0] not in ("tensorflow", "numpy"), name

        sys.meta_path.insert(0, Blocker())
        from gtlog.cli import main
        try:
            main(sys.argv[1:])
        except SystemExit as exit:
            assert exit.code == 0
        """,
        *arguments,
    )
    assert out.startswith(("usage: gtlog", "gtlog "))


def test_models_are_those_that_are_built():
    """The names that the command offers are those of the models."""
    assert list(BUILDERS) == list(MODELS)


def test_tensorflow_missing_is_one_sentence(capsys, monkeypatch, logdir):
    """Without TensorFlow the demo says so as it does of any other package."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert main(["demo", "--logdir", logdir]) == 1
    assert capsys.readouterr().err.startswith("gtlog demo needs TensorFlow (tensorflow or ")


@pytest.mark.parametrize("option", ["--steps", "--every"])
@pytest.mark.parametrize("text", ["0", "-1", "2.5", "ten", ""])
def test_counts_are_positive_whole_numbers(capsys, option, text):
    """`--steps` and `--every` refuse what is no positive whole number, and say so."""
    message = _refused(capsys, "demo", f"{option}={text}")
    assert f"argument {option}: must be a positive whole number, got {text!r}" in message


def test_model_is_one_of_those_there_are(capsys):
    """`--model` refuses an unknown name and lists the known ones."""
    message = _refused(capsys, "demo", "--model", "foo")
    assert "argument --model: invalid choice: 'foo'" in message
    for name in ("dense", "conv", "lstm", "all"):
        assert name in message.rpartition("choose from")[2]


def test_fault_is_one_of_those_there_are(capsys):
    """`--fault` refuses an unknown name and lists the known ones, and goes with no model."""
    message = _refused(capsys, "demo", "--fault", "foo")
    assert "argument --fault: invalid choice: 'foo'" in message
    assert all(name in message.rpartition("choose from")[2] for name in FAULTS)
    message = _refused(capsys, "demo", "--fault", "dead", "--model", "conv")
    assert "argument --model: not allowed with argument --fault" in message


def test_faults_are_those_that_are_planted():
    """The names that the command offers are those of the trainings."""
    assert list(TRAININGS) == list(FAULTS)


def test_logdir_is_no_file(capsys, tmp_path):
    """`--logdir` refuses a path that is a file, and the file stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    message = _refused(capsys, "demo", "--logdir", str(path))
    assert "argument --logdir: must be a folder that can be written to" in message
    assert path.read_text() == "mine"


def test_logdir_is_utf8(capsys):
    """`--logdir` refuses bytes that are no UTF-8, which TensorFlow cannot open."""
    message = _refused(capsys, "demo", "--logdir", "logs\udcff")
    assert "argument --logdir: must be UTF-8, which TensorFlow asks of paths" in message
    assert r"got 'logs\udcff'" in message


def test_control_characters_in_an_error_are_escaped(capsys, tmp_path):
    """An error about a path with control characters prints none of them."""
    path = tmp_path / "\x1b[2J"
    path.write_text("mine")
    message = _refused(capsys, "demo", "--logdir", str(path))
    assert "\x1b" not in message and "x1b[2J" in message


def test_scikit_learn_missing_is_one_sentence(tmp_path):
    """Without scikit-learn the demo says in one sentence who needs what and how to get it."""
    command = [sys.executable, "-c", _WITHOUT_SCIKIT_LEARN, str(tmp_path / "logs")]
    result = subprocess.run(command, stderr=subprocess.PIPE, timeout=120)
    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-1] == (
        "gtlog demo needs scikit-learn (the digits), not installed here: "
        "pip install 'gtlog[demo]', or in a clone of the project: pip install '.[demo]'"
    )
    assert not (tmp_path / "logs").exists()


def test_all_missing_packages_are_named_at_once(capsys, monkeypatch, logdir):
    """Where several optional packages are missing, the sentence names them all."""
    for module in ("sklearn", "tqdm"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo", "--logdir", logdir]) == 1
    assert capsys.readouterr().err == (
        "gtlog demo needs scikit-learn (the digits) and tqdm (the progress bar), "
        "not installed here: pip install 'gtlog[demo]', or in a clone of the "
        "project: pip install '.[demo]'\n"
    )


def test_interrupt_ends_without_a_traceback(capsys, monkeypatch, logdir):
    """Ctrl-C during the demo ends it with status 130 and a sentence."""

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("gtlog.demo.run.run", interrupted)
    assert main(["demo", "--logdir", logdir]) == 130
    assert "stopped; what was logged so far is kept" in capsys.readouterr().err


def test_output_that_nobody_reads_ends_without_a_traceback(tmp_path):
    """Where the reader of a pipe has gone, as `head` does, nothing is complained of."""
    write_table(tmp_path, table_of(layers=3, steps=20))
    read, write = os.pipe()
    os.close(read)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "gtlog", "diagnose", str(tmp_path)],
            stdout=write,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(write)
    assert (result.returncode, result.stderr) == (141, b"")
