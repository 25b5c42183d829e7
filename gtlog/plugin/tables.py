"""From the tensors that TensorBoard has of a run to its vitals table and its findings."""

import json
from typing import Any, Dict, List, NamedTuple

import numpy as np

from gtlog import tags
from gtlog.diagnosis.source import said
from gtlog.reading.vitals_files import header_of_table
from gtlog.vitals.table import VitalsTable


class Series(NamedTuple):
    """What TensorBoard has under a tag.

    Attributes:
      content: What the first event of the tag keeps for the plugin, `bytes`.
      arrays: Arrays by their steps.
    """

    content: bytes
    arrays: Dict[int, np.ndarray]


class Tables(NamedTuple):
    """What the tensors of a run say.

    Attributes:
      table: A `VitalsTable`.
      findings: What was found while the run went on, a list of `Finding`.
      problems: Sentences on what could not be read.
    """

    table: VitalsTable
    findings: List[Any]
    problems: List[str]


def tables_of(series):
    """Puts the tensors of a run together.

    TensorBoard keeps a sample of the steps of each tag. A number of a step whose table is not among
    them is left out.

    Args:
      series: Dict from tag to `Series`.

    Returns:
      `Tables`.
    """
    tables: Dict[str, List[VitalsTable]] = {tags.VITALS: [], tags.STEPS: []}
    logged, problems = [], []
    for tag, one in series.items():
        kind = tags.kind_of_table(tag)
        try:
            if kind == tags.FINDINGS:
                logged += _findings(one)
            elif kind is not None:
                tables[kind].append(_table(one, kind))
        except ValueError as error:
            problems.append(f"{tag!r} cannot be read: {error}")
    vitals = VitalsTable.merged(tables[tags.VITALS])
    steps = VitalsTable.merged(tables[tags.STEPS])
    table = VitalsTable.merged([_only(steps, vitals.steps), vitals]) if len(vitals) else steps
    return Tables(table, said(sorted(logged, key=lambda one: one[0])), problems)


def _table(series, kind):
    """The table of one tag.

    Raises:
      ValueError: its header or an array cannot be read.
    """
    header = header_of_table(series.content, kind)
    shape = (len(header.columns),)
    if kind == tags.VITALS:
        shape = (len(header.rows), *shape)
    steps = sorted(series.arrays)
    for step in steps:
        array = series.arrays[step]
        if array.shape != shape or array.dtype.kind not in "fiub":
            raise ValueError(
                f"At step {step} it has shape {list(array.shape)} and type {array.dtype}, where "
                f"its header says numbers of shape {list(shape)}."
            )
    numbers = np.array([series.arrays[step] for step in steps]).reshape(len(steps), *shape)
    if kind == tags.STEPS:
        return VitalsTable(steps, (), {}, dict(zip(header.columns, numbers.T)))
    columns = {name: numbers[:, :, place].T for place, name in enumerate(header.columns)}
    return VitalsTable(steps, header.rows, columns, {})


def _only(table, steps):
    """The numbers of a table at some of its steps."""
    is_there = np.isin(table.steps, steps)
    values = {name: numbers[is_there] for name, numbers in table.step_values.items()}
    return VitalsTable(table.steps[is_there], (), {}, values)


def _findings(series):
    """Pairs of a step and the fields of a finding.

    Raises:
      ValueError: something is no JSON object.
    """
    found = []
    for step, array in series.arrays.items():
        for text in np.asarray(array, object).reshape(-1).tolist():
            try:
                fields = json.loads(text)
            except (TypeError, RecursionError) as error:
                raise ValueError(f"It is no JSON: {error}") from None
            if not isinstance(fields, dict):
                raise ValueError("A finding is no JSON object.")
            found.append((step, fields))
    return found
