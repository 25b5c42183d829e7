"""`gtlog show`: what it says of runs, in windows of all kinds."""

import contextlib
import io
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from gtlog.cli import main
from gtlog.terminal.follow import follow
from gtlog.terminal.look import Look
from gtlog.terminal.rows import rows_of
from gtlog.terminal.screen import Screen, columns_of
from gtlog.terminal.sparkline import sparkline
from gtlog.terminal.view import Choice

from ..diagnosis.training import Training
from . import logs
from .logs import table_of
from .reading import written

HOSTILE = (
    "<script>alert(1)</script>/kernel",
    "\x1b[31mred\x1b[2J/kernel",
    "\u202eevil/kernel",
    "שלום/kernel",
    "層/核",
    "a" * 1_000_000 + "/kernel",
    "e" + "\u0301" * 100_000,
    "two\nlines/kernel",
)


def shown(capsys, *arguments):
    """Exit status, output and messages of `gtlog show`."""
    status = main(["show", *map(str, arguments)])
    return (status, *capsys.readouterr())


def flowing(text):
    """A text without the ends of its lines, which fall where the window ends."""
    return " ".join(text.split())


def rows_in(output):
    """The lines between the heading of the rows and what comes after them."""
    lines = output.splitlines()
    start = next(place for place, line in enumerate(lines) if "worst first" in line) + 1
    ends = [place for place, line in enumerate(lines) if line.startswith(("Bars", "…", "..."))]
    return lines[start : min(end for end in ends if end >= start)]


def flat(count, number=0.1):
    """A series that does not change."""
    return np.full(count, number)


@pytest.fixture(name="faulty_run", scope="module")
def _faulty_run(tmp_path_factory):
    """A log directory of a run whose third layer the optimizer forgot, its findings' layer."""
    training = Training(sizes=(10, *(32,) * 6, 4), frozen=(2,))
    logdir = tmp_path_factory.mktemp("terminal") / "faulty"
    logs.write(logdir, training.run(60))
    return logdir


@pytest.fixture(name="faulty")
def _faulty(faulty_run, tmp_path):
    """The same in a folder of the test's own."""
    return shutil.copytree(faulty_run, tmp_path / "faulty")


