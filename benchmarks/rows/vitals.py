"""The table of vitals: the time that it adds to a logged step, beside the other stock summaries."""

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
_WITHOUT = "gtlog without vitals"


def large(effort):
    """784-2048-2048-10, with gradients."""
    return _row("vitals-mlp", "vitals, MLP of 5.8 million", _MLP, effort)


def small(effort):
    """50 small layers, with gradients."""
    widths = (_SMALL,) * (effort.size(_SMALL_LAYERS) + 1)
    return _row("vitals-small", "vitals, 100 small variables", widths, effort)


def _row(key, title, widths, effort):
    samples = _measure(widths, effort)
    share = samples.ratio_of_added(GTLOG, _WITHOUT, BARE) - 1.0
    added = [
        Case(one, Spread.of(samples.added(one, BARE), 1e3), "ms") for one in (GTLOG, _WITHOUT)
    ]
    others = [Skipped(one, "It has no vitals.") for one in (USUAL_EAGER, USUAL_IN_GRAPH, KERAS)]
    return Row(
        key,
        title,
        figures=(
            Figure(
                "added, as a share of what the other stock summaries add",
                Spread.of(share),
                "x",
                Bar(AT_MOST, 0.1),
            ),
        ),
        cases=(Case(BARE, Spread.of(samples.of(BARE), 1e3), "ms"), *added, *others),
        notes=("It finds the norms that the scalars need on the way, so it can take less than 0.",),
    )


def _measure(widths, effort):
    workload = Workload([effort.size(width) for width in widths], _BATCH_SIZE)
    others = [
        gtlog.summaries.histograms(),
        gtlog.summaries.kernel_images(),
        gtlog.summaries.recurrent_gates(),
        gtlog.summaries.scalars(),
    ]
    with tempfile.TemporaryDirectory() as folder:
        make = Alternatives(workload, folder)
        cases = {
            BARE: make.bare(),
            _WITHOUT: make.gtlog_above(tape_class=gtlog.InstrumentedTape, summaries=others),
            GTLOG: make.gtlog_above(tape_class=gtlog.InstrumentedTape),
        }
        return interleaved(cases, effort.rounds(20), sample_seconds=0.1 / effort.shrink)
