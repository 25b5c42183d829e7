"""The report as a person reads it in a terminal."""

from benchmarks import tables


def render(report):
    """The report as text."""
    head, lines, reasons = tables.comparison(report.rows)
    parts = [
        report.caution,
        _aligned(tables.BARS_HEAD, tables.bars(report.rows)),
        f"Side by side, medians. {tables.WHAT_IS_COMPARED}",
        _aligned(head, lines),
        "\n".join(reasons),
        "\n".join(tables.notes(report.rows)),
    ]
    return "\n\n".join(part for part in parts if part)


def _aligned(head, lines):
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in (head, rule, *lines)
    )
