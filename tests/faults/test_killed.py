"""A process may end at any moment, in any way: what was logged before is there."""

import os
import random
import signal
import time

import pytest

from .reading import points, steps_in_files

KILLS = 30

# The weight after step k is k + 1, so that each point tells whether it is right. A step is told
# through the pipe when it has returned.
TRAIN = """
import os, sys
import tensorflow as tf
import gtlog

logdir, start, pipe = sys.argv[1], int(sys.argv[2]), os.open(sys.argv[3], os.O_WRONLY)
weight = tf.Variable([0.0], name="weight")

@gtlog.logged_step(logdir, step=start)
def train_step(number):
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(weight)
    tape.gradient(loss, weight)
    weight.assign([number + 1.0])

for number in range(start, 10**9):
    train_step(number)
    os.write(pipe, b"%d\\n" % number)
"""


def test_killed_at_30_random_moments(python, tmp_path):
    """Whatever the moment, all steps that had returned are there, and each run goes on."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed of the moments: {seed}")
    moments, logdir, start, returned = random.Random(seed), tmp_path / "logs", 0, []
    for kill in range(KILLS):
        pipe = tmp_path / f"pipe{kill}"
        os.mkfifo(pipe)
        child = python.start(TRAIN, logdir, start, pipe)
        with open(pipe) as lines:
            returned += [int(lines.readline()) for _ in range(moments.randint(1, 12))]
            until = time.perf_counter() + moments.uniform(0.0, 0.005)
            while time.perf_counter() < until:  # anywhere in a step, in its write too
                pass
            os.kill(child.pid, signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL
            returned += [int(line) for line in lines if line.endswith("\n")]
        # The checkpoint that training resumes from is a few steps old.
        start = max(1, max(returned) - moments.randint(0, 3))
    steps = steps_in_files(logdir)
    assert steps == list(range(len(steps)))
    assert set(returned) <= set(steps)
    assert points(logdir, "weight_norm") == {step: step + 1.0 for step in steps}


ENDS = """
import os, signal, sys
import tensorflow as tf
import gtlog

logdir, mode, end = sys.argv[1:]
# A process that was started in the background may ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
weight = tf.Variable([1.0], name="weight")
logger = gtlog.StepLogger(logdir)
number = 0

class Diverged(Exception):
    pass

def finish():
    if number == 3:
        {
            "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
            "SIGINT": lambda: os.kill(os.getpid(), signal.SIGINT),
            "sys.exit": lambda: sys.exit(7),
            "exception": lambda: fail(),
            "os.abort": os.abort,
        }.get(end, lambda: None)()

def fail():
    raise Diverged("loss is NaN")

def train_step():
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(weight)
    weight.assign_sub(0.1 * tape.gradient(loss, weight))
    finish()

def inline_step():
    with gtlog.InstrumentedTape(logger=logger) as tape:
        loss = tf.reduce_sum(weight)
        finish()
    weight.assign_sub(0.1 * tape.gradient(loss, weight))

def above():
    traced = tf.function(lambda: train_step_in_graph())
    def step():
        with logger.step():
            traced()
            finish()
    return step

def train_step_in_graph():
    with gtlog.InstrumentedTape() as tape:
        loss = tf.reduce_sum(weight)
    weight.assign_sub(0.1 * tape.gradient(loss, weight))

def eager():
    def step():
        with logger.step():
            train_step()
    return step

step = {"eager": eager, "above": above, "inline": lambda: inline_step}[mode]()
for number in range(5 if end == "exit" else 100):
    step()
"""
STATUS = {
    "SIGTERM": -signal.SIGTERM,
    "os.abort": -signal.SIGABRT,
    "SIGINT": 130,
    "sys.exit": 7,
    "exception": 1,
    "exit": 0,
}


@pytest.mark.parametrize("mode", ["eager", "above", "inline"])
@pytest.mark.parametrize("end", list(STATUS))
def test_ends(end, mode, python, tmp_path):
    """However a program ends in its step 3, or at its end unclosed, completed steps are there."""
    child = python.run(ENDS, tmp_path, mode, end)
    status = child.status
    if end == "SIGINT" and status == -signal.SIGINT:  # Python 3.8 and later end by the signal
        status = 130
    assert status == STATUS[end], child.err
    completed = 5 if end == "exit" else 3
    assert steps_in_files(tmp_path) == list(range(completed))
    assert points(tmp_path, "loss") == pytest.approx(
        {step: 1.0 - 0.1 * step for step in range(completed)}
    )
    assert "LoggingWarning" not in child.err
