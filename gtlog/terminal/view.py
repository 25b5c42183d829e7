"""A run as lines of text: what was found, losses and learning rates, the worst variables."""

import dataclasses
import math
import re
from typing import NamedTuple, Optional

import numpy as np

from gtlog.diagnosis.faults import ALARM, NOTE
from gtlog.diagnosis.words import several
from gtlog.notices.text import printable
from gtlog.tags import LEARNING_RATE
from gtlog.terminal.rows import has_nonfinite, rows_of
from gtlog.terminal.scales import scale_of, scale_of_losses
from gtlog.terminal.screen import columns_of
from gtlog.terminal.sparkline import sparkline

_MOST_NAME, _MOST_SENTENCE = 200, 2000  # characters of a finding
_MOST_FINDINGS, _MOST_LOSSES, _MOST_TAGS = 12, 4, 12
_MOST_BARS = 60
_LEAST_BARS, _LEAST_PATH = 8, 12
_BETWEEN = "  "
_NOW, _APART, _SINCE = 12, 8, 12  # columns


class Choice(NamedTuple):
    """What is to be shown.

    Attributes:
      statistic: Name of a column of the vitals table; None for the gradient, or the value where no
        gradient is known.
      layer: Pattern of `re.compile` that a path must match somewhere; None takes all.
      most: How many rows are shown; None for all.
    """

    statistic: Optional[str] = None
    layer: Optional[re.Pattern] = None
    most: Optional[int] = 10

    def takes(self, name):
        """Whether a path is that of a chosen variable or layer."""
        return self.layer is None or self.layer.search(name) is not None


def lines_of_run(run, findings, choice, screen):
    """A run that has vitals as lines of text.

    Args:
      run: A `gtlog.Run`.
      findings: Its `Finding`s, the most important first.
      choice: A `Choice`.
      screen: A `Screen`.

    Returns:
      A list of `str`, each as wide as the screen at most.
    """
    return [
        *_heading(run, screen),
        "",
        *_lines_of_findings(findings, choice, screen),
        "",
        *_lines_of_losses(run, screen),
        *_lines_of_rows(run.table, findings, choice, screen),
        *_lines_of_problems(run.problems, screen),
    ]


def lines_without_vitals(run, screen):
    """A run of another tool, or of an older gtlog, as lines of text: its losses and its tags."""
    text = (
        "There are no vitals here, from which variables are shown and faults are found: the run "
        "is of another tool, of an older gtlog, or of one whose summaries= leave out vitals()."
    )
    if not run.tags:
        return [*_heading(run, screen), "", "Nothing has been logged yet."]
    tags = [screen.cut(tag, _MOST_NAME) for tag in run.tags[:_MOST_TAGS]]
    more = len(run.tags) - len(tags)
    listed = ", ".join(tags) or "nothing"
    return [
        *_heading(run, screen),
        "",
        *screen.wrapped(text),
        "",
        *_lines_of_losses(run, screen),
        *screen.wrapped(f"There is: {listed}{f' and {more:,} more tags' if more > 0 else ''}."),
        *_lines_of_problems(run.problems, screen),
    ]


def _heading(run, screen):
    steps = run.steps
    parts = [f"{several(len(run.variables), 'variable')} in {several(len(run.layers), 'layer')}"]
    parts.append(several(len(steps), "logged step"))
    if len(steps):
        parts[-1] += f", {steps[0]:,} to {steps[-1]:,}"
    name = screen.cut(run.logdir, _MOST_NAME)
    lines = screen.wrapped(f"{name}: {'; '.join(parts)}")
    return [screen.styled(line, "heading") for line in lines]


def _lines_of_findings(findings, choice, screen):
    chosen = [one for one in findings if one.layer is None or _names_chosen(one, choice)]
    if not chosen:
        return screen.wrapped("Nothing found: no rule sees a fault in this run.")
    lines = []
    for finding in chosen[:_MOST_FINDINGS]:
        lines += lines_of_finding(finding, screen)
    if len(chosen) > _MOST_FINDINGS:
        lines.append(f"{screen.ellipsis} {len(chosen) - _MOST_FINDINGS} more findings")
    return lines


