"""`gtlog.diagnose`: findings of whatever holds the vitals of a run."""

import os

from gtlog.diagnosis.judge import judge
from gtlog.vitals.table import VitalsTable


def diagnose(source):
    """Says what is wrong with a training, in which layer, since when and what to try.

    Args:
      source: A log directory, `str` or path; a `gtlog.Run`; a `gtlog.StepLogger`, whose run may
        still go on; or a `VitalsTable`.

    Returns:
      A list of `Finding`, the most important first. Empty where no rule sees a fault.

    Raises:
      OSError: the log directory cannot be read.
      ValueError: the log directory has no vitals in it.
      TypeError: `source` is none of these.
    """
    if isinstance(source, VitalsTable):
        return judge(source)
    if isinstance(source, (str, os.PathLike)):
        # Here, since a table is judged without the files.
        from gtlog.reading.run import open_run

        return judge(open_run(source).table)
    live = getattr(source, "diagnosis", None)
    if live is not None:
        return live.findings()
    table = getattr(source, "table", None)
    if isinstance(table, VitalsTable):
        return judge(table)
    raise TypeError(
        "diagnose takes a log directory, a Run, a StepLogger that diagnoses or a VitalsTable, "
        f"got {type(source).__name__}."
    )
