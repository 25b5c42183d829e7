"""The public API as a user's type checker sees it: checked by mypy, never run."""

import os
from typing import Any, Iterable

import tensorflow as tf

import gtlog

writer: Any = tf.summary.create_file_writer("logs")


@gtlog.logged_step(writer, every=100)
def function(x: int, y: str) -> float:
    return 0.0


# A decorated step keeps its type, signature and all; `step_logger` is no part of that type.
loss: float = function(1, y="")


class Trainer:
    @gtlog.logged_step("logs", every=lambda step: step < 10, include="dense", on_error="raise")
    def method(self, x: int) -> float:
        return 0.0


method_loss: float = Trainer().method(1)


def own_summary(record: gtlog.StepRecord) -> Iterable[Any]:
    for variable in record.variables:
        path: str = variable.path
        yield path


seldom = gtlog.summaries.less_often(gtlog.summaries.kernel_images(), gtlog.log_spaced(max_gap=9))
few = gtlog.StepLogger("logs", summaries=[*gtlog.summaries.overview(), seldom])
for every in (gtlog.every_steps(2), gtlog.every_seconds(0.5), gtlog.overhead(0.02)):
    gtlog.StepLogger("logs", every, summaries=[seldom, gtlog.summaries.histograms(scale="linear")])

log = gtlog.StepLogger(
    os.curdir, step=0, summaries=[gtlog.summaries.histograms(buckets=30), own_summary]
)


class OwnSink:
    def write(self, step: int, values: Iterable[Any]) -> None:
        tags: list = [number.tag for number in gtlog.sinks.numbers_of(values, per_variable=True)]
        tags.extend(finding.fault for finding in gtlog.sinks.findings_of(values))


gtlog.StepLogger([os.curdir, OwnSink(), gtlog.sinks.TableSink("run.csv", append=True)])
for tracker in (gtlog.sinks.WandbSink(per_variable=["gradient_rms"]), gtlog.sinks.MlflowSink()):
    gtlog.StepLogger(tracker)
found: list = []
gtlog.StepLogger("logs", diagnose=found.append)
gtlog.StepLogger("logs", diagnose=False)
severities: list = [finding.severity for finding in gtlog.diagnose(log)]
with log, log.step():
    with gtlog.InstrumentedTape(persistent=True) as tape:
        pass
with gtlog.InstrumentedTape(logger=log):
    pass
callbacks: list = [log.keras_callback(), log.keras_callback(gradients=True)]
log.flush()
log.close()
