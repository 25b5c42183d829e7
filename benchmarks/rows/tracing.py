"""The first step of a program: how often it is traced, and how long it takes."""

import gc
import tempfile
import time

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
from benchmarks.timing import Samples

_EVERY = 100
_OPTIONS = {"every": _EVERY, "tape_class": gtlog.InstrumentedTape}
_CASES = {
    BARE: lambda make: make.bare(),
    USUAL_IN_GRAPH: lambda make: make.usual_in_graph(every=_EVERY),
    GTLOG: lambda make: make.gtlog_above(**_OPTIONS),
    GTLOG_BENEATH: lambda make: make.gtlog_beneath(**_OPTIONS),
}
_STEPS = 3


def tracing(effort):
    """Traces of the first steps, and milliseconds to the end of the first one, new each time."""
    traces, samples = _measure([effort.size(64)] * (effort.size(20) + 1), effort.rounds(8))
    figures = []
    for where, name in (("above", GTLOG), ("beneath", GTLOG_BENEATH)):
        extra = Spread.of([ours - bare for ours, bare in zip(traces[name], traces[BARE])])
        ratio = Spread.of(samples.ratio(name, BARE))
        figures += [
            Figure(f"traces more than bare, {where}", extra, "traces", Bar(EXACTLY, 0)),
            Figure(f"times the bare step, {where}", ratio, "x", Bar(AT_MOST, 1.25)),
        ]
    usual = Spread.of(samples.ratio(USUAL_IN_GRAPH, BARE))
    return Row(
        "tracing",
        "first step, 20 layers of 64x64",
        figures=(*figures, Figure("times the bare step, usual loop", usual, "x")),
        cases=(
            *(Case(name, Spread.of(samples.of(name), 1e3), "ms") for name in _CASES),
            Skipped(USUAL_EAGER, "It is not traced."),
            Skipped(KERAS, "It is not traced."),
        ),
        notes=("The first step is logged: its event is in the time as well.",),
    )


def _measure(widths, rounds):
    """Counts of traces, and `Samples` of first calls; one round before is not counted."""
    names = list(_CASES)
    traces = {name: [] for name in names}
    seconds = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            count, first_call = _first_steps(_CASES[name], widths)
            traces[name].append(count)
            seconds[name].append(first_call)
    return traces, Samples({name: values[1:] for name, values in seconds.items()})


def _first_steps(make_case, widths):
    workload = _CountedWorkload(widths, batch_size=32)
    with tempfile.TemporaryDirectory() as folder:
        step = make_case(Alternatives(workload, folder))
        gc.collect()
        workload.runs = 0
        start = time.perf_counter()
        step()
        first_call = time.perf_counter() - start
        for _ in range(_STEPS - 1):
            step()
    return workload.runs, first_call


class _CountedWorkload(Workload):
    """Counts how often Python runs its step: in a graph, once for each trace."""

    runs = 0

    def make_step(self, *arguments):
        step = super().make_step(*arguments)

        def counted(x, y):
            self.runs += 1
            return step(x, y)

        return counted
