"""What is wrong with a training, in which layer and since when, from its vitals alone.

    for finding in gtlog.diagnose("logs"):
        print(finding)
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from gtlog.diagnosis.finding import Finding
    from gtlog.diagnosis.judge import judge
    from gtlog.diagnosis.live import LiveDiagnosis
    from gtlog.diagnosis.source import diagnose

__all__ = ["Finding", "LiveDiagnosis", "diagnose", "judge"]

# Imported when first asked for: the command's help needs none of them, nor numpy.
_HOMES = {
    "Finding": "gtlog.diagnosis.finding",
    "LiveDiagnosis": "gtlog.diagnosis.live",
    "diagnose": "gtlog.diagnosis.source",
    "judge": "gtlog.diagnosis.judge",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return sorted({*globals(), *__all__})