class TestRows:
    """Which variables come first, and what is said of them."""

    def test_worst_first(self):
        """A variable whose gradient falls behind its role's stands first, with its onset."""
        series = {f"net/dense_{k}/kernel": flat(40) for k in range(5)}
        series["net/dense_3/kernel"] = np.where(np.arange(40) < 25, 0.1, 1e-5)
        first, *others = rows_of(table_of(series, range(0, 400, 10)), "gradient_rms")
        assert (first.path, first.since) == ("net/dense_3/kernel", 250)
        assert first.apart == pytest.approx(-4.0, abs=1e-3)
        assert all(row.is_quiet for row in others)

    def test_a_fault_of_most_layers(self):
        """Where a fault takes most of the layers along they stand out; the others are quiet."""
        noise = np.random.RandomState(0).randn(16, 60) * 0.1
        series = {f"net/dense_{k:02}/kernel": 10 ** (noise[k] - k / 10) for k in range(16)}
        for k in range(10):
            series[f"net/dense_{k:02}/kernel"][30:] *= 1e-4
        rows = rows_of(table_of(series), "gradient_rms")
        loud = sorted(row.path for row in rows if not row.is_quiet)
        assert loud == list(series)[:10] and {row.since for row in rows[:10]} == {30}

    def test_not_finite_is_worse(self):
        """Elements that are not finite count more than any distance."""
        near = {f"l{k}/kernel": flat(9) for k in range(3)}
        table = table_of({**near, "far/kernel": flat(9, 1e-9)})
        counts = np.zeros((4, 9))
        counts[1, 4:] = 7
        columns = {"gradient_rms": table.column("gradient_rms"), "gradient_nonfinite": counts}
        table = type(table)(table.steps, table.variables, columns)
        first, second, *_ = rows_of(table, "gradient_rms")
        assert (first.path, first.now, first.since) == ("l1/kernel", np.inf, 4)
        assert second.path == "far/kernel"

    def test_exact_zero(self):
        """A gradient that becomes exactly zero stands out; where most are zero it does not."""
        series = {f"l{k}/kernel": flat(9) for k in range(4)}
        series["l2/kernel"] = np.where(np.arange(9) < 3, 0.1, 0.0)
        first, *_ = rows_of(table_of(series), "gradient_rms")
        assert (first.path, first.now, first.since) == ("l2/kernel", 0.0, 3)
        of_zeros = table_of({f"l{k}/kernel": flat(9, 0.0 if k else 0.1) for k in range(4)})
        assert all(row.is_quiet for row in rows_of(of_zeros, "gradient_rms"))

    def test_roles_are_compared_apart(self):
        """Biases are far from kernels and near to biases: all are quiet."""
        sizes = {"kernel": 0.1, "bias": 1e-6}
        series = {f"l{k}/{name}": flat(9, sizes[name]) for k in range(4) for name in sizes}
        table = table_of(series, roles=["kernel", "bias"] * 4)
        assert all(row.is_quiet for row in rows_of(table, "gradient_rms"))

    def test_lonely_roles(self):
        """The only embedding has no median to be far from, but it may move against the others."""
        series = {"embedding": flat(40), **{f"l{k}/kernel": flat(40) for k in range(3)}}
        table = table_of(series, roles=["embedding"])
        assert all(row.is_quiet for row in rows_of(table, "gradient_rms"))
        series["embedding"] = np.where(np.arange(40) < 30, 0.1, 1e-4)
        first, *_ = rows_of(table_of(series, roles=["embedding"]), "gradient_rms")
        assert (first.path, first.since) == ("embedding", 30) and np.isnan(first.apart)

    def test_what_moves_together_is_quiet(self):
        """Gradients that all fall by a thousand are no reason to point at one."""
        falling = np.logspace(0, -3, 50)
        table = table_of({f"l{k}/kernel": falling * (1 + k) for k in range(5)})
        assert all(row.is_quiet for row in rows_of(table, "gradient_rms"))

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_few_steps_and_few_variables(self, count):
        """No step, one or two, one variable, and NaN everywhere, are no reason to fail."""
        for number in (0.1, 0.0, np.nan, np.inf):
            rows = rows_of(table_of({"l/kernel": flat(count, number)}), "gradient_rms")
            assert [row.path for row in rows] == ["l/kernel"]
        assert rows_of(table_of({}, loss=flat(count)), "gradient_rms") == []


class TestSparkline:
    """Bars and marks."""

    def test_marks(self):
        """Each of not finite, exactly zero and absent has a mark of its own."""
        heights = np.array([0.0, np.nan, np.nan, np.nan, 3.0])
        zeros, infinite = np.arange(5) == 1, np.arange(5) == 2
        assert sparkline(heights, zeros, infinite, 5, "123", 1.0) == "10! 3"

    def test_spikes_are_seen(self):
        """A column of many steps shows the worst of them, not their mean."""
        heights = np.zeros(1000)
        heights[777] = 5.0
        never = np.zeros(1000, bool)
        assert sparkline(heights, never, never, 10, "123", 1.0) == "1111111311"

    def test_noise_is_flat(self):
        """What differs by less than the least span stays in the middle."""
        heights, never = np.array([0.0, 0.1, 0.0, 0.1]), np.zeros(4, bool)
        assert sparkline(heights, never, never, 4, "12345", 2.0) == "3333"


