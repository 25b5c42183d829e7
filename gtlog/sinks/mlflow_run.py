"""Steps in a run of MLflow."""

import hashlib
import re
import time
from typing import Any, Dict, List

from gtlog.sinks.numbers import PerVariable, columns_of, findings_of, numbers_of
from gtlog.sinks.packages import imported

_MOST_METRICS = 1000  # that MLflow takes at once
_MOST_CHARACTERS = 250  # that MLflow takes in the name of a metric
_NOT_IN_NAMES = re.compile(r"[^\w\-. :/]")


class MlflowSink:
    """Writes to a run of MLflow, beside what you log there yourself.

    The numbers of a step are the metrics `gtlog/loss`, `gtlog/gradient_norm` and so on. MLflow
    knows few characters in names, so others become `_`. What the diagnosis finds is the artifact
    `gtlog/findings.json`, and its count the tag `gtlog.findings`. Where a log directory stands
    beside the sink in `writer`, its report is stored as `gtlog/report.html` when the logger is
    closed.

    Args:
      run: What `mlflow.start_run` returned, or the id of a run. None takes the run that is active.
      per_variable: As for `gtlog.sinks.numbers_of`: `gtlog/gradient_rms/dense/kernel`. MLflow
        takes about half a millisecond for each number: with many variables log more rarely.
      report: Whether the report is stored.

    Raises:
      ModuleNotFoundError: mlflow is not installed.
      ValueError: no run is active, there is none of that id, or `per_variable` names a column that
        there is not.
      TypeError: `run` is no run, or `per_variable` of the wrong kind.
    """

    def __init__(
        self, run: Any = None, *, per_variable: PerVariable = False, report: bool = True
    ) -> None:
        columns_of(per_variable)
        mlflow = imported("mlflow", "mlflow", "MlflowSink")
        self._metric = mlflow.entities.Metric
        self._client = mlflow.MlflowClient()
        self._run_id = _checked_run(mlflow, self._client, run)
        self._per_variable = per_variable
        self._found: List[Any] = []
        self._keys: Dict[str, str] = {}
        self.takes_report = report

    def __str__(self):
        return f"the MLflow run {self._run_id!r}"

    def write(self, step, values):
        """Logs the numbers of a step, and all findings so far where there is a new one."""
        now = int(time.time() * 1000)
        metrics = [
            self._metric(self._key(one.tag), one.value, now, step)
            for one in numbers_of(values, self._per_variable)
        ]
        for first in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self._run_id, metrics[first : first + _MOST_METRICS])
        found = findings_of(values)
        if found:
            self._found.extend({"step": step, **finding.to_dict()} for finding in found)
            self._client.log_dict(self._run_id, {"findings": self._found}, "gtlog/findings.json")
            self._client.set_tag(self._run_id, "gtlog.findings", str(len(self._found)))

    def add_report(self, html):
        """Stores the report as an artifact of the run."""
        self._client.log_text(self._run_id, html, "gtlog/report.html")

    def _key(self, tag):
        """The name of a metric; two tags that MLflow cannot tell apart get a suffix."""
        if tag not in self._keys:
            key = _metric_name(f"gtlog/{tag}")
            if key in self._keys.values():
                key = _with_suffix(key, tag)
            self._keys[tag] = key
        return self._keys[tag]


def _metric_name(text):
    """A name that MLflow takes: it must also be a path of a file that is written in one way."""
    parts = _NOT_IN_NAMES.sub("_", text).split("/")
    name = "/".join("_" if part in ("", ".", "..") else part for part in parts)
    return name if len(name) <= _MOST_CHARACTERS else _with_suffix(name, text)


def _with_suffix(name, text):
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
    return f"{name[: _MOST_CHARACTERS - 9]}_{digest}"


def _checked_run(mlflow, client, run):
    """The id of a run."""
    if run is None:
        run = mlflow.active_run()
        if run is None:
            raise ValueError(
                "MlflowSink found no active run. Call mlflow.start_run() before the step is "
                "decorated, or pass what it returned: MlflowSink(run)."
            )
    run_id = run if isinstance(run, str) else getattr(getattr(run, "info", None), "run_id", None)
    if run_id is None:
        raise TypeError(
            "run must be what mlflow.start_run returned, or the id of a run, got "
            f"{run!r} ({type(run).__name__})."
        )
    try:
        client.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        raise ValueError(f"MlflowSink(run={run!r}): {error}") from error
    return run_id
