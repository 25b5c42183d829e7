"""What the diagnosis says: one fault, where it is, since when, what shows it and what to try."""

import dataclasses
import json
from typing import Optional, Tuple

from gtlog.diagnosis.faults import ALARM, FAULTS, NOTE
from gtlog.notices.text import printable

_SEVERITIES = (ALARM, NOTE)
_NAMED_CONSEQUENCES = 3


@dataclasses.dataclass(frozen=True)
class Finding:
    """A fault of the training, as the vitals show it.

    Attributes:
      fault: One of `gtlog.diagnosis.faults.FAULTS`, such as `"vanishing_gradients"`.
      severity: `"alarm"` if something is wrong, `"note"` if it is only worth knowing.
      layer: Path of the layer; None if the whole network is meant or no layer can be named.
      variable: Path of the variable; None if no single one is meant.
      first_step: The first logged step that shows it.
      evidence: What the vitals show, with the numbers that prove it, in a sentence or two.
      advice: The usual causes, and what to try.
      consequences: Findings that follow from this one.
    """

    fault: str
    severity: str
    layer: Optional[str]
    variable: Optional[str]
    first_step: int
    evidence: str
    advice: str
    consequences: Tuple["Finding", ...] = ()

    def __post_init__(self):
        if self.fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}, got {self.fault!r}.")
        if self.severity not in _SEVERITIES:
            raise ValueError(f"severity must be 'alarm' or 'note', got {self.severity!r}.")

    def __str__(self):
        place = f"`{printable(self.layer)}`" if self.layer else "The network as a whole"
        opening = f"{place}: {FAULTS[self.fault].title} since step {self.first_step:,}."
        parts = (opening, printable(self.evidence), self._what_follows(), printable(self.advice))
        return " ".join(part for part in parts if part)

    def _what_follows(self):
        if not self.consequences:
            return ""
        first = self.consequences[:_NAMED_CONSEQUENCES]
        said = [_in_short(one) for one in first]
        more = len(self.consequences) - len(first)
        if more:
            said.append(f"{more} more")
        return f"What follows from it: {', '.join(said)}."

    def to_json(self):
        """The finding as a JSON object, `str`; `from_json` reads it back."""
        return json.dumps(self.to_dict())

    def to_dict(self):
        """The finding as a `dict` of plain values, and its consequences as well."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["consequences"] = [one.to_dict() for one in self.consequences]
        return fields

    @classmethod
    def from_json(cls, text):
        """The finding that `to_json` wrote.

        Args:
          text: A JSON object, `str` or `bytes`.

        Returns:
          A `Finding`. Fields that a later version has added are left out.

        Raises:
          ValueError: the text is no JSON object, lacks a field, or names an unknown fault.
        """
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, fields):
        """The finding that `to_dict` made.

        Args:
          fields: `dict` of the fields.

        Returns:
          A `Finding`.

        Raises:
          ValueError: a field is missing, or the fault is unknown.
        """
        if not isinstance(fields, dict):
            raise ValueError(f"A finding is a JSON object, got {type(fields).__name__}.")
        names = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in names if name not in fields]
        if missing:
            raise ValueError(f"A finding has the fields {', '.join(names)}; {missing} are missing.")
        known = {name: fields[name] for name in names}
        known["consequences"] = tuple(cls.from_dict(one) for one in fields["consequences"])
        return cls(**known)


def _in_short(finding):
    place = f" of `{printable(finding.layer)}`" if finding.layer else ""
    return f"{FAULTS[finding.fault].title}{place} since step {finding.first_step:,}"
