"""The vitals table: what each variable did at each logged step, in numbers."""

import functools
import types
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gtlog.vitals.alignment import counterparts
from gtlog.vitals.columns import COLUMNS


class VariableRow(NamedTuple):
    """A variable, as the rows of the table know it.

    Attributes:
      path: Path of the variable, such as `sequential/dense/kernel`.
      layer: The path without its last part; empty for a variable outside any layer.
      role: `"kernel"`, `"recurrent_kernel"`, `"bias"`, `"embedding"`, `"gain"`,
        `"moving_statistic"` or `"other"`.
      shape: Tuple of ints.
      dtype: Name of the type of the elements.
      is_trained: Whether the step trains it; None if that is not known.
      order: Place in the order of the forward pass, as far as that is known.
      recounted: The path that the variable has where the process has made no other models before,
        by which runs are compared; None if that is not known.
    """

    path: str
    layer: str
    role: str
    shape: Tuple[int, ...]
    dtype: str
    is_trained: Optional[bool]
    order: int
    recounted: Optional[str] = None


def layer_of(path: str) -> str:
    """The layer of a variable: its path without the last part.

    >>> layer_of("sequential/dense/kernel"), layer_of("weight")
    ('sequential/dense', '')
    """
    return path.rpartition("/")[0]


class VitalsTable:
    """Numbers by variable, column and step. A table never changes; `appended` makes a longer one.

    Args:
      steps: Ascending ints, `[T]`.
      variables: `VariableRow`s, `[V]`; the table sorts them by their `order`.
      columns: Arrays `[V, T]` by the name of the column, rows as in `variables`.
      step_values: Sequences `[T]` by name: losses, norms and so on of whole steps.

    Attributes:
      variables: Tuple of `VariableRow`s in forward order; `order` is the place in this tuple.

    Raises:
      ValueError: the steps do not ascend, two variables have one path, or an array has another
        shape.

    >>> row = VariableRow("dense/kernel", "dense", "kernel", (3, 4), "float32", True, 0)
    >>> table = VitalsTable.empty().appended(7, [row], [[0.5]], {"loss": 2.0}, ["value_rms"])
    >>> table.steps, table.column("value_rms"), table.step_values["loss"]
    (array([7]), array([[0.5]], dtype=float32), array([2.]))
    """

    variables: Tuple[VariableRow, ...]
    _entries: List["_Entry"]
    _length: int
    _columns: Dict[str, np.ndarray]

    def __init__(
        self,
        steps: Sequence[int] = (),
        variables: Iterable[VariableRow] = (),
        columns: Optional[Mapping[str, Any]] = None,
        step_values: Optional[Mapping[str, Sequence[float]]] = None,
    ):
        rows = tuple(variables)
        _check_paths(rows)
        self._set(_entries(steps, rows, columns or {}, step_values or {}), _in_order(rows))

    def _set(self, entries, rows, length=None):
        self.__dict__.update(
            variables=rows,
            _entries=entries,
            _length=len(entries) if length is None else length,
            _columns={},
        )

    def __setattr__(self, name, value):
        raise AttributeError(f"A VitalsTable does not change: {name} cannot be set.")

    @classmethod
    def empty(cls) -> "VitalsTable":
        """A table without steps and variables."""
        return cls()

    @classmethod
    def merged(cls, tables: Iterable["VitalsTable"]) -> "VitalsTable":
        """One table of several: all their steps, and the union of their variables by path.

        Where several tables have a variable at the same step, the last of them counts.
        """
        by_step: Dict[int, _Entry] = {}
        rows: Tuple[VariableRow, ...] = ()
        for table in tables:
            rows = _united(rows, table.variables) if rows else table.variables
            for entry in table._own_entries():
                known = by_step.get(entry.step)
                by_step[entry.step] = entry if known is None else known.joined(entry)
        return cls._of([by_step[step] for step in sorted(by_step)], rows)

    @classmethod
    def _of(cls, entries, rows, length=None):
        table = cls.__new__(cls)
        table._set(entries, rows, length)
        return table

    def appended(
        self,
        step: int,
        rows: Sequence[VariableRow],
        values: Any,
        step_values: Optional[Mapping[str, float]] = None,
        columns: Sequence[str] = COLUMNS,
    ) -> "VitalsTable":
        """This table and one step more. The cost does not grow with the number of steps.

        A step that is not larger than the last one replaces it and all from there on, as in
        TensorBoard: that is what a resumed run does.

        Args:
          step: The number of the step.
          rows: The variables of this step; all others are absent at it.
          values: `[rows, columns]` array.
          step_values: Numbers of the whole step by name.
          columns: Names of the columns of `values`.

        Returns:
          A `VitalsTable`; this one stays as it is.

        Raises:
          ValueError: `values` has another shape, or two rows have one path.
        """
        rows, columns = tuple(rows), tuple(columns)
        array = _frozen(np.array(values, np.float32))
        if array.shape != (len(rows), len(columns)):
            raise ValueError(
                f"values must have a row for each of {len(rows)} variables and a column for each "
                f"of {len(columns)} names, got shape {list(array.shape)}."
            )
        part = _Part(self._layout(rows, columns), array)
        united = self._united_with(part.layout)
        return self._followed_by(_Entry(int(step), (part,), dict(step_values or {})), united)

    def _layout(self, rows, columns):
        """The layout of one of the last steps, if it fits: so that alike steps share one."""
        for entry in reversed(self._entries[max(self._length - _ALIKE, 0) : self._length]):
            for part in entry.parts:
                if part.layout.columns == columns and part.layout.rows == rows:
                    return part.layout
        _check_paths(rows)
        return _Layout(rows, columns)

    def _united_with(self, layout):
        if layout.rows == self.variables:
            return self.variables
        return _united(self.variables, _in_order(layout.rows))

    def _followed_by(self, entry, variables):
        entries, length = self._entries, self._length
        while length and entries[length - 1].step >= entry.step:
            length -= 1
        # Tables that grow from each other share one list, and each knows its own length. The
        # entry stands where it should unless another table has grown from this one before.
        entries.append(entry)
        if entries[length] is not entry:
            entries = entries[:length] + [entry]
        return VitalsTable._of(entries, variables, length + 1)

    def latest(self, n: int) -> "VitalsTable":
        """The last `n` steps, with all variables."""
        return VitalsTable._of(self._own_entries()[max(self._length - n, 0) :], self.variables)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        span = f", {self.steps[0]} to {self.steps[-1]}" if self._length else ""
        return f"<VitalsTable: {len(self.variables)} variables, {self._length} steps{span}>"

    def _own_entries(self):
        return self._entries[: self._length]

    @functools.cached_property
    def steps(self) -> np.ndarray:
        """The numbers of the steps, int64 and ascending."""
        return _frozen(np.array([entry.step for entry in self._own_entries()], np.int64))

    @property
    def last_step(self) -> Optional[int]:
        """The number of the last step; None if the table is empty."""
        return self._entries[self._length - 1].step if self._length else None

    @functools.cached_property
    def columns(self) -> Tuple[str, ...]:
        """Names of the columns that are there, the known ones in their order, then others."""
        present = {name: None for layout in self._layouts() for name in layout.columns}
        others = [name for name in present if name not in COLUMNS]
        return tuple(name for name in (*COLUMNS, *others) if name in present)

    def _layouts(self):
        parts = (part for entry in self._own_entries() for part in entry.parts)
        return list({id(part.layout): part.layout for part in parts}.values())

    @functools.cached_property
    def step_values(self) -> Mapping[str, np.ndarray]:
        """Numbers of whole steps, float64 `[steps]` by name, NaN where a step lacks the number."""
        series: Dict[str, np.ndarray] = {}
        for place, entry in enumerate(self._own_entries()):
            for name, value in entry.values.items():
                if name not in series:
                    series[name] = np.full(self._length, np.nan)
                series[name][place] = value
        return types.MappingProxyType({name: _frozen(one) for name, one in series.items()})

    @functools.cached_property
    def _places(self):
        return {row.path: place for place, row in enumerate(self.variables)}

    def place(self, path: str) -> int:
        """The row of a variable.

        Raises:
          KeyError: there is no such variable; the message names those that there are.
        """
        if path not in self._places:
            raise KeyError(f"There is no variable {path!r}. There is: {_listed(self._places)}")
        return self._places[path]

    def counterparts(self, other: "VitalsTable") -> List[Optional[int]]:
        """Matches the variables with those of another run, whatever other models a process made.

        Keras numbers the layers that have no name through the whole process, so that the same model
        is called `dense` in one run and `dense_2` in another. Variables are the same whose
        `recounted` paths are equal, or whose paths are. Where the two disagree, shape and role
        decide, and nothing is matched where they do not.

        Args:
          other: The table of the other run.

        Returns:
          For each variable of this table the row in the other one, or None.
        """
        return counterparts(self.variables, other.variables)

    def column(self, name: str) -> np.ndarray:
        """The numbers of one column.

        Returns:
          float32 `[variables, steps]`; NaN where a number is not known.

        Raises:
          KeyError: `name` is none of `gtlog.vitals.columns.COLUMNS`, nor in the table.
        """
        if name not in self._columns:
            if name not in COLUMNS and name not in self.columns:
                names = _listed((*COLUMNS, *self.columns))
                raise KeyError(f"There is no column {name!r}. There is: {names}")
            self._columns[name] = _frozen(self._filled(name))
        return self._columns[name]

    def _filled(self, name):
        # Steps first: a row is written in one piece.
        filled = np.full((self._length, len(self.variables)), np.nan, np.float32)
        places: Dict[int, Tuple[Optional[int], Any]] = {}
        for row, entry in zip(filled, self._own_entries()):
            for layout, array in entry.parts:
                if id(layout) not in places:
                    places[id(layout)] = layout.position(name), self._rows_of(layout)
                position, rows = places[id(layout)]
                row[rows] = np.nan if position is None else array[:, position]
        return np.ascontiguousarray(filled.T)

    def _rows_of(self, layout):
        return np.array([self._places[row.path] for row in layout.rows], np.intp)


