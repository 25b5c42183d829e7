"""Sinks beside TensorBoard: what they are given, and what becomes of one that fails."""

import gc
import re
import time

import numpy as np
import pytest
import tensorflow as tf

import gtlog
from gtlog.sinks import findings_of, numbers_of
from gtlog.testing import read_events

from .run_modes.rows.replicas import mirrored_strategy
from .run_modes.ways import compiled
from .steps_in_ways import WAYS

ALL_WAYS = {**WAYS, "compiled": lambda decorate, step: decorate(compiled(step))}


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self):
        self.steps, self.reports, self.closed = [], [], 0

    def write(self, step, values):
        self.steps.append((step, values))

    def add_report(self, html):
        assert not self.closed
        self.reports.append(html)

    def close(self):
        self.closed += 1

    def of(self, name):
        """The numbers of a name by their steps."""
        return {
            step: number.value
            for step, values in self.steps
            for number in numbers_of(values)
            if number.name == name
        }


class Failing(Kept):
    """A sink that fails at some steps."""

    def __init__(self, at=(0, 1, 2, 3), seconds=0.0):
        super().__init__()
        self.at, self.seconds, self.calls = at, seconds, 0

    def write(self, step, values):
        self.calls += 1
        if step in self.at:
            time.sleep(self.seconds)
            raise OSError("the server does not answer")
        super().write(step, values)


class OfFiles:
    """What has a method `write`, and is no sink."""

    def write(self, text):
        """Takes a text."""


@pytest.fixture(name="weight")
def _weight():
    return tf.Variable([1.0, 2.0], name="weight")


def trained(weight, decorate, steps=4, way="eager"):
    """Trains a step that is decorated; returns its losses."""

    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_sum((weight * x) ** 2)
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        return loss

    step = ALL_WAYS[way](decorate, train_step)
    return [float(step(tf.ones([2]))) for _ in range(steps)]


class TestSeveral:
    """`writer` takes several places."""

    @pytest.mark.parametrize("way", ALL_WAYS)
    def test_each_gets_each_logged_step(self, way, weight, logdir):
        """A sink is given what the event file is, at the same steps, in each way to run a step."""
        sink = Kept()
        decorate = gtlog.logged_step([logdir, sink], every=2, on_error="raise")
        losses = trained(weight, decorate, way=way)
        del decorate
        gc.collect()
        events = read_events(logdir)
        assert sink.of("loss") == {0: losses[0], 2: losses[2]}
        for name in ("loss", "gradient_norm", "weight_norm", "update_ratio"):
            assert sink.of(name) == pytest.approx(events.of(name))
        assert [one.tag for one in sink.steps[0][1]] == [one.tag for one in events if one.step == 0]

    def test_in_fit(self, logdir):
        """The callback for Keras `fit` hands the sink what it writes."""
        model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1, name="dense")])
        model.compile(tf.keras.optimizers.SGD(0.1), "mse")
        sink = Kept()
        with gtlog.StepLogger([logdir, sink], on_error="raise") as log:
            x = np.ones([6, 2], "f")
            model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=[log.keras_callback()])
        ratios = read_events(logdir).of("update_ratio")
        assert sink.of("update_ratio") == pytest.approx(ratios) and list(ratios) == [0, 1, 2]

    def test_replicas(self):
        """Of the replicas of a strategy, one hands each step to the sink."""
        strategy, sink = mirrored_strategy(), Kept()
        with strategy.scope():
            weight = tf.Variable(
                [1.0, 2.0], name="weight", aggregation=tf.VariableAggregation.SUM
            )

        def replica_step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight**2)
            weight.assign_sub(0.1 * tape.gradient(loss, weight))

        step = gtlog.logged_step(sink, on_error="raise")(
            tf.function(lambda: strategy.run(replica_step))
        )
        for _ in range(2):
            step()
        assert [number for number, _ in sink.steps] == [0, 1]
        assert sink.of("loss")[0] == 10.0 and sink.of("gradient_norm")[0] > 0

    def test_a_sink_alone(self, weight):
        """No log directory is needed."""
        sink = Kept()
        trained(weight, gtlog.logged_step(sink, every=3, on_error="raise"))
        assert [step for step, _ in sink.steps] == [0, 3]

    def test_two_directories_and_a_writer(self, weight, tmp_path):
        """Directories and SummaryWriters may stand beside each other."""
        paths = [str(tmp_path / name) for name in "abc"]
        writer = tf.summary.create_file_writer(paths[2])
        log = gtlog.StepLogger([*paths[:2], writer], on_error="raise")
        with log:
            trained(weight, lambda step: stepped(log, step), steps=2)
        first, *others = [read_events(path) for path in paths]
        assert len(first.of("loss")) == 2
        for other in others:
            assert [(one.step, one.tag) for one in other] == [(one.step, one.tag) for one in first]

    def test_values_between_steps(self, weight, logdir):
        """What is logged after a step goes to each place, with the step before."""
        sink = Kept()
        with gtlog.StepLogger([logdir, sink], every=2, on_error="raise") as log:
            trained(weight, lambda step: stepped(log, step))
            log.scalar("validation", 0.5)
        assert sink.of("validation") == read_events(logdir).of("validation") == {3: 0.5}

    def test_findings(self, logdir):
        """What the diagnosis finds is given to a sink with its step, what the event file has."""
        weight, sink = tf.Variable([1.0, np.nan], name="weight"), Kept()
        decorate = gtlog.logged_step([logdir, sink], diagnose=lambda finding: None)
        trained(weight, decorate, steps=3)
        del decorate
        gc.collect()
        found = [one for _, values in sink.steps for one in findings_of(values)]
        assert [one.fault for one in found][:1] == ["nonfinite"]
        assert found == list(gtlog.open_run(logdir).findings)

    def test_each_step_once(self, weight, logdir):
        """A step that comes again is given to no sink a second time, which is said."""
        sink = Kept()
        step = tf.Variable(5, dtype=tf.int64)
        with pytest.warns(gtlog.LoggingWarning, match="^Step 5 was not logged: "):
            trained(weight, gtlog.logged_step([sink], step=step), steps=2)
        assert [number for number, _ in sink.steps] == [5]

    def test_one_that_was_there_before(self, weight, logdir):
        """Steps that one place has from an earlier run go to the others, which is said once."""
        trained(weight, gtlog.logged_step(logdir), steps=6)
        sink = Kept()
        message = f"^Step 3 was not written to {re.escape(repr(logdir))}: step 5 is in the event"
        with pytest.warns(gtlog.LoggingWarning, match=message) as caught:
            trained(weight, gtlog.logged_step([logdir, sink], step=3), steps=4)
        assert len(caught) == 1
        assert [number for number, _ in sink.steps] == [3, 4, 5, 6]
        assert list(read_events(logdir).of("loss")) == [0, 1, 2, 3, 4, 5, 6]