def _names_chosen(finding, choice):
    names = [name for one in (finding, *finding.consequences) for name in (one.layer, one.variable)]
    return any(choice.takes(name) for name in names if name)


def lines_of_finding(finding, screen):
    """A finding as lines of text, coloured by its severity."""
    text = f"{finding.severity.capitalize()}: {_shortened(finding, screen)}"
    return [screen.styled(line, finding.severity) for line in screen.wrapped(text, "  ")]


def _shortened(finding, screen):
    """A finding whose names and sentences are of a length to be read."""
    return dataclasses.replace(
        finding,
        layer=screen.cut(finding.layer, _MOST_NAME) if finding.layer else finding.layer,
        evidence=printable(finding.evidence, _MOST_SENTENCE),
        advice=printable(finding.advice, _MOST_SENTENCE),
        consequences=tuple(_shortened(one, screen) for one in finding.consequences),
    )


def _lines_of_losses(run, screen):
    losses = [_Series.of_loss(name, run) for name in run.losses]
    values = run.table.step_values
    rates = [name for name in values if name.partition("/")[0] == LEARNING_RATE]
    rates = [_Series(name, values[name]) for name in rates]
    lines = [
        *_lines_of_series(losses, "losses", screen),
        *_lines_of_series(rates, "learning rates", screen),
    ]
    return [*lines, ""] if lines else []