class _Layout(NamedTuple):
    """What the rows and columns of one or more arrays are."""

    rows: Tuple[VariableRow, ...]
    columns: Tuple[str, ...]

    def position(self, name):
        return self.columns.index(name) if name in self.columns else None


class _Part(NamedTuple):
    layout: _Layout
    array: np.ndarray


class _Entry(NamedTuple):
    """One step: its values, and its arrays. Of several arrays with a variable the last counts."""

    step: int
    parts: Tuple[_Part, ...]
    values: Dict[str, float]

    def joined(self, later):
        return _Entry(self.step, self.parts + later.parts, {**self.values, **later.values})


# How many steps back a step looks for one with the same rows and columns.
_ALIKE = 8


def _in_order(rows):
    """Rows by their `order`, which then counts from 0; the tuple itself where it is so already."""
    if isinstance(rows, tuple) and all(row.order == place for place, row in enumerate(rows)):
        return rows
    ordered = sorted(rows, key=lambda row: row.order)
    return tuple(row._replace(order=place) for place, row in enumerate(ordered))


def _entries(steps, rows, columns, step_values):
    steps = np.asarray(steps, np.int64)
    if steps.ndim != 1 or np.any(steps[1:] <= steps[:-1]):
        raise ValueError("steps must ascend.")
    stacked = np.empty((steps.size, len(rows), len(columns)), np.float32)
    for position, (name, array) in enumerate(columns.items()):
        array = np.asarray(array)
        if array.shape != (len(rows), steps.size):
            raise ValueError(
                f"The column {name!r} must have shape {[len(rows), steps.size]} "
                f"(variables, steps), got {list(array.shape)}."
            )
        stacked[:, :, position] = array.T
    for name, series in step_values.items():
        if np.shape(series) != steps.shape:
            raise ValueError(
                f"The step values {name!r} must have shape {[steps.size]}, "
                f"got {list(np.shape(series))}."
            )
    layout = _Layout(rows, tuple(columns))
    return [
        _Entry(
            int(step),
            (_Part(layout, _frozen(stacked[place])),),
            {name: float(series[place]) for name, series in step_values.items()},
        )
        for place, step in enumerate(steps)
    ]


def _united(known, others):
    """The union of two sequences of rows: new ones stand where their neighbours stand.

    A new row comes after the row before it; at the beginning of its sequence before the first known
    row; where no row is known, at the end. Of rows with one path the later one counts.
    """
    united = {row.path: row for row in known}
    order = list(united)
    waiting, previous = [], None
    for row in others:
        if row.path in united:
            if waiting:
                place = order.index(row.path)
                order[place:place] = waiting
                waiting = []
            previous = row.path
        elif previous is None:
            waiting.append(row.path)
        else:
            order.insert(order.index(previous) + 1, row.path)
            previous = row.path
        united[row.path] = row
    order.extend(waiting)
    return tuple(united[path]._replace(order=place) for place, path in enumerate(order))


def _check_paths(rows):
    seen = set()
    for row in rows:
        if row.path in seen:
            raise ValueError(f"Two variables have the path {row.path!r}.")
        seen.add(row.path)


def _frozen(array):
    array = array.view()
    array.flags.writeable = False
    return array


def _listed(names, most=20):
    """Names as the end of a message; of many, the first and how many more."""
    names = list(dict.fromkeys(names))
    shown = ", ".join(map(str, names[:most])) or "nothing"
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
