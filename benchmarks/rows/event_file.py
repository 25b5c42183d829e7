"""What logging leaves on disk."""

import glob
import os
import tempfile

import tensorflow as tf

import gtlog
from benchmarks.alternatives import Alternatives
from benchmarks.figures import (
    AT_MOST,
    BARE,
    EXACTLY,
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

_STEPS = 5


def event_file(effort):
    """Bytes per histogram, and events per logged step, of 20 small layers."""
    workload = Workload([effort.size(64)] * (effort.size(20) + 1), batch_size=32)
    summaries = [gtlog.summaries.histograms()]
    written = {
        USUAL_EAGER: _written(workload, Alternatives.usual_eager),
        KERAS: _written(workload, Alternatives.keras_callback),
        GTLOG: _written(workload, Alternatives.gtlog_above, summaries=summaries),
    }
    count = _STEPS * len(workload.model.weights)
    size, events = written[GTLOG]
    unit = "bytes per histogram"
    return Row(
        "event-file",
        "event file",
        figures=(
            Figure(unit, Spread.of([size / count]), "bytes", Bar(AT_MOST, 800)),
            Figure("events per logged step", Spread.of([events / _STEPS]), "", Bar(EXACTLY, 1)),
        ),
        cases=(
            *(Case(name, Spread.of([one / count]), unit) for name, (one, _) in written.items()),
            Skipped(BARE, "It writes nothing."),
            Skipped(USUAL_IN_GRAPH, "It writes what the eager loop writes."),
            Skipped(GTLOG_BENEATH, "It writes what gtlog writes above."),
        ),
        notes=(f"{_STEPS} logged steps of {len(workload.model.weights)} variables.",),
    )


def _written(workload, make_case, **options):
    """Bytes of the event files of some logged steps, and the number of events with values."""
    with tempfile.TemporaryDirectory() as folder:
        make = Alternatives(workload, folder)
        step = make_case(make, **options)
        for _ in range(_STEPS):
            step()
        make.flush()
        paths = glob.glob(os.path.join(folder, "**", "*.tfevents.*"), recursive=True)
        return sum(map(os.path.getsize, paths)), sum(map(_count_events, paths))


def _count_events(path):
    records = tf.data.TFRecordDataset(path, buffer_size=1 << 18).as_numpy_iterator()
    events = (tf.compat.v1.Event.FromString(record) for record in records)
    return sum(bool(event.summary.value) for event in events)