def _lines_of_series(several_series, noun, screen):
    known = [one for one in several_series if one.is_known.any()]
    lines = []
    for one in known[:_MOST_LOSSES]:
        title = screen.cut(one.name, max(screen.width // 3, _LEAST_PATH))
        first, last = map(_figure, one.numbers[one.is_known][[0, -1]])
        room = screen.width - columns_of(f"{title}  {first}  {last}")
        lines.append(f"{title}  {first} {one.bars(min(room, _MOST_BARS), screen)} {last}")
    if len(known) > _MOST_LOSSES:
        lines.append(f"{screen.ellipsis} {len(known) - _MOST_LOSSES:,} more {noun}")
    return lines


class _Series(NamedTuple):
    """A loss or a learning rate over the steps: its numbers, infinite where it is not finite."""

    name: str
    numbers: np.ndarray

    @classmethod
    def of_loss(cls, name, run):
        """The loss of a run. NaN is an absent one, unless the step has NaN elsewhere too."""
        numbers = run.losses[name]
        is_nonfinite = np.isinf(numbers) | (np.isnan(numbers) & has_nonfinite(run.table))
        return cls(name, np.where(is_nonfinite, np.inf, numbers))

    @property
    def is_known(self):
        return ~np.isnan(self.numbers)

    def bars(self, width, screen):
        """Its sparkline."""
        scale, is_nonfinite = scale_of_losses(self.numbers), np.isinf(self.numbers)
        heights = np.where(is_nonfinite, np.nan, scale.height(self.numbers))
        never = np.zeros(len(heights), bool)
        return sparkline(heights, never, is_nonfinite, width, screen.blocks, scale.least_span)


def _lines_of_rows(table, findings, choice, screen):
    rows = [row for row in rows_of(table, choice.statistic, findings) if choice.takes(row.path)]
    shown = rows if choice.most is None else rows[: choice.most]
    if not rows:
        return []
    title = f"{choice.statistic}, worst first"
    layout = _Layout.of([title, *(row.path for row in shown)], len(table), screen)
    scale = scale_of(choice.statistic)
    lines = [screen.styled(layout.heading(title, scale, screen), "heading")]
    for row in shown:
        style = row.severity or ("quiet" if row.is_quiet else None)
        lines.append(screen.styled(layout.line(row, scale, screen), style))
    left = rows[len(shown) :]
    if left:
        lines.append(f"{screen.ellipsis} {len(left):,} more, {_said_of(left)}")
    return [*lines, *_legend(scale, layout, screen)]


def _said_of(rows):
    loud = sum(not row.is_quiet for row in rows)
    return f"{loud:,} of them not quiet (--all shows them)" if loud else "all quiet"


def _legend(scale, layout, screen):
    if not layout.bars:
        return []
    bars = "logarithms" if scale.unit == "decades" else "numbers"
    text = f"Bars: {bars}, each row on its own scale; ! not finite"
    text += ", 0 exactly zero" if scale.has_zeros else ""
    if layout.has_apart:
        text += f"; {scale.unit}: from the others of its role"
    return [screen.styled(line, "quiet") for line in screen.wrapped(text + ".", "  ")]


class _Layout(NamedTuple):
    """How many columns each part of a row has; 0 where there is no place for it."""

    path: int
    bars: int
    has_apart: bool
    has_since: bool

    @classmethod
    def of(cls, names, steps, screen):
        """The parts for which there is place, the less important left out first."""
        longest = max(columns_of(screen.cut(name, screen.width)) for name in names)
        for has_apart, has_since, least_bars in (
            (True, True, _LEAST_BARS),
            (True, False, _LEAST_BARS),
            (False, False, _LEAST_BARS),
            (False, False, 0),
        ):
            taken = _NOW + len(_BETWEEN) + has_apart * _APART + has_since * (_SINCE + 2)
            left = screen.width - taken
            if left >= _LEAST_PATH + least_bars + len(_BETWEEN):
                break
        bars = min(_MOST_BARS, steps, max(least_bars, left - longest - len(_BETWEEN)))
        bars = max(bars, min(steps, left // 3)) if least_bars else 0
        bars = min(bars, _MOST_BARS)
        path = max(min(longest, left - bars - (len(_BETWEEN) if bars else 0)), 4)
        return cls(path, bars, has_apart, has_since)

    def heading(self, title, scale, screen):
        """The line above the rows."""
        width = self.path + (len(_BETWEEN) + self.bars if self.bars else 0)
        parts = [screen.padded(title, width), f"{'now':>{_NOW}}"]
        if self.has_apart:
            parts.append(f"{scale.unit:>{_APART}}")
        if self.has_since:
            parts.append(f"{_BETWEEN}{'since step':>{_SINCE}}")
        return "".join(parts).rstrip()

    def line(self, row, scale, screen):
        """One row."""
        parts = [screen.padded(row.path, self.path)]
        if self.bars:
            bars = sparkline(
                *(row.heights, row.is_zero, row.is_nonfinite),
                *(self.bars, screen.blocks, scale.least_span),
            )
            parts.append(f"{_BETWEEN}{bars:<{self.bars}}")
        parts.append(f"{_figure(row.now):>{_NOW}}")
        if self.has_apart:
            parts.append(f"{_apart(row.apart, scale):>{_APART}}")
        if self.has_since:
            since = "" if row.since is None else f"{row.since:,}"
            parts.append(f"{_BETWEEN}{since:>{_SINCE}}")
        return "".join(parts).rstrip()


def _figure(number):
    if math.isnan(number):
        return "-"
    if math.isinf(number):
        return "not finite"
    return f"{number:.3g}"


def _apart(apart, scale):
    if math.isnan(apart) or (scale.has_zeros and apart < -50):
        return "-"
    return f"{apart:+.1f}" if scale.unit == "decades" else f"{apart:+.2f}"


def _lines_of_problems(problems, screen):
    if not problems:
        return []
    lines = ["", *screen.wrapped(f"{several(len(problems), 'part')} could not be read:")]
    for problem in problems[:3]:
        lines += screen.wrapped(f"  {printable(problem, _MOST_SENTENCE)}", "    ")
    if len(problems) > 3:
        lines.append(f"  {screen.ellipsis} {len(problems) - 3:,} more")
    return [screen.styled(line, NOTE) if line else line for line in lines]


def status_line(run, findings):
    """What a run has come to, in one line: step, loss, findings.

    Args:
      run: A `gtlog.Run`.
      findings: Its `Finding`s.
    """
    parts = [f"step {run.steps[-1]:,}" if len(run.steps) else "no step yet"]
    for loss in [_Series.of_loss(name, run) for name in run.losses][:1]:
        if loss.is_known.any():
            parts.append(f"{printable(loss.name)} {_figure(loss.numbers[loss.is_known][-1])}")
    return "; ".join([*parts, _counted(findings) if run.has_vitals else "no vitals"])


def _counted(findings):
    counts = [(sum(one.severity == kind for one in findings), kind) for kind in (ALARM, NOTE)]
    return ", ".join(several(*one) for one in counts if one[0]) or "nothing found"