def stepped(log, step):
    """A step that a logger logs with a `with` statement."""

    def train_step(x):
        with log.step():
            return step(x)

    return train_step


class TestFailing:
    """A sink that fails costs itself alone."""

    def test_the_others_go_on(self, weight, logdir):
        """It is said once, with the steps that are lost; nothing else changes."""
        alone = trained(tf.Variable(weight, name="alone"), gtlog.logged_step(Kept()))
        failing, sink = Failing(), Kept()
        with pytest.warns(gtlog.LoggingWarning) as caught:
            with gtlog.StepLogger([failing, logdir, sink]) as log:
                assert trained(weight, lambda step: stepped(log, step)) == alone
        first, last = [str(one.message) for one in caught]
        assert first.startswith(
            "gtlog could not write to the sink Failing at step 0: OSError: the server does not "
            "answer. Training goes on"
        )
        assert last.startswith("Steps 0 to 3 are lost (4 logged): the sink Failing")
        assert list(sink.of("loss")) == list(read_events(logdir).of("loss")) == [0, 1, 2, 3]

    def test_it_is_tried_again(self, weight):
        """What it missed is said when it takes steps again."""
        failing = Failing(at=(1, 2))
        with pytest.warns(gtlog.LoggingWarning) as caught:
            trained(weight, gtlog.logged_step(failing))
        assert list(failing.of("loss")) == [0, 3]
        assert str(caught[-1].message) == (
            "Steps 1 to 2 are lost (2 logged): the sink Failing could not be written to. Step 3 "
            "is written again."
        )

    def test_on_error_raise(self, weight):
        """With `on_error="raise"` it is raised after the step, which the others have."""
        sink, before = Kept(), weight.numpy()
        log = gtlog.StepLogger([Failing(), sink], on_error="raise")
        with pytest.raises(gtlog.LoggingError, match="the sink Failing at step 0"):
            trained(weight, lambda step: stepped(log, step))
        assert list(sink.of("loss")) == [0] and np.all(weight.numpy() != before)
        with pytest.warns(gtlog.LoggingWarning, match="^Step 0 is lost"):
            log.close()

    def test_warnings_that_are_errors(self, weight):
        """Where a filter makes an error of the warning, the others have been given the step."""
        sink = Kept()
        log = gtlog.StepLogger([Failing(), sink])
        with pytest.raises(gtlog.LoggingWarning, match="the sink Failing"):
            trained(weight, lambda step: stepped(log, step))
        assert list(sink.of("loss")) == [0]
        with pytest.warns(gtlog.LoggingWarning, match="^Step 0 is lost"):
            log.close()

    @pytest.mark.filterwarnings("ignore::gtlog.LoggingWarning")
    def test_one_that_takes_long_to_fail(self, weight, monkeypatch):
        """It is left alone for a while, so that a dead server does not hold the training up."""
        monkeypatch.setattr("gtlog.writing.destinations._SLOW_SECONDS", 0.01)
        monkeypatch.setattr("gtlog.writing.destinations._REST", 1e6)
        failing, sink = Failing(seconds=0.02), Kept()
        with gtlog.StepLogger([failing, sink]) as log:
            trained(weight, lambda step: stepped(log, step))
            log.scalar("validation", 0.5)
        assert failing.calls == 1 and len(sink.of("loss")) == 4

    def test_a_failing_end(self, weight, logdir):
        """What fails when the logger is closed is said, and the others are closed."""

        class Stuck(Kept):
            def fail(self, *arguments):
                raise RuntimeError("stuck")

            add_report = flush = close = fail

        sink = Kept()
        with pytest.warns(gtlog.LoggingWarning) as caught:
            with gtlog.StepLogger([logdir, Stuck(), sink]) as log:
                trained(weight, lambda step: stepped(log, step), steps=1)
                log.flush()
        assert [str(one.message) for one in caught] == [
            "gtlog could not flush the sink Stuck: RuntimeError: stuck",
            "gtlog could not store the report in the sink Stuck: RuntimeError: stuck",
            "gtlog could not close the sink Stuck: RuntimeError: stuck",
        ]
        assert sink.closed == 1 and len(sink.reports) == 1


