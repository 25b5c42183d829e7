"""What is wrong with a training, in which layer and since when, from its vitals alone.

    for finding in gtlog.diagnose("logs"):
        print(finding)
"""

import typing

from gtlog import lazy

if typing.TYPE_CHECKING:
    from gtlog.diagnosis.finding import Finding
    from gtlog.diagnosis.judge import judge
    from gtlog.diagnosis.live import LiveDiagnosis
    from gtlog.diagnosis.source import diagnose

__all__ = ["Finding", "LiveDiagnosis", "diagnose", "judge"]

# Imported when first asked for: the help of the command needs neither these modules nor numpy.
__getattr__, __dir__ = lazy.names(
    __name__,
    {
        "Finding": "gtlog.diagnosis.finding",
        "LiveDiagnosis": "gtlog.diagnosis.live",
        "diagnose": "gtlog.diagnosis.source",
        "judge": "gtlog.diagnosis.judge",
    },
)
