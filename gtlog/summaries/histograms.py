"""Histograms of weights, biases and gradients."""

import numbers
from typing import Callable, NamedTuple

from gtlog import statistics, tags
from gtlog.records import together
from gtlog.records.step_record import VariableRecord
from gtlog.summaries.parts import part
from gtlog.types import Summary
from gtlog.values import Histogram, joined

DEFAULT_BUCKETS = 30  # as tf.summary.histogram has
_FLOOR = 1e-8
_SIGNED_LOG_DESCRIPTION = (
    "Each element x stands at `sign(x) * log10(1 + abs(x) / 1e-8)`: at 0 for 0, at 5 for 0.001, at "
    "7 for 0.1, at 8 for 1, at 9 for 10, at -5 for -0.001. Place p is 10 ** (abs(p) - 8), with the "
    "sign of p."
)


def histograms(buckets: int = DEFAULT_BUCKETS, *, scale: str = "linear") -> Summary:
    """A summary that writes the distributions of variables and gradients.

    Tags: `weights/<path>` and `biases/<path>`, the values after the update; `gradients/<path>`,
    what `tape.gradient` returned (of `tf.IndexedSlices` the rows that were touched, repeated
    indices summed). Elements that are NaN or infinite are in no bucket; `scalars` counts them.

    With `scale="signed_log"` the tags are `weights_signed_log/<path>`, `biases_signed_log/<path>`
    and `gradients_signed_log/<path>`, and an element x stands at
    `sign(x) * log10(1 + abs(x) / 1e-8)`: 1 at 8, 0.1 at 7, -0.001 at -5, 0 at 0. There a spike that
    is a million times as large as all else lies a few bins away and leaves the other steps
    readable, where on a linear scale they share one of TensorBoard's bins. A logger may have both.

    Args:
      buckets: Positive number of buckets, uniform on the scale between the smallest and the largest
        element.
      scale: `"linear"` or `"signed_log"`. The latter has no parameter that the data change, so that
        a place on the axis is the same value at all steps and in all charts.

    Returns:
      A callable from a `StepRecord` to an iterable of `Histogram` values.

    Raises:
      TypeError: `buckets` is no int.
      ValueError: `buckets` is below 1, or `scale` is another one.
    """
    check_buckets(buckets)
    if scale not in ("linear", "signed_log"):
        raise ValueError(f"scale must be 'linear' or 'signed_log', got {scale!r}.")
    counting = _LINEAR if scale == "linear" else _SIGNED_LOG

    def summarize(record):
        of_values, of_gradients = counting.of_small(record.variables, buckets)
        for variable in record.variables:
            name = repr(variable.path)
            rows = of_values.get(variable)
            yield from part(f"the variable {name}", _of_value(variable, buckets, counting, rows))
            if variable.gradient is not None:
                rows = of_gradients.get(variable)
                gradient = _of_gradient(variable, buckets, counting, rows, record.gradient_note)
                yield from part(f"the gradient of {name}", gradient)

    summarize.__qualname__ = "histograms"
    return summarize


def _of_value(variable, buckets, scale, rows):
    tag_of = tags.biases if variable.is_bias else tags.weights
    if rows is None:
        rows = scale.value_rows(variable, buckets)
    yield Histogram(tag_of(variable.path, scale.name), rows, scale.description)


def _of_gradient(variable, buckets, scale, rows, note):
    if rows is None:
        rows = scale.gradient_rows(variable, buckets)
    description = joined(scale.description, note)
    yield Histogram(tags.gradients(variable.path, scale.name), rows, description)


class _Scale(NamedTuple):
    """How elements are counted: rows by variable and number of buckets; its name in tags."""

    of_small: Callable
    value_rows: Callable
    gradient_rows: Callable
    name: str = "linear"
    description: str = ""


def _none_together(variables, buckets):
    together.know_extremes(variables)
    return {}, {}


def _signed_log_of_value(variable, buckets):
    return statistics.signed_log_histogram(
        variable.value_array, buckets, _FLOOR, variable.value_extremes
    )


def _signed_log_of_gradient(variable, buckets):
    return statistics.signed_log_histogram(
        variable.gradient_array, buckets, _FLOOR, variable.gradient_extremes
    )


_LINEAR = _Scale(
    together.histograms, VariableRecord.value_histogram, VariableRecord.gradient_histogram
)
_SIGNED_LOG = _Scale(
    _none_together,
    _signed_log_of_value,
    _signed_log_of_gradient,
    "signed_log",
    _SIGNED_LOG_DESCRIPTION,
)


def histogram_of(tag, array, buckets=DEFAULT_BUCKETS, description=""):
    """The `Histogram` value of an array's elements, for summaries of your own.

    Args:
      tag: Name of the chart.
      array: Numeric array or tensor of any shape; NaN and infinite elements are left out.
      buckets: Positive number of buckets.
      description: Markdown shown beside the chart.

    >>> histogram_of("activations", [0.0, 1.0, 2.0], buckets=2).buckets
    array([[0., 1., 1.],
           [1., 2., 2.]])
    """
    check_buckets(buckets)
    return Histogram(tag, statistics.histogram(array, buckets), description)


def check_buckets(buckets):
    """Raises unless `buckets` is a positive int."""
    if isinstance(buckets, bool) or not isinstance(buckets, numbers.Integral):
        raise TypeError(
            f"buckets must be a positive int, got {buckets!r} ({type(buckets).__name__})."
        )
    if buckets < 1:
        raise ValueError(f"buckets must be a positive int, got {buckets!r}.")
