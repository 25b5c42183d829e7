"""What the table of vitals and the live diagnosis add to a logged step of the stock summaries."""

import tempfile

import gtlog
from benchmarks.alternatives import Alternatives
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
from benchmarks.models import Workload
from benchmarks.timing import interleaved

_BATCH_SIZE = 32
_MLP = (784, 2048, 2048, 10)
_SMALL, _SMALL_LAYERS = 64, 50
_WITHOUT, _UNJUDGED = "gtlog without vitals", "gtlog, diagnose=False"


def large(effort):
    """784-2048-2048-10, with gradients."""
    return _row("vitals-mlp", "vitals, MLP of 5.8 million", _MLP, effort)


def small(effort):
    """50 small layers, with gradients."""
    widths = (_SMALL,) * (effort.size(_SMALL_LAYERS) + 1)
    return _row("vitals-small", "vitals, 100 small variables", widths, effort)


def _row(key, title, widths, effort):
    samples = _measure(widths, effort)
    vitals = samples.ratio_of_added(_UNJUDGED, _WITHOUT, BARE) - 1.0
    diagnosis = samples.ratio(GTLOG, _UNJUDGED) - 1.0
    added = [
        Case(one, Spread.of(samples.added(one, BARE), 1e3), "ms")
        for one in (GTLOG, _UNJUDGED, _WITHOUT)
    ]
    others = [Skipped(one, "It has no vitals.") for one in (USUAL_EAGER, USUAL_IN_GRAPH, KERAS)]
    return Row(
        key,
        title,
        figures=(
            Figure(
                "added, as a share of what the other stock summaries add",
                Spread.of(vitals),
                "x",
                Bar(AT_MOST, 0.1),
            ),
            Figure(
                "added by the live diagnosis, as a share of the logged step",
                Spread.of(diagnosis),
                "x",
                Bar(AT_MOST, 0.02),
            ),
        ),
        cases=(Case(BARE, Spread.of(samples.of(BARE), 1e3), "ms"), *added, *others),
        notes=(
            "The vitals find extremes and norms on the way that the others need, so they can add "
            "less than nothing.",
        ),
    )


def _measure(widths, effort):
    workload = Workload([effort.size(width) for width in widths], _BATCH_SIZE)
    others = [
        gtlog.summaries.histograms(),
        gtlog.summaries.kernel_images(),
        gtlog.summaries.recurrent_gates(),
        gtlog.summaries.attention_heads(),
        gtlog.summaries.scalars(),
    ]
    with tempfile.TemporaryDirectory() as folder:
        make = Alternatives(workload, folder)
        cases = {
            BARE: make.bare(),
            _WITHOUT: make.gtlog_above(tape_class=gtlog.InstrumentedTape, summaries=others),
            _UNJUDGED: make.gtlog_above(tape_class=gtlog.InstrumentedTape, diagnose=False),
            GTLOG: make.gtlog_above(tape_class=gtlog.InstrumentedTape),
        }
        return interleaved(cases, effort.rounds(20), sample_seconds=0.1 / effort.shrink)
