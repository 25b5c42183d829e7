"""A logged step: the time that logging adds to it, by model and by what is logged."""

import dataclasses
import tempfile

import gtlog
from benchmarks.alternatives import Alternatives
from benchmarks.figures import (
    AT_LEAST,
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
    Spread,
)
from benchmarks.models import Workload
from benchmarks.timing import interleaved

_BATCH_SIZE = 32
_MLP = (784, 2048, 2048, 10)
_SMALL, _SMALL_LAYERS = 64, 50


def mlp(effort):
    """Weights and biases of 784-2048-2048-10."""
    title = "logged step, MLP of 5.8 million"
    return _weights_row("logged-mlp", title, _MLP, Bar(AT_LEAST, 25, 40), effort)


def small_variables(effort):
    """Weights and biases of 50 small layers."""
    title = "logged step, 100 small variables"
    widths = (_SMALL,) * (effort.size(_SMALL_LAYERS) + 1)
    return _weights_row("logged-small", title, widths, Bar(AT_LEAST, 40, 100), effort)


def gradients(effort):
    """Everything that gtlog logs by itself, against the usual loop for weights and biases alone."""
    options = {"tape_class": gtlog.InstrumentedTape}
    samples = _measure(_MLP, options, effort)
    note = "gtlog logs gradients, norms, loss and update ratio as well; the others do not."
    title = "logged step with gradients, same MLP"
    return _row("logged-gradients", title, Bar(AT_LEAST, 12, 20), samples, (note,))


def small_gradients(effort):
    """Everything that gtlog logs by itself, of 50 small layers."""
    widths = (_SMALL,) * (effort.size(_SMALL_LAYERS) + 1)
    samples = _measure(widths, {"tape_class": gtlog.InstrumentedTape}, effort)
    note = "gtlog logs gradients, norms, loss and update ratio as well; the others do not."
    title = "logged step with gradients, 100 small variables"
    added = Figure(
        "ms added to the step", Spread.of(samples.added(GTLOG, BARE), 1e3), "ms", Bar(AT_MOST, 6)
    )
    row = _row("logged-small-gradients", title, Bar(AT_LEAST, 25), samples, (note,))
    return dataclasses.replace(row, figures=(*row.figures, added))


def _weights_row(key, title, widths, bar, effort):
    samples = _measure(widths, {"summaries": [gtlog.summaries.histograms()]}, effort)
    return _row(key, title, bar, samples)


def _measure(widths, options, effort):
    workload = Workload([effort.size(width) for width in widths], _BATCH_SIZE)
    with tempfile.TemporaryDirectory() as folder:
        make = Alternatives(workload, folder)
        cases = {
            BARE: make.bare(),
            USUAL_EAGER: make.usual_eager(),
            USUAL_IN_GRAPH: make.usual_in_graph(),
            KERAS: make.keras_callback(),
            GTLOG: make.gtlog_above(**options),
            GTLOG_BENEATH: make.gtlog_beneath(**options),
        }
        return interleaved(cases, effort.rounds(20), sample_seconds=0.1 / effort.shrink)


def _row(key, title, bar, samples, notes=()):
    ratio = samples.ratio_of_added(USUAL_EAGER, GTLOG, BARE)
    names = (USUAL_EAGER, USUAL_IN_GRAPH, KERAS, GTLOG, GTLOG_BENEATH)
    added = [Case(one, Spread.of(samples.added(one, BARE), 1e3), "ms") for one in names]
    return Row(
        key,
        title,
        figures=(Figure("times less time than the usual loop", Spread.of(ratio), "x", bar),),
        cases=(Case(BARE, Spread.of(samples.of(BARE), 1e3), "ms"), *added),
        notes=notes,
    )
