"""The cost of a logged step against the size of the model: the points of the plot."""

import dataclasses
import math
import tempfile
from typing import Tuple, Union

import gtlog
from benchmarks import machine
from benchmarks.alternatives import Alternatives
from benchmarks.figures import (
    BARE,
    GTLOG,
    KERAS,
    USUAL_EAGER,
    USUAL_IN_GRAPH,
    Case,
    Skipped,
    Spread,
)
from benchmarks.models import Workload
from benchmarks.timing import interleaved

KEY = "model-size"
GTLOG_GRADIENTS = "gtlog, with gradients"

_LAYERS = 8
_BATCH_SIZE = 32
_SMALLEST = 10_000
# Where repeating takes minutes, once must do: the differences are of powers of ten.
_FEW_ROUNDS = 30_000_000
# Of each element, by the one-hot matrix of tf.summary.histogram.
_USUAL_BYTES = 240
_WHY = "tf.summary.histogram would need {needed:.0f} GB at once"


@dataclasses.dataclass(frozen=True)
class Point:
    """What one size of model costs.

    Attributes:
      parameters: Number of weights and biases.
      cases: Milliseconds that each `Case` adds to the step (the bare step: its own), or `Skipped`.
    """

    parameters: int
    cases: Tuple[Union[Case, Skipped], ...]


def sweep(effort, say=lambda text: None):
    """Measures models of 10 thousand to 100 million parameters, half a power of ten apart.

    Args:
      effort: `Effort`.
      say: Called with a line of text before each size.

    Returns:
      List of `Point`.
    """
    points = []
    for parameters in _sizes(effort.largest_model):
        say(f"{parameters:,} parameters")
        points.append(_point(parameters, effort))
    return points


def _sizes(largest):
    half_decades = round(2 * math.log10(largest / _SMALLEST))
    return [round(_SMALLEST * math.sqrt(10) ** k) for k in range(half_decades + 1)]


def _point(parameters, effort):
    width = round(math.sqrt(parameters / _LAYERS))
    workload = Workload([width] * (_LAYERS + 1), _BATCH_SIZE)
    skipped = _skipped(workload.parameters)
    with tempfile.TemporaryDirectory() as folder:
        makers = _makers(Alternatives(workload, folder))
        cases = {name: make() for name, make in makers.items() if name not in skipped}
        rounds = effort.rounds(3 if parameters > _FEW_ROUNDS else 9)
        samples = interleaved(cases, rounds, sample_seconds=0.05)
    bare = Case(BARE, Spread.of(samples.of(BARE), 1e3), "ms")
    added = [
        Case(name, Spread.of(samples.added(name, BARE), 1e3), "ms")
        for name in cases
        if name != BARE
    ]
    not_measured = [Skipped(name, reason) for name, reason in skipped.items()]
    return Point(workload.parameters, (bare, *added, *not_measured))


def _makers(make):
    histograms = [gtlog.summaries.histograms()]
    return {
        BARE: make.bare,
        USUAL_EAGER: make.usual_eager,
        USUAL_IN_GRAPH: make.usual_in_graph,
        KERAS: make.keras_callback,
        GTLOG: lambda: make.gtlog_above(summaries=histograms),
        GTLOG_GRADIENTS: lambda: make.gtlog_above(tape_class=gtlog.InstrumentedTape),
    }


def _skipped(parameters):
    """What does not fit into half of the memory that is free, with the reason."""
    free = machine.available_bytes() / 2
    # In a graph, TensorFlow logs layers beside each other; eagerly one after the other.
    at_once = {
        USUAL_EAGER: parameters / _LAYERS,
        KERAS: parameters / _LAYERS,
        USUAL_IN_GRAPH: parameters,
    }
    needed = {name: _USUAL_BYTES * count for name, count in at_once.items()}
    return {
        name: _WHY.format(needed=count / 1e9) for name, count in needed.items() if count > free
    }
