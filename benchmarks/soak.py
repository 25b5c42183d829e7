"""Decorated training under random faults, for as long as is asked: `python -m benchmarks.soak`.

A child process trains and logs; a fault befalls it about every second: its disk is full for a
while, its event files are taken away, a step raises, a weight becomes NaN, a step is traced anew.
About every ten seconds it is killed, and another one resumes. In the end the event files, those
that were taken away too, are held against what the child told: each scheduled step that returned is
in them, or gtlog has said that it is lost.
"""

import argparse
import glob
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings

EVERY = 2
_FAULTS = ("full", "take", "raise", "nan", "trace")
_TAKEN = "-taken"
_RANGE = re.compile(r"[Ss]teps? (\d+)(?: to (\d+))? (?:are lost|is lost|may be lost)")
_BEGINNING = re.compile(r"could not write to .* at step (\d+)")


def main(argv=None):
    """Runs the soak and prints its summary; returns 1 where a step is lost that nobody spoke of."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", type=int, default=None, help="of the faults (a new one)")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.child:
        logdir, start, seed = arguments.child
        _train(logdir, int(start), random.Random(int(seed)))
        return 0
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    with tempfile.TemporaryDirectory() as folder:
        summary = soak(os.path.join(folder, "logs"), arguments.minutes, seed)
    for name, value in summary.items():
        print(f"{name:36} {value}")
    return 1 if summary["lost without a word"] else 0


def soak(logdir, minutes, seed):
    """Trains under faults for some minutes.

    Args:
      logdir: Log directory, `str`, that does not exist yet.
      minutes: How long; the last child ends by itself a little later.
      seed: Seed of the faults, int.

    Returns:
      Dict of what to print: names and figures.
    """
    chance, until = random.Random(seed), time.monotonic() + 60.0 * minutes
    story = _Story()
    while time.monotonic() < until:
        alive = min(chance.uniform(4.0, 16.0), until - time.monotonic())
        _run_child(logdir, chance.randrange(2**32), alive, story)
    return {"seed": seed, "minutes": minutes, **story.summary(logdir)}


class _Story:
    """What the children told."""

    def __init__(self):
        self.returned, self.excused = set(), set()
        self.steps, self.kills, self.peak, self.growth = 0, 0, 0, []
        self.faults = dict.fromkeys(_FAULTS, 0)
        self._outage = None
        self._kilobytes = None

    def take(self, report):
        """Takes one line."""
        kind, value = next(iter(report.items()))
        if kind == "step":
            self.steps += 1
            if value % EVERY == 0:
                self.returned.add(value)
        elif kind == "fault":
            self.faults[value] += 1
        elif kind == "warning":
            self._take_warning(value)
        elif kind == "kilobytes":
            self.peak = max(self.peak, value)
            self._kilobytes = (self._kilobytes or [value]) + [value]

    def _take_warning(self, text):
        beginning, lost = _BEGINNING.search(text), _RANGE.search(text)
        if beginning:
            self._outage = int(beginning.group(1))
        if lost:
            first, last = int(lost.group(1)), int(lost.group(2) or lost.group(1))
            self.excused.update(range(first, last + 1))
            self._outage = None if "written again" in text else self._outage

    def child_ended(self):
        """An outage that a kill has cut off was said when it began."""
        self.kills += 1
        if self._outage is not None:
            self.excused.update(range(self._outage, max(self.returned, default=0) + 1))
            self._outage = None
        if self._kilobytes and len(self._kilobytes) > 4:
            self.growth.append(self._kilobytes[-1] - self._kilobytes[len(self._kilobytes) // 2])
        self._kilobytes = None

    @property
    def next_start(self):
        """Where the next child resumes: a few steps back, as from a checkpoint."""
        return max(1, max(self.returned, default=0) - 5)

    def summary(self, logdir):
        """The figures."""
        written, taken = _steps_in(logdir), _steps_in(logdir + _TAKEN)
        missing = self.returned - set(written) - set(taken)
        return {
            "steps": self.steps,
            "scheduled steps that returned": len(self.returned),
            "events in the log directory": len(written),
            "events in files that were taken": len(taken),
            "events that repeat a step": len(written) - len(set(written)),
            "lost, and said": len(missing & self.excused),
            "lost without a word": len(missing - self.excused),
            "processes killed": self.kills,
            **{f"faults: {name}": count for name, count in self.faults.items()},
            "peak memory of a process": f"{self.peak / 1024:.0f} MB",
            "growth over a process's second half": f"{max(self.growth, default=0) / 1024:.1f} MB",
        }


def _run_child(logdir, seed, seconds, story):
    reports, told = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.soak"]
        + ["--child", logdir, str(story.next_start), str(seed)],
        stdout=told,
        stderr=subprocess.DEVNULL,
    )
    os.close(told)
    end = None
    with open(reports) as lines:
        for line in lines:
            if end is None:  # it trains
                end = time.monotonic() + seconds
            if line.endswith("\n"):
                story.take(json.loads(line))
            if time.monotonic() > end:
                os.kill(process.pid, signal.SIGKILL)
                end = float("inf")
    process.wait()
    story.child_ended()


def _steps_in(logdir):
    import tensorflow as tf

    steps = []
    for path in sorted(glob.glob(os.path.join(logdir, "*tfevents*"))):
        try:
            for record in tf.data.TFRecordDataset(path, buffer_size=10**6).as_numpy_iterator():
                event = tf.compat.v1.Event.FromString(record)
                if event.summary.value:
                    steps.append(event.step)
        except tf.errors.DataLossError:  # the process was killed in the middle of the last record
            continue
    return steps


def _tell(**report):
    os.write(1, (json.dumps(report) + "\n").encode())


class _Fault(Exception):
    """What a step raises."""


def _train(logdir, start, chance):
    import tensorflow as tf

    import gtlog

    warnings.showwarning = lambda message, *rest: _tell(warning=str(message))
    warnings.simplefilter("always", gtlog.LoggingWarning)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    weight = tf.Variable(tf.random.normal([64, 64]), name="dense/kernel")
    number = tf.Variable(start, dtype=tf.int64)
    raises = []

    @gtlog.logged_step(logdir, EVERY, step=number)
    @tf.function
    def train_step(x):
        with gtlog.InstrumentedTape() as tape:
            loss = tf.reduce_mean((x @ weight) ** 2)
        tf.py_function(lambda: raises and _raise(raises.pop()), [], [])
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
        number.assign_add(1)

    rows, next_fault = 4, time.monotonic() + 1.0
    is_full = False
    while True:
        step = int(number.numpy())
        if time.monotonic() > next_fault:
            next_fault = time.monotonic() + chance.uniform(0.2, 1.5)
            if is_full:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                is_full = False
            fault = chance.choice(_FAULTS)
            _tell(fault=fault)
            _tell(kilobytes=_resident())
            if fault == "full":
                is_full = True
                resource.setrlimit(resource.RLIMIT_FSIZE, (chance.randrange(60, 5000), limit))
            elif fault == "take":
                os.makedirs(logdir + _TAKEN, exist_ok=True)
                for path in glob.glob(os.path.join(logdir, "*")):
                    os.rename(path, os.path.join(logdir + _TAKEN, os.path.basename(path)))
            elif fault == "raise":
                raises.append(_Fault("from the step"))
            elif fault == "nan":
                weight.assign(tf.where(tf.random.uniform([64, 64]) < 0.1, float("nan"), 0.1))
            elif fault == "trace":
                rows = chance.randrange(1, 64)
        try:
            train_step(tf.ones([rows, 64]))
        except tf.errors.OpError:
            continue
        if step % 20 == 0:
            weight.assign(tf.random.normal([64, 64]))
        _tell(step=step)


def _raise(error):
    raise error


def _resident():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main())
