"""Steps that repeat or run backwards, older runs and other processes: no point is dropped."""

import os
import time

import pytest
import tensorflow as tf

import gtlog
from gtlog.testing import read_events

from .reading import event_files, points, steps_in_files


def train(logdir, steps, value=1.0):
    """Logs steps with these numbers with a new logger, whose weight norm is the value."""
    numbers = iter(steps)
    weight = tf.Variable([value], name="weight")
    with gtlog.StepLogger(logdir, step=lambda: next(numbers)) as logger:
        for _ in steps:
            with logger.step(), tf.GradientTape():
                weight.read_value()


class TestRestoredCheckpoints:
    """A logger whose steps run back."""

    def test_steps_that_run_back(self, logdir):
        """The steps that are there already are left out, said once; behind them it goes on."""
        with pytest.warns(gtlog.LoggingWarning, match="^Step 3 was not logged: step 5") as caught:
            train(logdir, [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7])
        assert len(caught) == 1
        assert list(points(logdir, "weight_norm")) == list(range(8))

    def test_a_step_that_repeats(self, logdir):
        """A step that comes again and again is logged once."""
        with pytest.warns(gtlog.LoggingWarning, match="^Step 0 was not logged") as caught:
            train(logdir, [0, 0, 0, 1, 1, 2])
        assert len(caught) == 1
        assert list(points(logdir, "weight_norm")) == [0, 1, 2]

    def test_a_variable_that_is_restored(self, logdir):
        """A checkpoint that sets `optimizer.iterations` back in the middle of a run."""
        iterations = tf.Variable(0, dtype=tf.int64)
        weight = tf.Variable([1.0], name="weight")

        @gtlog.logged_step(logdir, step=iterations)
        @tf.function
        def train_step():
            with gtlog.InstrumentedTape() as tape:
                loss = tf.reduce_sum(weight)
            weight.assign_sub(0.1 * tape.gradient(loss, weight))
            iterations.assign_add(1)

        for _ in range(4):
            train_step()
        iterations.assign(1)
        with pytest.warns(gtlog.LoggingWarning, match="^Step 1 was not logged: step 3 is"):
            for _ in range(5):
                train_step()
        assert list(points(logdir, "loss")) == [0, 1, 2, 3, 4, 5]


class TestOlderRuns:
    """A directory that has event files already."""

    def test_a_run_that_goes_on_behind(self, logdir):
        """A run that begins behind the older one's last step joins it without a word."""
        train(logdir, range(5), 1.0)
        train(logdir, range(5, 8), 2.0)
        expected = {step: 1.0 if step < 5 else 2.0 for step in range(8)}
        assert points(logdir, "weight_norm") == expected

    def test_a_run_that_resumes_inside(self, logdir):
        """A run that begins within the older one leaves its steps alone, and says so once."""
        train(logdir, range(6), 1.0)
        with pytest.warns(gtlog.LoggingWarning, match="^Step 3 was not logged: step 5") as caught:
            train(logdir, range(3, 9), 2.0)
        assert len(caught) == 1
        expected = {step: 1.0 if step < 6 else 2.0 for step in range(9)}
        assert points(logdir, "weight_norm") == expected

    def test_a_new_run(self, logdir):
        """A run from the beginning is written, with a warning; the older one's files stay."""
        train(logdir, range(6), 1.0)
        (older,) = event_files(logdir)
        size = os.path.getsize(older)
        said = "has steps 0 to 5 of an earlier run.*this one's points from step 0 on in place of"
        with pytest.warns(gtlog.LoggingWarning, match=said) as caught:
            train(logdir, range(3), 2.0)
        assert len(caught) == 1
        assert points(logdir, "weight_norm") == {0: 2.0, 1: 2.0, 2: 2.0}
        assert os.path.getsize(older) == size

    def test_a_file_that_ends_within_a_record(self, logdir):
        """Behind a process that was killed in a write, its whole records count."""
        train(logdir, range(4), 1.0)
        (older,) = event_files(logdir)
        os.truncate(older, os.path.getsize(older) - 5)
        train(logdir, range(3, 6), 2.0)
        assert points(logdir, "weight_norm") == {0: 1.0, 1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0, 5: 2.0}

    @pytest.mark.parametrize("content", [b"", b"no event file" * 9, b"\xff" * 100])
    def test_what_is_no_event_file(self, content, logdir):
        """A file that only has the name of one is passed over."""
        os.makedirs(logdir)
        with open(os.path.join(logdir, "events.out.tfevents.0000000001.x.1.0.gtlog"), "wb") as file:
            file.write(content)
        train(logdir, range(3))
        assert steps_in_files_of_new(logdir) == [0, 1, 2]

    def test_a_clock_that_was_set_back(self, logdir, monkeypatch):
        """TensorBoard reads files by name: a later run's comes last, whatever the clock says."""
        train(logdir, range(3), 1.0)
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now - 10**6)
        train(logdir, range(3, 6), 2.0)
        assert steps_in_files(logdir) == list(range(6))
        assert list(points(logdir, "weight_norm")) == list(range(6))

    def test_events_of_the_users_own(self, logdir):
        """The user's own writer in the same directory is no older run."""
        writer = tf.summary.create_file_writer(logdir)
        with writer.as_default():
            tf.summary.write("mine", 1.0, step=1000)
        train(logdir, range(3))
        writer.close()
        assert list(read_events(logdir).of("weight_norm")) == [0, 1, 2]


