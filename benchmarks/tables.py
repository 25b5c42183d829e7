"""The report as cells of text: what was reached, and the alternatives side by side."""

import math

from benchmarks.figures import ALTERNATIVES, AT_LEAST, EXACTLY, Case

BARS_HEAD = ("what", "figure", "bar", "aim", "measured (quartiles)", "")
WHAT_IS_COMPARED = (
    "Of a logged step, the bare one is given whole, of the others what they add to it."
)
_NOT_MEASURED = "–"


def bars(rows):
    """One line for each figure, cells as in `BARS_HEAD`; the title stands in a row's first line."""
    return [
        (row.title if number == 0 else "", *_bar_cells(figure))
        for row in rows
        for number, figure in enumerate(row.figures)
    ]


def comparison(rows):
    """Cases side by side.

    Returns:
      The cells of the head, lines of cells, and the reasons for each case that was not measured,
      numbered as in the cells.
    """
    head = ("", *ALTERNATIVES, "others")
    reasons = []
    lines = [(f"{row.title} [{_unit(row)}]", *_case_cells(row, reasons)) for row in rows]
    return head, lines, [f"{number}: {text}" for number, text in enumerate(reasons, 1)]


def notes(rows):
    """Sentences on how rows were measured, each with the title of its row."""
    return [f"{row.title}: {note}" for row in rows for note in row.notes]


def number(value):
    """A measured number with three digits, four where it is a ratio near 1."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1000:
        return f"{value:.0f}"
    if 0.9 <= abs(value) < 2:
        return f"{value:.3f}"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def verdict(figure):
    """`met`, by how much the bar was missed, or nothing where there is no bar."""
    if figure.bar is None:
        return ""
    measured, bar = figure.spread.median, figure.bar
    if math.isnan(measured):
        return "undecided: lost in the noise of this machine"
    if not bar.is_met(measured):
        return f"missed: {_distance(measured, bar)}"
    return "met" if bar.aim is None or not bar.is_met(measured, bar.aim) else "met, aim as well"


def _distance(measured, bar):
    if bar.sense == EXACTLY or measured <= 0:
        return f"{number(measured)} instead of {number(bar.value)}"
    if bar.sense == AT_LEAST:
        return f"{100 * (1 - measured / bar.value):.2g} % too little"
    return f"{100 * (measured / bar.value - 1):.2g} % too much"


def _bar_cells(figure):
    spread, bar = figure.spread, figure.bar
    wanted = f"{bar.sense} {bar.value:g}" if bar else _NOT_MEASURED
    aim = f"{bar.aim:g}" if bar and bar.aim is not None else ""
    measured = number(spread.median)
    if spread.low != spread.high:
        measured += f" ({number(spread.low)} to {number(spread.high)})"
    return figure.name, wanted, aim, measured, verdict(figure)


def _unit(row):
    return next(case.unit for case in row.cases if isinstance(case, Case))


def _case_cells(row, reasons):
    by_name = {case.name: case for case in row.cases}
    cells = [_case_cell(by_name.get(name), reasons) for name in ALTERNATIVES]
    others = [
        f"{name}: {number(case.spread.median)}"
        for name, case in by_name.items()
        if name not in ALTERNATIVES
    ]
    return (*cells, "; ".join(others))


def _case_cell(case, reasons):
    if case is None:
        return ""
    if isinstance(case, Case):
        return number(case.spread.median)
    if case.reason not in reasons:
        reasons.append(case.reason)
    return f"{_NOT_MEASURED} ({reasons.index(case.reason) + 1})"
