"""gtlog: sees inside a model that is trained with `tf.GradientTape`.

One decorator around the existing training step, one tape in place of `tf.GradientTape`, and
TensorBoard shows weights, biases, gradients, kernels and gates:

    writer = tf.summary.create_file_writer("logs")

    @gtlog.logged_step(writer, every=100)
    @tf.function
    def train_step(x, y):
        with gtlog.InstrumentedTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from gtlog import sinks, summaries, testing
    from gtlog.decorator import logged_step
    from gtlog.diagnosis.finding import Finding
    from gtlog.diagnosis.source import diagnose
    from gtlog.errors import LoggingError, LoggingWarning, TrainingWarning
    from gtlog.logger import StepLogger
    from gtlog.reading.run import Run, open_run
    from gtlog.records.optimizer_record import OptimizerRecord, SlotRecord
    from gtlog.records.step_record import StepRecord, TapeRecord, VariableRecord
    from gtlog.tape import InstrumentedTape
    from gtlog.when.schedule import every_seconds, every_steps, log_spaced, overhead

__all__ = [
    "Finding",
    "InstrumentedTape",
    "LoggingError",
    "LoggingWarning",
    "OptimizerRecord",
    "Run",
    "SlotRecord",
    "StepLogger",
    "StepRecord",
    "TapeRecord",
    "TrainingWarning",
    "VariableRecord",
    "diagnose",
    "every_seconds",
    "every_steps",
    "log_spaced",
    "logged_step",
    "open_run",
    "overhead",
    "sinks",
    "summaries",
    "testing",
]

__version__ = "0.1.0"

# Imported when first asked for: `gtlog --help`, and modules that read a log, need no TensorFlow.
_HOMES = {
    "Finding": "gtlog.diagnosis.finding",
    "InstrumentedTape": "gtlog.tape",
    "LoggingError": "gtlog.errors",
    "LoggingWarning": "gtlog.errors",
    "OptimizerRecord": "gtlog.records.optimizer_record",
    "Run": "gtlog.reading.run",
    "SlotRecord": "gtlog.records.optimizer_record",
    "StepLogger": "gtlog.logger",
    "StepRecord": "gtlog.records.step_record",
    "TapeRecord": "gtlog.records.step_record",
    "TrainingWarning": "gtlog.errors",
    "VariableRecord": "gtlog.records.step_record",
    "diagnose": "gtlog.diagnosis.source",
    "every_seconds": "gtlog.when.schedule",
    "every_steps": "gtlog.when.schedule",
    "log_spaced": "gtlog.when.schedule",
    "logged_step": "gtlog.decorator",
    "open_run": "gtlog.reading.run",
    "overhead": "gtlog.when.schedule",
    "sinks": "gtlog",
    "summaries": "gtlog",
    "testing": "gtlog",
}

# Names that need no TensorFlow. In `testing`, only `assert_traced_at_most` needs it.
_MODULES_WITHOUT_TENSORFLOW = ("sinks", "testing")
_HOMES_WITHOUT_TENSORFLOW = (
    "gtlog.diagnosis.finding",
    "gtlog.diagnosis.source",
    "gtlog.errors",
    "gtlog.reading.run",
)


def __getattr__(name):
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if home not in _HOMES_WITHOUT_TENSORFLOW and name not in _MODULES_WITHOUT_TENSORFLOW:
        importlib.import_module("gtlog._compat")  # first: it says how to install TensorFlow
    if home == __name__:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value  # found without a call from now on
    return value


def __dir__():
    return sorted({*globals(), *__all__})