def steps_in_files_of_new(logdir):
    """The steps of the newest event file."""
    newest = event_files(logdir)[-1]
    events = tf.data.TFRecordDataset(newest, buffer_size=10**5).as_numpy_iterator()
    return [tf.compat.v1.Event.FromString(one).step for one in events][1:]


class TestTwoAtATime:
    """Two who write into one directory."""

    def test_two_loggers(self, logdir):
        """The one that was there first says that another one writes as well, once."""
        weight = tf.Variable([1.0], name="weight")
        loggers = [gtlog.StepLogger(logdir, step=0), gtlog.StepLogger(logdir, step=100)]

        def log(logger):
            with logger.step(), tf.GradientTape():
                weight.read_value()

        log(loggers[0])
        log(loggers[1])
        with pytest.warns(gtlog.LoggingWarning, match="^Another logger writes into") as caught:
            for _ in range(3):
                log(loggers[0])
        assert len(caught) == 1
        for logger in loggers:
            logger.close()
        assert len(event_files(logdir)) == 2
        assert sorted(steps_in_files(logdir)) == [0, 1, 2, 3, 100]

    def test_two_processes(self, python, tmp_path):
        """Each process writes whole records into a file of its own, and one of them warns."""
        logdir, pipes = tmp_path / "logs", [tmp_path / "one", tmp_path / "two"]
        for pipe in pipes:
            os.mkfifo(pipe)
        children = [python.start(TRAIN_IN_TURNS, logdir, pipe) for pipe in pipes]
        ends = [os.open(pipe, os.O_RDWR) for pipe in pipes]
        for _ in range(20):
            for end in ends:
                os.write(end, b"go\n")
        assert [child.wait() for child in children] == [0, 0], [c.err for c in children]
        for end in ends:
            os.close(end)
        assert len(event_files(logdir)) == 2
        assert sorted(steps_in_files(logdir)) == sorted(2 * list(range(20)))
        said = "".join(child.err for child in children)
        assert "LoggingWarning" in said

    def test_a_forked_process(self, python, tmp_path):
        """A process that is forked with the logger open writes nothing; the parent goes on."""
        child = python.run(FORK, tmp_path / "logs")
        assert child.status == 0, child.err
        assert child.out == "0\n"
        assert "was forked from the one that made the logger" in child.err
        assert len(event_files(tmp_path / "logs")) == 1
        assert steps_in_files(tmp_path / "logs") == [0, 1, 2, 3]


TRAIN_IN_TURNS = """
import sys
import tensorflow as tf
import gtlog

weight = tf.Variable([1.0], name="weight")
logger = gtlog.StepLogger(sys.argv[1])
with open(sys.argv[2]) as turns:
    for _ in range(20):
        turns.readline()
        with logger.step(), tf.GradientTape():
            weight.read_value()
"""
FORK = """
import atexit, os, sys
import tensorflow as tf
import gtlog

weight = tf.Variable([1.0], name="weight")
logger = gtlog.StepLogger(sys.argv[1])

def step():
    with gtlog.InstrumentedTape(logger=logger) as tape:
        loss = tf.reduce_sum(weight)
    tape.gradient(loss, weight)

for _ in range(3):
    step()
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    print(status)
    step()
    logger.close()
else:
    # The pending step 2 is the parent's to write. TensorFlow itself may hang in a forked process:
    # nothing here may ask it for anything, at the exit neither.
    logger.flush()
    with logger.step():
        pass
    # Behind the exit functions, which are gtlog's to pass, TensorFlow may wait for threads that a
    # forked process does not have.
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(0)
"""
