"""The results as text, as Markdown and as JSON."""

import collections
from typing import Any, Dict, List, NamedTuple, Tuple

from benchmarks.faults.plants.base import MILD, SEVERE
from benchmarks.faults.scoring import GTLOG, misses, score

_HEAD = (
    "",
    "recall",
    "right fault",
    "right layer",
    "no layer named",
    "false alarms",
    "alarms a faulty run",
    "delay",
    "dated too early",
)


class Results(NamedTuple):
    """What was measured.

    Attributes:
      halves: Names of the halves.
      judged: By diagnosis, lists of `Judged`: faulty runs and healthy ones.
      left_out: Runs that do not count: the fault did not take hold, or the quality was missed.
    """

    halves: Tuple[str, ...]
    judged: Dict[str, Any]
    left_out: List[Any]


def text(results, shows_misses=False):
    """The tables for a terminal; with what went wrong, a line each."""
    parts = [
        _opening(results),
        _aligned(_HEAD, _lines(results)),
        _aligned(("fault", "runs", "found", "right fault", "right layer"), _by_fault(results)),
    ]
    if shows_misses:
        parts.append("\n".join(misses(*results.judged[GTLOG])))
        left_out = [f"does not count: {run.name}" for run in results.left_out]
        parts.append("\n".join(left_out))
    return "\n\n".join(parts)


def markdown(results):
    """The tables and the misses as Markdown."""
    wrong = "\n".join(f"- {line}" for line in misses(*results.judged[GTLOG]))
    return "\n\n".join(
        [
            _opening(results),
            _table(_HEAD, _lines(results)),
            _table(("fault", "runs", "found", "right fault", "right layer"), _by_fault(results)),
            wrong or "Nothing went wrong.",
        ]
    )


def to_dict(results):
    """All figures and judgements as plain values."""
    return {
        "halves": results.halves,
        "scores": {name: score(*pair)._asdict() for name, pair in results.judged.items()},
        "faulty": [
            {
                "run": one.run.name,
                "severity": one.run.severity,
                "faults": sorted(one.faults),
                "layers": sorted(map(str, one.layers)),
                "delay": one.delay,
                "alarms": [alarm._asdict() for alarm in one.alarms],
            }
            for one in results.judged[GTLOG][0]
        ],
        "healthy": [
            {"run": one.run.name, "alarms": [alarm._asdict() for alarm in one.alarms]}
            for one in results.judged[GTLOG][1]
        ],
        "left_out": [run.name for run in results.left_out],
    }


def _opening(results):
    faulty, healthy = results.judged[GTLOG]
    missing = sum(hasattr(run, "plants") for run in results.left_out)
    return (
        f"{' and '.join(results.halves)}: {len(faulty)} faulty runs, {len(healthy)} healthy ones. "
        f"Left out: {missing} whose fault did not take hold, and "
        f"{len(results.left_out) - missing} that did not reach their quality."
    )


def _lines(results):
    lines = []
    for name, (faulty, healthy) in results.judged.items():
        lines.append((name, *_cells(score(faulty, healthy))))
        if name == GTLOG:
            for severity in (SEVERE, MILD):
                some = [one for one in faulty if one.run.severity == severity]
                lines.append((f"{name}, {severity} ({len(some)})", *_cells(score(some, []))))
    return lines


def _cells(figures):
    alarms = f"{figures.false_alarms} of {figures.healthy}" if figures.healthy else ""
    shares = (figures.recall, figures.right_fault, figures.right_layer, figures.no_layer)
    dates = f"{figures.delay:.0f}", _percent(figures.too_early)
    return (*map(_percent, shares), alarms, f"{figures.alarms_per_run:.2f}", *dates)


def _percent(share):
    return f"{100 * share:.1f} %"


def _by_fault(results):
    groups = collections.defaultdict(list)
    for one in results.judged[GTLOG][0]:
        groups[" + ".join(type(plant).__name__ for plant in one.run.plants)].append(one)
    return [
        (
            name,
            str(len(some)),
            *[
                str(sum(getattr(one, flag) for one in some))
                for flag in ("is_found", "is_right_fault", "is_right_layer")
            ],
        )
        for name, some in groups.items()
    ]


def _aligned(head, lines):
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in (head, rule, *lines)
    )


def _table(head, lines):
    rule = ("---",) * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))
