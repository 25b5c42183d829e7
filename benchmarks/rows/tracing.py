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
_MODES = (("above", GTLOG), ("beneath", GTLOG_BENEATH))


def tracing(effort):
    """Traces of the first steps, and milliseconds to the end of the first one, new each time."""
    widths = [effort.size(64)] * (effort.size(20) + 1)
    traces, samples = _measure(lambda: _counting(Workload(widths, 32)), effort.rounds(8), _CASES)
    figures = []
    for where, name in _MODES:
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


def tracing_resnet(effort):
    """Seconds of processor time to the end of the first step of ResNet-50, 214 variables."""
    names = (BARE, GTLOG, GTLOG_BENEATH)
    is_whole = effort.shrink == 1
    make = Workload.resnet50 if is_whole else lambda: Workload([effort.size(64)] * 3, 8)
    _, samples = _measure(
        lambda: _counting(make()), effort.rounds(3), names, time.process_time
    )
    ratios = [
        Figure(
            f"times the bare step, {where}",
            Spread.of(samples.ratio(name, BARE)),
            "x",
            Bar(AT_MOST, 1.25),
        )
        for where, name in _MODES
    ]
    return Row(
        "tracing-resnet",
        "first step, ResNet-50 on 32x32",
        figures=tuple(ratios),
        cases=(
            *(Case(name, Spread.of(samples.of(name)), "s") for name in names),
            Skipped(USUAL_EAGER, "It is not traced."),
            Skipped(USUAL_IN_GRAPH, "Its graph of 214 histograms takes minutes to trace."),
            Skipped(KERAS, "It is not traced."),
        ),
        notes=("Processor time; a batch of 8. The first step is logged. If quick, a small MLP.",),
    )


def _measure(make_workload, rounds, names, clock=time.perf_counter):
    """Counts of traces, and `Samples` of first calls; one round before is not counted."""
    names = list(names)
    traces = {name: [] for name in names}
    seconds = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            count, first_call = _first_steps(_CASES[name], make_workload(), clock)
            traces[name].append(count)
            seconds[name].append(first_call)
    return traces, Samples({name: values[1:] for name, values in seconds.items()})


def _first_steps(make_case, workload, clock):
    with tempfile.TemporaryDirectory() as folder:
        step = make_case(Alternatives(workload, folder))
        gc.collect()
        workload.runs = 0
        start = clock()
        step()
        first_call = clock() - start
        for _ in range(_STEPS - 1):
            step()
    return workload.runs, first_call


def _counting(workload):
    """Has a workload count how often Python runs its step: in a graph, once for each trace."""
    make_step, workload.runs = workload.make_step, 0

    def make_counted(*arguments):
        step = make_step(*arguments)

        def counted(x, y):
            workload.runs += 1
            return step(x, y)

        return counted

    workload.make_step = make_counted
    return workload
