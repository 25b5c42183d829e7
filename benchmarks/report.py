"""All that one run has measured, and its JSON file."""

import dataclasses
import json
from typing import Any, Dict, Tuple

from benchmarks.figures import Bar, Case, Figure, Row, Skipped, Spread
from benchmarks.model_size import Point


@dataclasses.dataclass(frozen=True)
class Report:
    """One run.

    Attributes:
      command: The command line.
      effort: Name of the `Effort`.
      caution: What its numbers do not tell; empty for a full run.
      date: Day of the run, ISO 8601.
      machine: What `machine.describe` told.
      load: Load of the machine at the beginning and at the end of the run, None where unknown.
      seconds: How long the run took.
      rows: Each `Row`.
      model_sizes: Each `Point` of the plot.
    """

    command: str
    effort: str
    caution: str
    date: str
    machine: Dict[str, Any]
    load: Tuple[Any, ...]
    seconds: float
    rows: Tuple[Row, ...]
    model_sizes: Tuple[Point, ...]

    def save(self, path):
        """Writes the report as JSON."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(self), file, indent=1)
            file.write("\n")

    @classmethod
    def load_from(cls, path):
        """Reads what `save` wrote."""
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        fields["load"] = tuple(fields["load"])
        fields["rows"] = tuple(_row(**row) for row in fields["rows"])
        fields["model_sizes"] = tuple(
            Point(point["parameters"], _cases(point["cases"])) for point in fields["model_sizes"]
        )
        return cls(**fields)


def _row(figures, cases, notes, **fields):
    figures = tuple(_figure(**figure) for figure in figures)
    return Row(figures=figures, cases=_cases(cases), notes=tuple(notes), **fields)


def _figure(spread, bar, **fields):
    return Figure(spread=Spread(**spread), bar=bar and Bar(**bar), **fields)


def _cases(cases):
    return tuple(_case(**case) for case in cases)


def _case(name, reason=None, spread=None, unit=None):
    return Case(name, Spread(**spread), unit) if reason is None else Skipped(name, reason)
