"""Sinks: where the values of a step go beside TensorBoard.

`WandbSink`, `MlflowSink` and `TableSink` stand beside a log directory in `writer`, or alone:

    @gtlog.logged_step(["logs", gtlog.sinks.WandbSink()], every=100)

Each takes the numbers of the whole step and what the diagnosis finds, and with `per_variable` the
vitals of each variable. A sink of your own is any object with a method `write(step, values)`;
`numbers_of` and `findings_of` take out of the values what most sinks want:

>>> class Losses:
...     def __init__(self):
...         self.by_step = {}
...
...     def write(self, step, values):
...         for number in numbers_of(values):
...             if number.name == "loss":
...                 self.by_step[step] = number.value
"""

from gtlog import lazy
from gtlog.sinks.numbers import Number, findings_of, numbers_of

__all__ = [
    "MlflowSink",
    "Number",
    "TableSink",
    "WandbSink",
    "findings_of",
    "numbers_of",
]

__getattr__, __dir__ = lazy.names(
    __name__,
    {
        "MlflowSink": "gtlog.sinks.mlflow_run",
        "TableSink": "gtlog.sinks.table_file",
        "WandbSink": "gtlog.sinks.wandb_run",
    },
)
