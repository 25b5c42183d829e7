"""What is wrong with a training, in which layer and since when, from its vitals alone.

    for finding in gtlog.diagnose("logs"):
        print(finding)
"""

from gtlog.diagnosis.finding import Finding
from gtlog.diagnosis.judge import judge
from gtlog.diagnosis.live import LiveDiagnosis
from gtlog.diagnosis.source import diagnose

__all__ = ["Finding", "LiveDiagnosis", "diagnose", "judge"]
