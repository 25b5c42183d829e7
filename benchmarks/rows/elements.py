"""One large variable: what each of its elements costs."""

import tempfile

import numpy as np
import tensorflow as tf

import gtlog
from benchmarks.figures import (
    AT_MOST,
    BARE,
    GTLOG,
    KERAS,
    USUAL_EAGER,
    USUAL_IN_GRAPH,
    Bar,
    Case,
    Figure,
    Row,
    Skipped,
    Spread,
)
from benchmarks.timing import interleaved

_ELEMENTS = 16_000_000
_USUAL_ELEMENTS = 2_000_000
_PASS, _NUMPY = "np.min + np.max", "np.histogram"


def per_element(effort):
    """Nanoseconds for each element of a float32 variable far larger than any cache."""
    count, usual_count = effort.size(_ELEMENTS), effort.size(_USUAL_ELEMENTS)
    array = np.random.RandomState(0).normal(size=count).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            _PASS: lambda: (np.min(array), np.max(array)),
            _NUMPY: lambda: np.histogram(array, 30),
            USUAL_EAGER: _usual(tf.Variable(array[:usual_count]), folder),
            GTLOG: _gtlog(tf.Variable(array), folder),
        }
        samples = interleaved(cases, effort.rounds(15))
    return _row(samples, dict.fromkeys(cases, count), usual_count)


def _row(samples, counts, usual_count):
    counts[USUAL_EAGER] = usual_count
    measured = [
        Case(name, Spread.of(samples.of(name) / count, 1e9), "ns per element")
        for name, count in counts.items()
    ]
    ratio = Spread.of(samples.ratio(GTLOG, _PASS))
    return Row(
        "per-element",
        "one large float32 variable",
        figures=(Figure("times one np.min + np.max pass", ratio, "x", Bar(AT_MOST, 15)),),
        cases=(
            *measured,
            Skipped(BARE, "There is no step: the variable alone is logged."),
            Skipped(USUAL_IN_GRAPH, "There is no step."),
            Skipped(KERAS, "It calls what the usual loop calls."),
        ),
        notes=(
            f"{counts[GTLOG]:,} elements; the usual loop {usual_count:,}, for its memory. Of gtlog "
            "the whole logged step counts, down to the event file.",
        ),
    )


def _gtlog(variable, folder):
    logger = gtlog.StepLogger(folder, summaries=[gtlog.summaries.histograms()])

    def step():
        with logger.step():
            variable.read_value()

    return step


def _usual(variable, folder):
    writer = tf.summary.create_file_writer(folder)

    def step():
        with writer.as_default():
            tf.summary.histogram("variable", variable.numpy(), step=0)

    return step
