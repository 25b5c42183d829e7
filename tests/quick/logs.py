"""Log directories of tables that are made up, written byte by byte, without TensorFlow."""

import json

import numpy as np

from gtlog.vitals.table import VariableRow, VitalsTable, layer_of

from .reading import written


def event_of(table, place, with_header):
    """The record of one step of a table.

    Args:
      table: A `VitalsTable`.
      place: Which of its steps.
      with_header: Whether the event says what rows and columns are.
    """
    numbers = np.stack([table.column(name)[:, place] for name in table.columns], axis=-1)
    header = {
        "version": 1,
        "kind": "vitals",
        "columns": list(table.columns),
        "variables": [
            [row.path, row.role, list(row.shape), row.dtype, row.is_trained, row.order]
            for row in table.variables
        ],
    }
    content = written.packed(header) if with_header else b""
    values = [written.value("gtlog/vitals", numbers.astype(np.float32), "gtlog", content)]
    names = list(table.step_values)
    if names:
        of_step = [table.step_values[name][place] for name in names]
        values.append(written.step_values(of_step, names if with_header else None))
    return written.event(int(table.steps[place]), *values)


def finding(step, **fields):
    """The record of a finding that was logged while the run went on."""
    text = json.dumps(fields).encode()
    value = written.value("gtlog/findings", np.array([text], object), "gtlog")
    return written.event(step, value)


def write(folder, table, *more, **name):
    """Writes a table into an event file of a folder, and further records. Returns its path."""
    events = [event_of(table, place, place == 0) for place in range(len(table))]
    return written.write(folder, *events, *more, **name)


def table_of(series, steps=None, column="gradient_rms", roles=(), **step_values):
    """A table of one column.

    Args:
      series: Dict from path to the numbers of the steps.
      steps: Numbers of the steps; None counts from 0.
      column: The column.
      roles: Roles in the order of the paths; all else is a kernel.
      step_values: Numbers of the steps by name.
    """
    count = len(next(iter(series.values()), next(iter(step_values.values()), ())))
    roles = [*roles, *["kernel"] * (len(series) - len(roles))]
    rows = [
        VariableRow(path, layer_of(path), role, (2, 3), "float32", True, order)
        for order, (path, role) in enumerate(zip(series, roles))
    ]
    numbers = np.array(list(series.values()), np.float32).reshape(len(rows), count)
    steps = range(count) if steps is None else steps
    return VitalsTable(list(steps), rows, {column: numbers} if rows else {}, step_values)
