"""What a rule saw: a finding to be, with the rows and columns of the table that it stands on."""

from typing import NamedTuple, Optional, Tuple

from gtlog.diagnosis.faults import ALARM


class Sighting(NamedTuple):
    """What a rule saw.

    Attributes:
      fault: One of the vocabulary.
      onset: Index of the logged step at which it began.
      evidence: What is seen, with its numbers, in a sentence or two.
      row: Row of the variable that is to blame; None where the whole network is.
      rows: Rows that show it, the one to blame among them.
      severity: `"alarm"` or `"note"`.
      advice: What to try where it is not what the vocabulary says; None takes that.
      is_variable: Whether the variable alone is meant, not its layer.
    """

    fault: str
    onset: int
    evidence: str
    row: Optional[int] = None
    rows: Tuple[int, ...] = ()
    severity: str = ALARM
    advice: Optional[str] = None
    is_variable: bool = False
