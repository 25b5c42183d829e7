"""Recurrent layers by gate: histograms of their kernels and biases, and of each unit's mean.

The order of the gates along the last axis is that of Keras's own sources:

* Keras 2 in TensorFlow 2.3, python/keras/layers: recurrent_v2.py, where `standard_lstm`
  splits into i, f, c, o and `standard_gru` into z, r, h; convolutional_recurrent.py,
  `ConvLSTM2DCell.call`; recurrent.py, `SimpleRNNCell.call`. Keras 2.15 has the same in
  keras/src/layers/rnn.
* Keras 3, keras/src/layers/rnn: lstm.py, `LSTMCell.call`; gru.py, `GRUCell.call`; conv_lstm.py,
  `ConvLSTMCell.call`; simple_rnn.py, `SimpleRNNCell.call`.
* Sonnet 2, sonnet/src/recurrent.py: `LSTM`, whose g is c here, and `GRU`, whose a is h here.
"""

import re

import numpy as np

from gtlog import statistics, tags
from gtlog.summaries.histograms import DEFAULT_BUCKETS, check_buckets
from gtlog.summaries.parts import of_each
from gtlog.types import Summary
from gtlog.values import Histogram
from gtlog.variables import roles

# Gates in the order of the last axis, by how many times `units` that axis is long.
_GATES = {1: ("h",), 3: ("z", "r", "h"), 4: ("i", "f", "c", "o")}

# By the name of the recurrent kernel, the names of the kernel and the bias that belong to it.
_SIBLINGS = {"recurrent_kernel": ("kernel", "bias"), "w_h": ("w_i", "b")}

_NAME = re.compile(r"(?P<name>.*?)(?P<number>_\d+)?")

# Elements widened to float64 at a time: 8 MiB.
_CHUNK = 1 << 20


def recurrent_gates(buckets: int = DEFAULT_BUCKETS) -> Summary:
    """Makes a summary that shows recurrent layers gate by gate.

    LSTM, GRU (with `reset_after` and without), SimpleRNN and ConvLSTM layers are found from their
    variables alone, wherever they sit (`Bidirectional`, stacked cells, a cell of the user's): by a
    variable named `recurrent_kernel` of shape `[..., units, k * units]`, where k = 4 is an LSTM
    with the gates i, f, c, o, k = 3 a GRU with z, r, h, and k = 1 a SimpleRNN with h. `kernel` and
    `bias` beside it, with the same number at the end of their names if it has one, belong to it.
    Sonnet's `w_h` counts as a recurrent kernel where its `w_i` stands beside it, with `b`. Other
    names say nothing of the order of the gates and are left alone; so is a kernel or bias whose
    last axis is not `k * units` long.

    For each logged step the summary yields

    * `gates/<path>/<gate>` for kernel, recurrent kernel and bias: the elements
      `[..., gate * units : (gate + 1) * units]`. The `[2, 3 * units]` bias of a `reset_after` GRU
      gives both its rows, input and recurrent bias, to the gate.
    * `unit_means/<path>` for kernel and recurrent kernel: the means over all axes but the last, so
      for a matrix over its input axis (axis 0): `k * units` values, one per unit and gate.

    Elements that are NaN or infinite are left out of the histograms and out of the means; a unit
    with no finite element has no mean. Sums are taken in float64. Empty variables give nothing.

    Args:
      buckets: Number of buckets of each histogram, 1 or more.

    Returns:
      A callable from a `StepRecord` to an iterable of `gtlog.values.Histogram`.

    Raises:
      TypeError: `buckets` is no integer.
      ValueError: `buckets` is smaller than 1.
    """
    check_buckets(buckets)

    def summarize(record):
        by_path = {variable.path: variable for variable in record.variables}

        def values_of(recurrent):
            gates, width = _gates_of(recurrent)
            for variable in _layer_variables(recurrent, by_path) if gates else ():
                shape = variable.shape
                if all(shape) and shape[-1:] == (width,):
                    yield from _layer_histograms(variable, gates, buckets)

        return of_each(record.variables, values_of)

    summarize.__qualname__ = "recurrent_gates"
    return summarize


def _gates_of(variable):
    """The gates of a recurrent kernel and the length of its last axis; no gates for all else."""
    shape = variable.shape if variable.role == roles.RECURRENT_KERNEL else ()
    if len(shape) < 2 or not all(shape) or shape[-1] % shape[-2]:
        return (), 0
    return _GATES.get(shape[-1] // shape[-2], ()), shape[-1]


def _layer_variables(recurrent, by_path):
    """The recurrent kernel and the variables beside it that belong to it by name."""
    prefix, slash, own = recurrent.path.rpartition("/")
    name, number = _NAME.fullmatch(own).group("name", "number")
    siblings = _SIBLINGS.get(name, ())
    paths = [prefix + slash + sibling + (number or "") for sibling in siblings]
    # `w_h` alone may be anything, the hidden weights of an attention for one.
    if not paths or (name == "w_h" and paths[0] not in by_path):
        return []
    return [recurrent] + [by_path[path] for path in paths if path in by_path]


def _layer_histograms(variable, gates, buckets):
    array = variable.value_array
    units = array.shape[-1] // len(gates)
    for index, gate in enumerate(gates):
        of_gate = array[..., index * units : (index + 1) * units]
        yield Histogram(
            tag=tags.gates(variable.path, gate),
            buckets=statistics.histogram(of_gate, buckets),
            description=f"Gate {gate} of `{variable.path}`, shape {list(array.shape)}: "
            f"elements [..., {index * units}:{(index + 1) * units}].",
        )
    if not variable.is_bias:
        yield Histogram(
            tag=tags.unit_means(variable.path),
            buckets=statistics.histogram(_unit_means(array), buckets),
            description=f"Means of `{variable.path}`, shape {list(array.shape)}, over all axes "
            f"but the last: one for each unit of the gates {', '.join(gates)}.",
        )


def _unit_means(array):
    """Means of the finite elements over all axes but the last; NaN where there is none."""
    rows = array.reshape(-1, array.shape[-1])
    total, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    step = max(1, _CHUNK // rows.shape[1])
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step].astype(np.float64)
        finite = np.isfinite(chunk)
        total += np.where(finite, chunk, 0.0).sum(axis=0)
        count += finite.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return total / count
