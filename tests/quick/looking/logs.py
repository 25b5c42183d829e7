"""Log directories of runs that are made of numbers."""

import json
import zlib

import numpy as np

from ..reading import written


def write_table(folder, table, details=(), picture=None):
    """Writes a table as an event file, as `gtlog.summaries.vitals` does. Returns the folder.

    Args:
      folder: Path.
      table: A `VitalsTable`.
      details: Kinds of histograms, such as `"weights"`, that each variable has at each step.
      picture: Bytes of a PNG that the first variable has at each step.
    """
    rows = [
        [row.path, row.role, list(row.shape), row.dtype, row.is_trained, row.order]
        for row in table.variables
    ]
    header = {"version": 1, "kind": "vitals", "columns": list(table.columns), "variables": rows}
    stacked = np.array([table.column(name) for name in table.columns], np.float32)
    events = []
    for place, step in enumerate(table.steps.tolist()):
        content = zlib.compress(json.dumps(header).encode()) if place == 0 else b""
        values = [
            written.value("gtlog/vitals", stacked[:, :, place].T.copy(), "gtlog", content),
            *(written.scalar(name, one[place]) for name, one in table.step_values.items()),
        ]
        for row in table.variables:
            values += [
                written.histogram(f"{kind}/{row.path}", buckets(place)) for kind in details
            ]
        if picture is not None:
            values.append(written.picture(f"images/{table.variables[0].path}", picture))
        events.append(written.event(step, *values))
    written.write(folder, *events)
    return folder


def buckets(place):
    """Rows of a histogram that moves and gets wider with the step."""
    edges = np.linspace(-1, 1, 31) * (1 + place) + 0.1 * place
    counts = np.round(1000 * np.exp(-np.linspace(-3, 3, 30) ** 2))
    return np.stack([edges[:-1], edges[1:], counts], axis=1)
