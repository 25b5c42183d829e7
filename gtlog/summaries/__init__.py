"""Summaries: callables from a `StepRecord` to the values that one step writes.

The stock ones, which `stock()` makes, are `histograms()`, `kernel_images()`, `recurrent_gates()`,
`attention_heads()`, `vitals()` and `scalars()`; `overview()` lists those for a model of many
variables. `layer_outputs(model, probe)` runs a model on a fixed batch, `optimizer()` writes
learning rate and slots, `custom_scalars_layout()` draws scalars
together in few charts, and `less_often()` runs one on some of the logged steps only.
A summary of your own is any callable that takes a `gtlog.StepRecord` and returns, or yields,
`Scalar`, `Histogram` and `Image` values:

>>> def largest_weight(record):
...     for variable in record.variables:
...         yield Scalar(f"largest/{variable.path}", variable.value_statistics.maximum)
"""

from gtlog.summaries.attention_heads import attention_heads
from gtlog.summaries.chart_layout import custom_scalars_layout
from gtlog.summaries.histograms import histogram_of, histograms
from gtlog.summaries.kernels.images import kernel_images
from gtlog.summaries.less_often import less_often
from gtlog.summaries.optimizer import optimizer
from gtlog.summaries.outputs.summary import layer_outputs
from gtlog.summaries.overview import overview
from gtlog.summaries.recurrent_gates import recurrent_gates
from gtlog.summaries.scalars import scalars
from gtlog.summaries.stock import stock
from gtlog.summaries.vitals import vitals
from gtlog.values import Histogram, Image, Scalar, Table

__all__ = [
    "Histogram",
    "Image",
    "Scalar",
    "Table",
    "attention_heads",
    "custom_scalars_layout",
    "histogram_of",
    "histograms",
    "kernel_images",
    "layer_outputs",
    "less_often",
    "optimizer",
    "overview",
    "recurrent_gates",
    "scalars",
    "stock",
    "vitals",
]
