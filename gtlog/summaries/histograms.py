"""Histograms of weights, biases and gradients."""

import numbers

from gtlog import statistics
from gtlog.types import Summary
from gtlog.values import Histogram

DEFAULT_BUCKETS = 30  # as tf.summary.histogram has


def histograms(buckets: int = DEFAULT_BUCKETS) -> Summary:
    """A summary that writes the distributions of variables and gradients.

    Tags: `weights/<path>` and `biases/<path>`, the values after the update; `gradients/<path>`,
    what `tape.gradient` returned (of `tf.IndexedSlices` the rows that were touched, repeated
    indices summed). Elements that are NaN or infinite are in no bucket; `scalars` counts them.

    Args:
      buckets: Positive number of uniform buckets between the smallest and the largest element.

    Returns:
      A callable from a `StepRecord` to an iterable of `Histogram` values.

    Raises:
      TypeError: `buckets` is no int.
      ValueError: `buckets` is below 1.
    """
    check_buckets(buckets)

    def summarize(record):
        for variable in record.variables:
            kind = "biases" if variable.is_bias else "weights"
            rows = statistics.histogram(variable.value_array, buckets, variable.value_extremes)
            yield Histogram(f"{kind}/{variable.path}", rows)
            if variable.gradient is not None:
                rows = statistics.histogram(
                    variable.gradient_array, buckets, variable.gradient_extremes
                )
                yield Histogram(f"gradients/{variable.path}", rows)

    summarize.__qualname__ = "histograms"
    return summarize


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
