"""What a rule saw: a future finding, with the rows and columns of the table that show it."""

from typing import NamedTuple, Optional, Tuple

from gtlog.diagnosis.faults import ALARM


class Sighting(NamedTuple):
    """What a rule saw.

    Attributes:
      fault: One of the vocabulary.
      onset: Index of the logged step at which it began.
      evidence: What the table shows, with its numbers, in a sentence or two.
      row: Row of the variable that is to blame; None if the whole network is.
      rows: Rows that show it, the row to blame among them.
      severity: `"alarm"` or `"note"`.
      advice: What to try in place of the advice of the vocabulary; None takes the vocabulary's.
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
