"""An unlogged step: what the decorator and the tape cost when there is nothing to log."""

import tempfile

import tensorflow as tf

import gtlog
from benchmarks.alternatives import NEVER, Alternatives
from benchmarks.figures import (
    AT_MOST,
    BARE,
    GTLOG,
    GTLOG_BENEATH,
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
from benchmarks.models import Workload
from benchmarks.timing import interleaved

_NOTHING_TO_DO = (
    Skipped(USUAL_EAGER, "Between logged steps it is the bare step."),
    Skipped(KERAS, "It logs at the end of an epoch alone."),
)
_BARE_TAPE, _GTLOG_TAPE = "eager step with tf.GradientTape", "gtlog with InstrumentedTape"


def eager(effort):
    """Microseconds that one call of an eager step takes more, decorated."""
    rounds = effort.rounds(300)
    with tempfile.TemporaryDirectory() as folder:
        calls = interleaved(_eager_calls(f"{folder}/calls"), rounds, sample_seconds=0.005)
        tapes = interleaved(_eager_tapes(f"{folder}/tapes"), rounds, sample_seconds=0.005)
    added = Spread.of(calls.added(GTLOG, BARE), 1e6)
    added_with_tape = Spread.of(tapes.added(_GTLOG_TAPE, _BARE_TAPE), 1e6)
    return Row(
        "unlogged-eager",
        "unlogged step, eager",
        figures=(
            Figure("us added to a call", added, "us", Bar(AT_MOST, 3)),
            Figure("us added, with InstrumentedTape", added_with_tape, "us"),
        ),
        cases=(
            *_cases(calls, (BARE, GTLOG), 1e6, "us"),
            *_cases(tapes, (_BARE_TAPE, _GTLOG_TAPE), 1e6, "us"),
            *_NOTHING_TO_DO,
            Skipped(USUAL_IN_GRAPH, "There is no graph."),
        ),
        notes=("The bare function returns its argument; with a tape it squares one variable.",),
    )


def small_layers(effort):
    """Decorator and InstrumentedTape on many layers that do little."""
    bar = Bar(AT_MOST, 1.045, 1.01)
    title = "unlogged graph, 20 layers of 64x64"
    return _graph_row("unlogged-small-layers", title, (64, 20), 32, bar, effort)


def large_layers(effort):
    """The same on few layers that do much."""
    title = "unlogged graph, 4 layers of 1024x1024"
    return _graph_row("unlogged-large-layers", title, (1024, 4), 128, Bar(AT_MOST, 1.01), effort)


def _graph_row(key, title, layers, batch_size, bar, effort):
    width, count = (effort.size(size) for size in layers)
    workload = Workload([width] * (count + 1), batch_size)
    options = {"every": NEVER, "tape_class": gtlog.InstrumentedTape}
    with tempfile.TemporaryDirectory() as folder:
        make = Alternatives(workload, folder)
        cases = {
            BARE: make.bare(),
            USUAL_IN_GRAPH: make.usual_in_graph(every=NEVER),
            GTLOG: make.gtlog_above(**options),
            GTLOG_BENEATH: make.gtlog_beneath(**options),
        }
        samples = interleaved(cases, effort.rounds(200), sample_seconds=0.01)
    ratios = [
        Figure(f"times the bare step, {where}", _ratio(samples, name), "x", bar)
        for where, name in (("above", GTLOG), ("beneath", GTLOG_BENEATH))
    ]
    notes = (f"InstrumentedTape inside; a batch of {batch_size}.",)
    measured = _cases(samples, cases, 1e3, "ms")
    return Row(key, title, tuple(ratios), (*measured, *_NOTHING_TO_DO), notes)


def _ratio(samples, name):
    return Spread.of(samples.ratio(name, BARE))


def _cases(samples, names, scale, unit):
    return [Case(name, Spread.of(samples.of(name), scale), unit) for name in names]


def _eager_calls(folder):
    weight = tf.Variable(1.0)

    def bare(x):
        return x

    @gtlog.logged_step(folder, every=NEVER)
    def decorated(x):
        return x

    with decorated.step_logger.step():  # step 0: the logger gets to know a variable
        weight.read_value()
    return {BARE: lambda: bare(1), GTLOG: lambda: decorated(1)}


def _eager_tapes(folder):
    weight = tf.Variable(1.0)

    def bare():
        with tf.GradientTape() as tape:
            loss = weight * weight
        return tape.gradient(loss, weight)

    @gtlog.logged_step(folder, every=NEVER)
    def decorated():
        with gtlog.InstrumentedTape() as tape:
            loss = weight * weight
        return tape.gradient(loss, weight)

    return {_BARE_TAPE: bare, _GTLOG_TAPE: decorated}
