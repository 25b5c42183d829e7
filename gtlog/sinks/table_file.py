"""Steps as rows of a plain table."""

import contextlib
import csv
import importlib.util
import os
from typing import Union

from gtlog.sinks.numbers import PerVariable, columns_of, findings_of, numbers_of
from gtlog.sinks.packages import imported

_COLUMNS = ("step", "name", "variable", "value", "text")


class TableSink:
    """Writes a table, one row for each number and each finding.

    Its columns are `step`; `name` (`loss`, `gradient_norm`, …); `variable`, the path where the
    number is one variable's, else empty; `value`; and `text`. A finding is a row with the name
    `finding`, its layer as `variable`, and what it says as `text`.

    A path that ends in `.csv` needs no other package, and has each logged step at once. One that
    ends in `.parquet` is written by pandas when the logger is flushed or closed, or the program
    ends; until then the rows are in memory.

    Args:
      path: `str` or `os.PathLike`, with the ending `.csv` or `.parquet`. Its folder is made if it
        is missing.
      per_variable: As for `gtlog.sinks.numbers_of`.
      append: Whether the rows follow those that are there, for a run that is resumed. If not, the
        first logged step replaces a file that is there.

    Raises:
      ValueError: the ending is another one, what is there is no such table, or `per_variable` names
        a column that there is not.
      TypeError: a parameter is of the wrong kind.
      ModuleNotFoundError: pandas, or what it needs for Parquet, is not installed.
      OSError: the path is a folder, or its folder cannot be made.
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        per_variable: PerVariable = False,
        append: bool = False,
    ) -> None:
        columns_of(per_variable)
        self.path = os.fspath(path)
        self._file = _kind_of(self.path)(self.path)
        if os.path.isdir(self.path):
            raise IsADirectoryError(f"TableSink(path={self.path!r}) is a folder; name a file.")
        os.makedirs(os.path.dirname(self.path) or os.curdir, exist_ok=True)
        self._per_variable = per_variable
        self._earlier = None
        if append and os.path.exists(self.path):
            self._earlier = self._file.resume()

    def __str__(self):
        return f"the table {self.path!r}"

    def earlier_steps(self):
        """The first and the last step in the table that is appended to; None without one."""
        return self._earlier

    def write(self, step, values):
        """Adds the rows of a step."""
        rows = [
            (step, one.name, one.variable, one.value, None)
            for one in numbers_of(values, self._per_variable)
        ]
        rows += [(step, "finding", one.layer, None, str(one)) for one in findings_of(values)]
        if rows:
            self._file.add(rows)

    def flush(self):
        """Writes what is still in memory."""
        self._file.save()

    def close(self):
        """Writes what is still in memory."""
        self._file.save()


class _CsvFile:
    """Rows in a file that has each of them at once, and is opened for each step anew."""

    def __init__(self, path):
        self._path = path
        self._mode = "w"

    def resume(self):
        """Returns the first and the last step in the file, or None if it is empty."""
        with open(self._path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            _check_columns(next(rows, _COLUMNS), self._path)
            steps = [int(row[0]) for row in rows]
        self._mode = "a"
        return (min(steps), max(steps)) if steps else None

    def add(self, rows):
        is_there = self._mode == "a" and os.path.exists(self._path)
        size = os.path.getsize(self._path) if is_there else 0
        try:
            with open(self._path, self._mode, newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(rows if size else [_COLUMNS, *rows])
        except OSError:
            with contextlib.suppress(OSError):  # the file may be what cannot be opened
                os.truncate(self._path, size)
            raise
        self._mode = "a"

    def save(self):
        """Does nothing: each row is in the file already."""


class _ParquetFile:
    """Rows that are kept in memory, since the format cannot be appended to."""

    def __init__(self, path):
        self._pandas = imported("pandas", "parquet", f"TableSink({path!r})")
        if not any(map(importlib.util.find_spec, ("pyarrow", "fastparquet"))):
            imported("pyarrow", "parquet", f"TableSink({path!r})")
        self._path = path
        self._rows = []
        self._saved = 0

    def resume(self):
        """Returns the first and the last step in the file, or None if it is empty."""
        frame = self._pandas.read_parquet(self._path)
        _check_columns(frame.columns, self._path)
        frame = frame.astype(object).where(frame.notna(), None)
        self._rows = list(frame.itertuples(index=False, name=None))
        self._saved = len(self._rows)
        steps = frame["step"]
        return (int(steps.min()), int(steps.max())) if len(steps) else None

    def add(self, rows):
        self._rows.extend(rows)

    def save(self):
        if len(self._rows) == self._saved:
            return
        frame = self._pandas.DataFrame(self._rows, columns=list(_COLUMNS))
        types = {"step": "int64", "value": "float64"}
        types.update(dict.fromkeys(("name", "variable", "text"), "string"))
        beside = f"{self._path}.new"
        frame.astype(types).to_parquet(beside, index=False)
        os.replace(beside, self._path)  # whoever reads it meanwhile finds the old one whole
        self._saved = len(self._rows)


def _kind_of(path):
    kinds = {".csv": _CsvFile, ".parquet": _ParquetFile}
    ending = os.path.splitext(path)[1].lower() if isinstance(path, str) else None
    if ending not in kinds:
        raise ValueError(f"TableSink(path={path!r}): the path must end in .csv or .parquet.")
    return kinds[ending]


def _check_columns(found, path):
    if tuple(found) != _COLUMNS:
        raise ValueError(
            f"TableSink(path={path!r}, append=True): the file has the columns {list(found)}, not "
            f"those of a table of gtlog's, {list(_COLUMNS)}."
        )