class TestOutput:
    """What is printed, and with which exit status."""

    def test_faulty_runs(self, capsys, faulty):
        """The finding comes first, the row that it names stands first, and the status is 1."""
        status, output, _ = shown(capsys, faulty)
        assert status == 1
        assert output.index("Alarm: `net/dense_2`: not updated since step 0") < output.index("loss")
        rows = rows_in(output)
        assert rows[0].startswith("net/dense_2/") and len(rows) == 10
        assert "… 4 more, all quiet" in output

    def test_healthy_runs(self, capsys, tmp_path):
        """A healthy run has status 0 and says that nothing was found."""
        logs.write(tmp_path, Training().run(60))
        status, output, _ = shown(capsys, tmp_path)
        assert status == 0 and "Nothing found" in output

    def test_choices(self, capsys, faulty):
        """--layer, -n, --all and --statistic choose rows and column."""
        _, output, _ = shown(capsys, faulty, "--layer", "dense_[45]/k", "-n", "1")
        assert len(rows_in(output)) == 1 and "… 1 more" in output
        _, output, _ = shown(capsys, faulty, "--all", "--statistic", "update_ratio")
        assert len(rows_in(output)) == 14 and "update_ratio, worst first" in output
        for wrong in (["--statistic", "nonsense"], ["--layer", "("], ["-n", "0"]):
            with pytest.raises(SystemExit) as error:
                main(["show", str(faulty), *wrong])
            assert error.value.code == 2

    def test_each_statistic(self, capsys, faulty):
        """Every column of the table can be shown."""
        from gtlog.vitals.columns import COLUMNS

        for column in COLUMNS:
            _, output, _ = shown(capsys, faulty, "--all", "--statistic", column)
            assert len(rows_in(output)) == 14

    def test_no_variable_matches(self, capsys, faulty):
        """A pattern that fits nothing has status 2, and the variables are named."""
        status, output, _ = shown(capsys, faulty, "--layer", "absent")
        assert status == 2
        assert "matches 'absent'. There is: net/dense_0/kernel, " in flowing(output)

    def test_no_gradient(self, capsys, tmp_path):
        """Of a run without a tape the values are shown."""
        logs.write(tmp_path, table_of({"l/kernel": flat(5)}, column="value_rms"))
        _, output, _ = shown(capsys, tmp_path)
        assert "value_rms, worst first" in output

    def test_nothing_there(self, capsys, tmp_path):
        """A directory that is empty, or not there, has status 2 and a word on what to do."""
        status, _, message = shown(capsys, tmp_path)
        assert status == 2 and "no event file in" in flowing(message)
        assert "--follow waits" in flowing(message)
        status, _, message = shown(capsys, tmp_path / "absent")
        assert status == 2 and "There is no directory" in flowing(message)
        status, _, message = shown(capsys, "gs://bucket/logs")
        assert status == 2 and "on this machine" in flowing(message)

    def test_files(self, capsys, tmp_path):
        """A file is no log directory."""
        path = logs.write(tmp_path, table_of({"l/kernel": flat(5)}))
        status, _, message = shown(capsys, path)
        assert status == 2 and "is a file" in flowing(message)

    def test_no_vitals(self, capsys, tmp_path):
        """Of a run of another tool losses and tags are shown, with status 2."""
        pairs = [(written.scalar("loss", 9 - k), written.scalar("acc", k)) for k in range(5)]
        written.write(tmp_path, *(written.event(k, *pair) for k, pair in enumerate(pairs)))
        status, output, _ = shown(capsys, tmp_path)
        assert status == 2
        assert "There are no vitals here" in flowing(output)
        assert "There is: acc, loss." in flowing(output)
        assert re.search(r"loss +9 \S{5} 5", output)

    def test_nothing_logged_yet(self, capsys, tmp_path):
        """An event file without a step is a run that has just begun."""
        written.write(tmp_path)
        status, output, _ = shown(capsys, tmp_path)
        assert status == 2 and "Nothing has been logged yet." in output

    def test_several_runs(self, capsys, tmp_path, faulty):
        """Of several runs each has a line; the status is that of the worst."""
        logs.write(tmp_path / "healthy", Training().run(30))
        status, output, _ = shown(capsys, tmp_path)
        assert status == 1
        assert re.search(r"faulty: step 59; loss \S+; 1 alarm ", flowing(output))
        assert re.search(r"healthy: step 29; loss \S+; nothing found", flowing(output))

    def test_one_run_beneath(self, capsys, tmp_path, faulty):
        """Where one directory beneath holds a run, that one is shown."""
        assert shown(capsys, tmp_path) == shown(capsys, faulty)

    def test_damaged_files(self, capsys, tmp_path):
        """What can be read is shown, and what cannot be is said."""
        path = logs.write(tmp_path, table_of({"l/kernel": flat(9)}, loss=flat(9)))
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) - 200)
            file.write(b"\xff" * 20)
        _, output, _ = shown(capsys, tmp_path)
        assert "l/kernel" in output and "1 part could not be read" in flowing(output)

    def test_losses(self, capsys, tmp_path):
        """Several losses have a line each; one that becomes NaN with the weights says so."""
        broken = np.where(np.arange(9) < 5, 1.0, np.nan)
        table = table_of(
            {"l/kernel": np.where(np.arange(9) < 5, 0.0, 3.0)},
            column="value_nonfinite",
            roles=["bias"],
            **{"loss/a": broken, "loss/b": flat(9, -2.0)},
        )
        logs.write(tmp_path, table)
        _, output, _ = shown(capsys, tmp_path, "--statistic", "value_nonfinite")
        assert re.search(r"^loss/a  1 \S{5}!!!! not finite$", output, re.M)
        assert re.search(r"^loss/b  -2 \S{9} -2$", output, re.M)

    def test_learning_rates(self, capsys, tmp_path):
        """Learning rates have a line each after the losses; of none there is no line."""
        rates = {"learning_rate": 0.5 ** np.arange(9), "learning_rate/critic": flat(9, 0.1)}
        series = {"l/kernel": flat(9)}
        logs.write(tmp_path / "with", table_of(series, loss=flat(9), **rates))
        _, output, _ = shown(capsys, tmp_path / "with")
        assert re.search(r"^loss .*\nlearning_rate  1 \S{9} 0.00391\n", output, re.M)
        assert re.search(r"^learning_rate/critic  0.1 \S{9} 0.1\n\n", output, re.M)
        logs.write(tmp_path / "without", table_of(series, loss=flat(9)))
        _, output, _ = shown(capsys, tmp_path / "without")
        assert not re.search("^learning_rate", output, re.M)


