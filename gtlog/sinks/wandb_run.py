"""Steps in a run of Weights & Biases."""

from typing import Any, List

from gtlog.sinks.numbers import PerVariable, columns_of, findings_of, numbers_of
from gtlog.sinks.packages import imported

_STEP = "gtlog/step"
_COLUMNS = ("step", "severity", "fault", "layer", "first_step", "text")


class WandbSink:
    """Writes to a run of Weights & Biases, beside what you log there yourself.

    The numbers of a step are `gtlog/loss`, `gtlog/gradient_norm` and so on, drawn over
    `gtlog/step`: W&B's own step, which your calls of `wandb.log` count, is left alone. What the
    diagnosis finds is the table `gtlog/findings`. Where a log directory stands beside the sink in
    `writer`, its report is stored as an artifact when the logger is closed: before `wandb.finish`,
    or at the end of the program.

    Args:
      run: What `wandb.init` returned. None takes the run that is active.
      per_variable: As for `gtlog.sinks.numbers_of`: `gtlog/gradient_rms/dense/kernel`.
      report: Whether the report is stored.

    Raises:
      ModuleNotFoundError: wandb is not installed.
      ValueError: no run is active, or `per_variable` names a column that there is not.
      TypeError: `run` is no run, or `per_variable` of the wrong kind.
    """

    def __init__(
        self, run: Any = None, *, per_variable: PerVariable = False, report: bool = True
    ) -> None:
        columns_of(per_variable)
        self._wandb = imported("wandb", "wandb", "WandbSink")
        self._run = _checked_run(self._wandb.run if run is None else run)
        self._run.define_metric("gtlog/*", step_metric=_STEP)
        self._per_variable = per_variable
        self._found: List[Any] = []
        self.takes_report = report

    def __str__(self):
        return f"the W&B run {self._run.name or self._run.id!r}"

    def write(self, step, values):
        """Logs the numbers of a step, and all findings so far where there is a new one."""
        data = {f"gtlog/{one.tag}": one.value for one in numbers_of(values, self._per_variable)}
        found = [_row_of(step, finding) for finding in findings_of(values)]
        if found:
            # A table that was logged is not changed any more.
            self._found.extend(found)
            data["gtlog/findings"] = self._wandb.Table(columns=list(_COLUMNS), data=self._found)
        if data:
            self._run.log({_STEP: step, **data})

    def add_report(self, html):
        """Stores the report as an artifact of the run."""
        artifact = self._wandb.Artifact(f"gtlog-report-{self._run.id}", type="report")
        with artifact.new_file("gtlog-report.html", encoding="utf-8") as file:
            file.write(html)
        self._run.log_artifact(artifact)


def _row_of(step, finding):
    parts = (step, finding.severity, finding.fault, finding.layer, finding.first_step)
    return [*parts, str(finding)]


def _checked_run(run):
    if run is None:
        raise ValueError(
            "WandbSink found no active run. Call wandb.init(project=...) before the step is "
            "decorated, or pass what it returned: WandbSink(run)."
        )
    if not all(hasattr(run, name) for name in ("log", "define_metric", "log_artifact")):
        raise TypeError(
            f"run must be what wandb.init returned, got {run!r} ({type(run).__name__})."
        )
    return run