class TestReport:
    """The report of the run."""

    def test_it_is_added_at_the_end(self, weight, logdir):
        """A sink that takes it is given the page of the log directory once, before it is closed."""
        sink = Kept()
        with gtlog.StepLogger([sink, logdir]) as log:
            trained(weight, lambda step: stepped(log, step))
            assert sink.reports == []
        (html,) = sink.reports
        assert html.lower().startswith("<!doctype html>")
        assert 'id="gtlog-data"' in html and sink.closed == 1

    def test_there_is_none(self, weight, logdir):
        """None is made without a log directory, without a step, and where it is not wanted."""
        alone, idle, unwilling = Kept(), Kept(), Kept()
        unwilling.takes_report = False
        with gtlog.StepLogger(alone) as log:
            trained(weight, lambda step: stepped(log, step), steps=1)
        gtlog.StepLogger([logdir, idle]).close()
        with gtlog.StepLogger([logdir, unwilling]) as log:
            trained(weight, lambda step: stepped(log, step), steps=1)
        assert alone.reports == idle.reports == unwilling.reports == []

    def test_before_a_tracker_ends_its_run(self, python, tmp_path):
        """Where the program ends first, the sink has all before what was begun before it ends."""
        out, _ = python.output(
            """
            import atexit, sys
            import tensorflow as tf
            import gtlog

            class Tracker:
                def write(self, step, values):
                    print("step", step)
                def add_report(self, html):
                    print("report")

            atexit.register(print, "the run has ended")
            weight = tf.Variable([1.0], name="weight")

            @gtlog.logged_step([sys.argv[1], Tracker()])
            def train_step():
                with gtlog.InstrumentedTape() as tape:
                    loss = tf.reduce_sum(weight ** 2)
                weight.assign_sub(0.1 * tape.gradient(loss, weight))

            train_step()
            """,
            tmp_path,
        )
        assert out.splitlines() == ["step 0", "report", "the run has ended"]


class TestBadInput:
    """What is no sink is refused when the step is decorated."""

    @pytest.mark.parametrize(
        "writer, error, message",
        [
            ([], ValueError, "^writer must not be an empty list"),
            (["logs", None], TypeError, "a sink, or a list of these, got None"),
            (["logs", ["other"]], TypeError, "got a list in it"),
            (["logs", "./logs"], ValueError, "^writer names './logs' twice"),
            (Kept, TypeError, r"^writer got the class Kept. Make a sink of it: Kept\(\)"),
            ([OfFiles()], TypeError, "whose write cannot be called with these two"),
        ],
    )
    def test_it_is_said(self, writer, error, message, tmp_path, monkeypatch):
        """The error says what is wrong with it."""
        monkeypatch.chdir(tmp_path)
        with pytest.raises(error, match=message):
            gtlog.logged_step(writer)

    def test_a_sink_twice(self):
        """One sink is named once."""
        sink = Kept()
        with pytest.raises(ValueError, match="twice"):
            gtlog.logged_step([sink, sink])

    def test_what_a_logger_says_of_itself(self, logdir):
        """Its `repr` names each place."""
        with gtlog.StepLogger([logdir, Kept()]) as log:
            assert f"into {logdir!r} and the sink Kept, " in repr(log)