class TestLook:
    """A directory that changes between two looks."""

    def test_resumed_runs(self, tmp_path):
        """A second event file goes on where the run was resumed, and replaces what came after."""
        look = self.look_at(tmp_path)
        logs.write(tmp_path / "run", table_of({"l/kernel": flat(10)}))
        assert look.refresh() and not look.refresh()
        assert "10 logged steps, 0 to 9" in flowing("\n".join(look.lines(Screen())))
        later = table_of({"l/kernel": flat(3)}, steps=[5, 6, 7])
        logs.write(tmp_path / "run", later, name="events.out.tfevents.2000000000.host.1.0.gtlog")
        assert look.refresh()
        assert "8 logged steps, 0 to 7" in flowing("\n".join(look.lines(Screen())))

    def test_further_runs(self, tmp_path):
        """A run that begins later is named, and the first one goes on being shown."""
        look = self.look_at(tmp_path)
        logs.write(tmp_path / "run-1", table_of({"l/kernel": flat(4)}))
        look.refresh()
        logs.write(tmp_path / "run-2", table_of({"l/kernel": flat(4)}))
        assert look.refresh()
        text = flowing("\n".join(look.lines(Screen())))
        assert "run-1: 1 variable" in text and re.search(r"Other runs beneath: \S+run-2\.", text)

    def test_vanished_directories(self, tmp_path):
        """Where the directory vanishes what was last seen of it stays."""
        logs.write(tmp_path / "logs" / "run", table_of({"l/kernel": flat(4)}))
        look = self.look_at(tmp_path / "logs")
        look.refresh()
        before = look.lines(Screen())
        shutil.rmtree(str(tmp_path / "logs"))
        look.refresh()
        assert look.lines(Screen()) == before and look.status == 0

    def look_at(self, logdir):
        """A look at a directory."""
        return Look(str(logdir), Choice())


