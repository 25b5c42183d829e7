"""From the events of one run to its vitals table."""

import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from gtlog import tags
from gtlog.reading import protos
from gtlog.reading.events import PlacedEvent, header_of
from gtlog.vitals.table import VariableRow, VitalsTable, layer_of

VERSION = 1
"""The version of the tables that are read here."""


class _Header(NamedTuple):
    """What the rows and columns of a table are; numbers of steps have columns alone."""

    rows: Tuple[VariableRow, ...]
    columns: Tuple[str, ...]


class VitalsFiles:
    """Collects the tables of a run from its events, in the order of the run.

    A step that comes again replaces what came from that step on: a resumed run goes on there.
    """

    def __init__(self):
        self._vitals = VitalsTable.empty()
        self._steps = VitalsTable.empty()
        self._findings: List[Tuple[int, Dict[str, Any]]] = []
        self._headers: Dict[Tuple[str, str], Optional[_Header]] = {}
        self._problems: Dict[Any, str] = {}

    @property
    def problems(self) -> List[str]:
        """What could not be read so far, a sentence each."""
        return list(self._problems.values())

    @property
    def table(self) -> VitalsTable:
        """The tables and the numbers of steps that came so far."""
        if not len(self._vitals):
            return self._steps
        if not len(self._steps):
            return self._vitals
        return VitalsTable.merged([self._steps, self._vitals])

    @property
    def findings(self) -> List[Tuple[int, Dict[str, Any]]]:
        """What was found while the run went on: pairs of a step and the fields of a finding."""
        return list(self._findings)

    def add(self, placed: PlacedEvent) -> None:
        """Takes the tables out of an event; all other values are passed over."""
        step, tables, findings = placed.event.step, [], []
        for value in placed.event.values:
            kind = tags.kind_of_table(value.tag)
            if kind is None or value.metadata.plugin not in (tags.PLUGIN, ""):
                continue
            try:
                if kind == tags.FINDINGS:
                    findings.extend(_findings_of(value))
                elif kind == tags.STEPS:
                    self._add_numbers(step, *self._table_of(placed.path, value, kind))
                else:
                    tables.append(self._table_of(placed.path, value, kind))
            except ValueError as error:
                self._problems.setdefault(
                    (placed.path, value.tag, str(error)),
                    f"{placed.path!r}: {value.tag!r} of step {step} cannot be read: {error}",
                )
        if tables:
            self._add_tables(step, tables)
        # After the tables: they drop the findings of the steps that they replace.
        self._findings.extend((step, finding) for finding in findings)

    def _table_of(self, path, value, kind):
        """Header and array of a table.

        Raises:
          ValueError: it cannot be read.
        """
        key = path, value.tag
        if value.metadata.content:
            self._headers[key] = None
            self._headers[key] = _parsed_header(header_of(value.metadata.content), kind)
        if key not in self._headers:
            raise ValueError("The file has no header for it, which says what the numbers are.")
        header = self._headers[key]
        if header is None:
            raise ValueError("Its header could not be read.")
        if value.kind != "tensor":
            raise ValueError("It holds no tensor.")
        array = protos.parse_tensor(value.content)
        shape = (len(header.columns),)
        if kind == tags.VITALS:
            shape = (len(header.rows), *shape)
        if array.shape != shape or array.dtype.kind not in "fiub":
            raise ValueError(
                f"It has shape {list(array.shape)} and type {array.dtype}, where its header says "
                f"numbers of shape {list(shape)}."
            )
        return header, array

    def _add_tables(self, step, tables):
        (header, array), *others = tables
        self._forget_findings(step)
        self._vitals = self._vitals.appended(step, header.rows, array, {}, header.columns)
        for header, array in others:
            one = VitalsTable.empty().appended(step, header.rows, array, {}, header.columns)
            self._vitals = VitalsTable.merged([self._vitals, one])

    def _add_numbers(self, step, header, array):
        values = dict(zip(header.columns, array.tolist()))
        self._steps = self._steps.appended(step, (), np.empty((0, 0)), values, ())

    def _forget_findings(self, step):
        """Forgets what was found in the part of a run that this step replaces."""
        if self._findings and self._vitals.last_step is not None and step <= self._vitals.last_step:
            self._findings = [one for one in self._findings if one[0] < step]


def rows_of(header: Any) -> Tuple[VariableRow, ...]:
    """The rows of a vitals table, as its header says them.

    Raises:
      ValueError: the header is of a later version, or damaged.
    """
    return _parsed_header(header, tags.VITALS).rows


def _findings_of(value):
    """The fields of the findings that an event holds, a list of dicts.

    Raises:
      ValueError: they cannot be read.
    """
    array = protos.parse_tensor(value.content) if value.kind == "tensor" else np.zeros(0)
    if array.dtype != object:
        raise ValueError("It holds no strings.")
    findings = [_from_json(text) for text in array.reshape(-1).tolist()]
    if not all(isinstance(finding, dict) for finding in findings):
        raise ValueError("A finding is no JSON object.")
    return findings


def _from_json(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"It is no JSON: {error}") from None


def _parsed_header(header, kind):
    """The `_Header` of what a file says.

    Raises:
      ValueError: it is of a later version, or damaged.
    """
    if not isinstance(header, dict):
        raise ValueError("Its header is no JSON object.")
    version = header.get("version")
    if version != VERSION:
        raise ValueError(
            f"It is of version {version!r}; this gtlog reads version {VERSION}. A newer gtlog may "
            "read it."
        )
    if kind == tags.STEPS:
        return _Header((), _names(header, "names"))
    variables = header.get("variables")
    if not isinstance(variables, list):
        raise ValueError("Its header names no variables.")
    rows = tuple(_row(one, place) for place, one in enumerate(variables))
    if len({row.path for row in rows}) < len(rows):
        raise ValueError("Its header names a variable twice.")
    return _Header(rows, _names(header, "columns"))


def _names(header, key):
    names = header.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"Its header has no list of {key}.")
    if len(set(names)) < len(names):
        raise ValueError(f"Its header has one of its {key} twice.")
    return tuple(names)


def _row(fields, place):
    """The row of a variable, without fields that a later version may add after the known ones."""
    try:
        path, role, shape, dtype, is_trained, order = fields[:6]
        recounted = fields[6] if len(fields) > 6 else None
        return VariableRow(
            str(path),
            layer_of(str(path)),
            str(role),
            tuple(int(size) for size in shape),
            str(dtype),
            None if is_trained is None else bool(is_trained),
            place if order is None else int(order),
            None if recounted is None else str(recounted),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"Its header describes a variable by {fields!r}.") from error


def header_of_table(content: bytes, kind: str) -> _Header:
    """Reads the rows and columns of a table from what its event keeps for the plugin.

    Args:
      content: `metadata.plugin_data.content` of the event.
      kind: `tags.VITALS` or `tags.STEPS`.

    Returns:
      A tuple of `rows`, `VariableRow`s, and `columns`, names; of the numbers of steps the names are
      the columns and there are no rows.

    Raises:
      ValueError: there is no header, or one that is damaged or of a later version.
    """
    return _parsed_header(header_of(content), kind)
