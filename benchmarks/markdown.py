"""The report as Markdown, and its place in a page of the documentation."""

import re

from benchmarks import tables

_BEGIN, _END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"


def render(report):
    """The report as Markdown."""
    head, lines, reasons = tables.comparison(report.rows)
    parts = [
        report.caution,
        _where(report),
        _table(tables.BARS_HEAD, tables.bars(report.rows)),
        f"Side by side, medians. {tables.WHAT_IS_COMPARED}",
        _table(head, lines),
        "Not measured, " + " ".join(f"({reason})" for reason in reasons) if reasons else "",
        "\n".join(f"- {note}" for note in tables.notes(report.rows)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def replace(page, text):
    """Puts text between the marks of a page.

    Args:
      page: Text of the page.
      text: What is to stand there.

    Raises:
      ValueError: the page has no marks.
    """
    marked = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    if not marked.search(page):
        raise ValueError(f"The page has no lines {_BEGIN} and {_END} to put the results between.")
    return marked.sub(lambda _: f"{_BEGIN}\n\n{text}\n{_END}", page)


def _where(report):
    machine = report.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    load = " and ".join("unknown" if one is None else f"{one:g}" for one in report.load)
    return (
        f"Measured on {report.date} with `{report.command}`, in {report.seconds / 60:.0f} minutes: "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}; Python {machine['python']}, {packages}. Load of the machine before "
        f"and after: {load}."
    )


def _table(head, lines):
    rule = ("---",) * len(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))