class TestScreens:
    """Windows, encodings, names."""

    @pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 200])
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "iso8859-8"])
    def test_each_line_fits(self, tmp_path, width, encoding):
        """No line is wider than the window, nor has a character that the encoding lacks."""
        series = {path: flat(30, 10.0**-place) for place, path in enumerate(HOSTILE)}
        logs.write(tmp_path, table_of(series, loss=np.linspace(3, 1, 30)))
        look = Look(str(tmp_path), Choice(most=None))
        look.refresh()
        lines = look.lines(Screen(width=width, encoding=encoding))
        assert max(map(columns_of, lines)) <= width
        assert "\n".join(lines).encode(encoding)
        assert all(line.replace("\u200e", "").isprintable() for line in lines)
        assert sum(len(line) for line in lines) < 50_000

    def test_ends_of_names_are_kept(self):
        """Of a long path the beginning and, more of it, the end are shown."""
        assert Screen().cut("transformer/block_11/attention/query/kernel", 20) == (
            "transf…/query/kernel"
        )

    def test_right_to_left(self):
        """A right-to-left name ends with a mark, so that the numbers after it stay in place."""
        assert Screen().cut("שלום", 10).endswith("\u200e")
        assert Screen(encoding="ascii").cut("שלום", 80) == "\\u05e9\\u05dc\\u05d5\\u05dd"

    def test_colours(self, faulty):
        """Colours are there where the screen has them, and only there."""
        look = Look(str(faulty), Choice())
        look.refresh()
        assert "\x1b[1;31mAlarm" in "\n".join(look.lines(Screen(has_colours=True)))
        assert "\x1b" not in "\n".join(look.lines(Screen()))

    @pytest.mark.parametrize(
        "variables, has_colours",
        [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)],
    )
    def test_who_has_colours(self, variables, has_colours):
        """A terminal has colours, unless NO_COLOR or TERM=dumb say no; a file has none."""
        assert Screen.of(_Terminal(), variables).has_colours == has_colours
        assert Screen.of(io.StringIO(), variables) == Screen(encoding="ascii")

    def test_many_variables(self, tmp_path):
        """Of a model of 1,000 variables the worst are shown, and how many more there are."""
        series = {f"net/l{k}/kernel": flat(40, 1 + k / 1000) for k in range(1000)}
        logs.write(tmp_path, table_of(series))
        look = Look(str(tmp_path), Choice())
        look.refresh()
        assert any("990 more, all quiet" in line for line in look.lines(Screen()))


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class _Clock:
    """Stands for `time`: things happen while the program sleeps; in the end comes Ctrl-C."""

    def __init__(self, *happenings):
        self._happenings = iter(happenings)

    @staticmethod
    def monotonic():
        """No time is spent on anything."""
        return 0.0

    def sleep(self, seconds):
        """Does what happens next."""
        assert seconds > 0
        happening = next(self._happenings, None)
        if happening is None:
            raise KeyboardInterrupt
        happening()


class TestFollow:
    """`--follow`, without a process and without waiting."""

    def test_each_step_and_finding_is_said_once(self, tmp_path, monkeypatch):
        """A file gets the picture once, then a line for each step, and each finding once."""
        table = Training(optimizer="sgd", rate=-0.1).run(60)
        path = []
        first = [lambda: path.append(written.write(tmp_path, logs.event_of(table, 0, True)))]
        rest = [
            lambda place=place: written.append(path[0], logs.event_of(table, place, False))
            for place in range(1, 60)
        ]
        nothing = [lambda: None]
        monkeypatch.setattr("gtlog.terminal.follow.time", _Clock(*first, *rest, *nothing))
        stream, look = io.StringIO(), Look(str(tmp_path), Choice(), is_over=False)
        assert follow(look, stream, 1.0) == 1
        lines = stream.getvalue().splitlines()
        assert [sum(f"step {k}; loss" in line for line in lines) for k in range(1, 60)] == [1] * 59
        assert stream.getvalue().count("Alarm:") == 1

    def test_a_window_is_drawn_anew(self, faulty, monkeypatch):
        """A terminal gets what fits into its second screen, and the whole on the first one."""
        variables = {"TERM": "xterm", "COLUMNS": "80", "LINES": "8"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setattr("gtlog.terminal.follow.time", _Clock())
        stream = _Terminal()
        follow(Look(str(faulty), Choice()), stream, 1.0)
        before, drawn, after = re.split(r"\x1b\[\?1049[hl]", stream.getvalue())
        assert before == "" and "Following; Ctrl-C ends it." in drawn
        assert drawn.count("\n") == 6 and "more lines" in drawn
        assert "more lines" not in after and after.count("\n") > 8


def start(*arguments, **options):
    """A process of `gtlog show` whose output is read."""
    command = [sys.executable, "-m", "gtlog", "show", *map(str, arguments)]
    options = {"env": environment(PYTHONIOENCODING="utf-8"), **options}
    return subprocess.Popen(command, preexec_fn=heed_interrupts, **options)


def heed_interrupts():
    """Ctrl-C ends this process, also where the tests themselves run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(**others):
    """The environment of a process that imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **others}


class TestProcesses:
    """The command as a shell runs it."""

    def test_no_tensorflow(self, faulty):
        """Showing a run imports neither TensorFlow nor TensorBoard."""
        code = (
            "import sys; from gtlog.cli import main; main(['show', sys.argv[1]]); "
            "assert not {'tensorflow', 'tensorboard'} & set(sys.modules)"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(faulty)],
            check=True,
            env=environment(PYTHONIOENCODING="ascii"),
            stdout=subprocess.DEVNULL,
        )

    def test_closed_pipes(self, faulty):
        """A reader that goes away, as `head` does, is no error."""
        process = start(faulty, "--all", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        message = process.stderr.read()
        assert (process.wait(timeout=60), message) == (141, b"")
        process.stderr.close()

    def test_follow(self, tmp_path):
        """--follow waits for a run, says each new step and finding once, and Ctrl-C ends it."""
        folder = tmp_path / "run"
        table = Training(optimizer="sgd", rate=-0.1).run(60)
        with following(folder) as (process, said):
            said.wait_for("There is no directory")
            path = written.write(folder, logs.event_of(table, 0, True))
            said.wait_for("1 logged step, 0 to 0")
            for place in range(1, 60):
                written.append(path, logs.event_of(table, place, False))
            said.wait_for("step 59; loss")
            said.wait_for("Alarm: The network as a whole: ascending")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 1
            said.thread.join(timeout=60)
        assert "".join(said.lines).count("Alarm:") == 1
        assert not any("Traceback" in line for line in said.lines)


@contextlib.contextmanager
def following(folder):
    """A process of `gtlog show --follow`, and the lines that it writes."""
    process = start(
        *(folder, "--follow", "--interval", 0.05),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"},
    )
    said = _Lines(process.stdout)
    try:
        yield process, said
    finally:
        process.kill()
        process.wait(timeout=60)
        said.thread.join(timeout=60)


class _Lines:
    """Reads the lines of a stream as they come."""

    def __init__(self, stream):
        self.lines = []
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        with stream:
            self.lines.extend(iter(stream.readline, ""))

    def wait_for(self, text):
        """Waits until there is a text, which may be broken into lines."""
        deadline = time.monotonic() + 60
        while text not in " ".join("".join(self.lines).split()):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
class TestPseudoTerminal:
    """The command in a window."""

    def test_narrow_and_coloured(self, faulty):
        """A window of 50 columns has lines of at most 50, in colours."""
        output = self.in_window(50, faulty)
        assert "\x1b[1;31mAlarm" in output
        plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
        assert 40 < max(map(columns_of, plain.splitlines())) <= 50

    def test_no_color(self, faulty):
        """NO_COLOR turns them off in a window."""
        assert "\x1b" not in self.in_window(80, faulty, NO_COLOR="1")

    def test_follow_leaves_the_window_as_it_was(self, faulty):
        """--follow draws on the second screen; Ctrl-C returns to the first and shows the rest."""
        options = ("--follow", "--interval", 0.05)
        output = self.in_window(80, faulty, *options, until="Following", status=0)
        assert output.count("\x1b[?1049h") == output.count("\x1b[?1049l") == 1
        assert output.index("\x1b[?25l") < output.index("\x1b[?25h")
        after = output[output.index("\x1b[?1049l") :]
        assert "Note" in after and "Bars:" in after

    def in_window(self, width, *arguments, until=None, status=1, **variables):
        """What a window of a width is sent; where `until` came, Ctrl-C is pressed."""
        import fcntl
        import pty
        import struct
        import termios

        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
        env = environment(TERM="xterm", PYTHONIOENCODING="utf-8", **variables)
        for name in ("COLUMNS", "LINES"):
            env.pop(name, None)
        command = [sys.executable, "-m", "gtlog", "show", *map(str, arguments)]
        process = subprocess.Popen(
            command, stdout=follower, env=env, preexec_fn=heed_interrupts
        )
        os.close(follower)
        output, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([leader], [], [], 1.0)[0]:
                continue
            try:
                part = os.read(leader, 65536)
            except OSError:  # as Linux ends it
                part = b""
            if not part:
                break
            output += part
            if until and until.encode() in output:
                process.send_signal(signal.SIGINT)
                until = None
        os.close(leader)
        process.kill()
        assert process.wait(timeout=60) == status
        return output.decode().replace("\r\n", "\n")
