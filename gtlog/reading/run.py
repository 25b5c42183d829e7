"""One run: what its log directory holds, by name and step."""

import bisect
import importlib
import os
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from gtlog import tags
from gtlog.reading.events import (
    EventFiles,
    decoded,
    encoded_picture,
    event_files,
    kind_of,
    local_path,
)
from gtlog.reading.vitals_files import VitalsFiles
from gtlog.vitals.table import VitalsTable, layer_of

_LISTED = 12  # names that a message lists
_KEPT_KINDS = ("scalar",)  # whose values are small enough to be kept


def open_run(logdir, is_read: Optional[Callable[[str, int], None]] = None) -> "Run":
    """Opens a run to look at it. Neither TensorFlow nor TensorBoard is needed.

    Args:
      logdir: The log directory, `str` or `os.PathLike`, on this machine. Where the only event files
        are those of one directory beneath, that one is opened.
      is_read: Called for each event with the path of its file and where it begins there, in bytes:
        for a progress bar.

    Returns:
      A `Run`.

    Raises:
      FileNotFoundError: there is no such directory, or no event file in it.
      NotADirectoryError: `logdir` is a file.
      ValueError: several directories beneath hold runs, which the message names; or `logdir` is not
        on this machine.
    """
    return Run(logdir, is_read)


class _Place(NamedTuple):
    """Where a value stands."""

    path: str
    offset: int


class _Series:
    """The values of one tag in the order of their steps, or their places."""

    def __init__(self, kind):
        self.kind = kind
        self.steps: List[int] = []
        self.values: List[Any] = []

    def add(self, step, value):
        """Adds a value. One of an earlier step replaces all from there on, as in TensorBoard."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.values.pop()
        self.steps.append(step)
        self.values.append(value)


class Run:
    """One run, as its event files show it.

    Several event files of the directory are one run: where it was resumed, the steps of a later
    file replace those of the earlier ones from there on. Pictures and histograms are read when they
    are asked for.

    Args:
      logdir: As in `open_run`.
      is_read: As in `open_run`.

    Attributes:
      logdir: The directory of the event files, `str`.

    Raises:
      FileNotFoundError, NotADirectoryError, ValueError: as `open_run` does.
    """

    def __init__(self, logdir, is_read=None):
        self.logdir = _directory_of_run(local_path(logdir))
        self._files = EventFiles(self.logdir, recursive=False, by_name=True)
        self._vitals_files = VitalsFiles()
        self._series: Dict[str, _Series] = {}
        self._kept: Dict[str, Any] = {}
        self.refresh(is_read)

    def refresh(self, is_read=None) -> bool:
        """Reads what was written since. Returns whether there was anything.

        Args:
          is_read: As in `open_run`.
        """
        is_new = False
        for placed in self._files.new():
            is_new = True
            if is_read is not None:
                is_read(placed.path, placed.offset)
            self._vitals_files.add(placed)
            for value in placed.event.values:
                self._index(placed, value)
        if is_new:
            self._kept.clear()
        return is_new

    def _index(self, placed, value):
        kind = kind_of(value)
        content: Any = _Place(placed.path, placed.offset)
        if kind in _KEPT_KINDS:
            try:
                content = decoded(placed.event.step, value).value
            except ValueError:  # found again, and said, when it is asked for
                pass
        series = self._series.setdefault(value.tag, _Series(kind))
        series.add(placed.event.step, content)

    @property
    def problems(self) -> List[str]:
        """What could not be read, a sentence each; empty where all could be."""
        return self._files.problems + self._vitals_files.problems

    @property
    def table(self) -> VitalsTable:
        """The vitals of all variables at all steps, and the numbers of whole steps.

        Of a run without vitals, one of another tool or an older gtlog, it has no variables; losses
        and norms are those of the scalars.
        """
        if "table" not in self._kept:
            self._kept["table"] = self._merged_table()
        return self._kept["table"]

    def _merged_table(self):
        vitals = self._vitals_files.table
        scalars = {
            tag: series
            for tag, series in self._series.items()
            if series.kind == "scalar" and tags.is_of_step(tag)
        }
        steps = vitals.steps.tolist() or sorted({s for one in scalars.values() for s in one.steps})
        places = {step: place for place, step in enumerate(steps)}
        step_values = {}
        for tag, series in scalars.items():
            numbers = np.full(len(steps), np.nan)
            for step, value in zip(series.steps, series.values):
                if step in places and not isinstance(value, _Place):
                    numbers[places[step]] = value
            step_values[tag] = numbers
        of_scalars = VitalsTable(steps, (), {}, step_values)
        return VitalsTable.merged([of_scalars, vitals]) if len(vitals) else of_scalars

    @property
    def has_vitals(self) -> bool:
        """Whether the run has a vitals table."""
        return bool(self.table.variables)

    @property
    def steps(self) -> np.ndarray:
        """The numbers (int64) of the logged steps, those of the table or of all values."""
        if len(self.table):
            return self.table.steps
        return np.array(sorted({s for one in self._series.values() for s in one.steps}), np.int64)

    @property
    def variables(self) -> Tuple[str, ...]:
        """The paths of the variables, in forward order as far as that is known."""
        if self.has_vitals:
            return tuple(row.path for row in self.table.variables)
        parts = map(tags.kind_and_path, self._series)
        return tuple(dict.fromkeys(one.path for one in parts if one.path is not None))

    @property
    def layers(self) -> Tuple[str, ...]:
        """The layers of the variables, in the same order."""
        return tuple(dict.fromkeys(map(layer_of, self.variables)))

    @property
    def losses(self) -> Dict[str, np.ndarray]:
        """The losses by name, float64 arrays of one number a step of the table, NaN if absent."""
        values = self.table.step_values
        return {name: values[name] for name in values if name.partition("/")[0] == tags.LOSS}

    @property
    def tags(self) -> List[str]:
        """All tags, sorted."""
        return sorted(self._series)

    def vitals(self, name: str) -> np.ndarray:
        """One column of the vitals table.

        Args:
          name: One of `gtlog.vitals.columns.COLUMNS`, such as `"gradient_rms"`.

        Returns:
          float32 `[variables, steps]` in the order of `variables` and `table.steps`; NaN where a
          number is not known.

        Raises:
          KeyError: there is no such column.
          ValueError: the run has no vitals.
        """
        self._check_vitals()
        return self.table.column(name)

    def _check_vitals(self):
        if not self.has_vitals:
            raise ValueError(
                f"{self.logdir!r} has no vitals: no table of its variables. gtlog's summary "
                f"vitals() writes them. There is: {_listed(self.tags)}"
            )

    def kind_of(self, tag: str) -> str:
        """`"scalar"`, `"histogram"`, `"image"`, or the name of the plugin a tag belongs to.

        Raises:
          KeyError: there is no such tag.
        """
        return self._series_of(tag).kind

    def scalars(self, tag: str) -> Dict[int, float]:
        """The numbers under a tag by their steps.

        Raises:
          KeyError: there is no such scalar.
          ValueError: a number is damaged.
        """
        series = self._series_of(tag, "scalar")
        return {
            step: self._read(tag, step, value) if isinstance(value, _Place) else value
            for step, value in zip(series.steps, series.values)
        }

    def histogram(self, tag: str, step: int) -> np.ndarray:
        """A histogram: `[k, 3]` float64 rows of left edge, right edge and count.

        Raises:
          KeyError: there is no such histogram, or none at this step.
          ValueError, OSError: the event file is damaged, or gone.
        """
        return self._value(tag, step, self._series_of(tag, "histogram"))

    def image(self, tag: str, step: int) -> np.ndarray:
        """The pixels of a picture: uint8 `[height, width, channels]`.

        Raises:
          KeyError: there is no such picture, or none at this step.
          ValueError, OSError: the event file is damaged, or gone.
        """
        return self._value(tag, step, self._series_of(tag, "image"))

    def values_at(self, step: int, wanted: Iterable[str]) -> Dict[str, Any]:
        """The values of many tags at one step. Each event is read once.

        Args:
          step: Number of a step.
          wanted: Names of tags.

        Returns:
          Values by tag, as `scalars`, `histogram` and `image` give them. A tag that has none at
          this step, or one that cannot be read, is left out.
        """
        return self._found_at(step, wanted, lambda step, value: decoded(step, value).value)

    def picture_files_at(self, step: int, wanted: Iterable[str]) -> Dict[str, bytes]:
        """The pictures of many tags at one step as the files that were logged, PNG as a rule.

        Args:
          step: Number of a step.
          wanted: Names of tags that hold pictures.

        Returns:
          Files by tag. What is not there or cannot be read is left out.
        """
        return self._found_at(step, wanted, lambda _, value: encoded_picture(value))

    def _found_at(self, step, wanted, read):
        found: Dict[str, Any] = {}
        places: Dict[_Place, List[str]] = {}
        for tag in wanted:
            content = self._content_at(tag, step)
            if isinstance(content, _Place):
                places.setdefault(content, []).append(tag)
            elif content is not None:
                found[tag] = content
        for place, names in places.items():
            found.update(self._values_of(place, set(names), read))
        return found

    def _content_at(self, tag, step):
        series = self._series.get(tag)
        if series is None:
            return None
        place = bisect.bisect_left(series.steps, step)
        is_there = place < len(series.steps) and series.steps[place] == step
        return series.values[place] if is_there else None

    def _values_of(self, place, wanted, read):
        try:
            event = self._files.event_at(*place)
        except (OSError, ValueError):  # the file is gone, or was replaced
            return {}
        found = {}
        for one in event.values:
            if one.tag in wanted:
                try:
                    found[one.tag] = read(event.step, one)
                except ValueError:  # damaged: `histogram` and `image` say how
                    continue
        return found

    def steps_of(self, tag: str) -> np.ndarray:
        """The steps at which there is a value under a tag, int64.

        Raises:
          KeyError: there is no such tag.
        """
        return np.array(self._series_of(tag).steps, np.int64)

    def _series_of(self, tag, kind=None):
        series = self._series.get(tag)
        if series is None or kind not in (None, series.kind):
            names = [name for name in self.tags if kind in (None, self._series[name].kind)]
            raise KeyError(f"There is no {kind or 'tag'} {tag!r}. There is: {_listed(names)}")
        return series

    def _value(self, tag, step, series):
        if step not in series.steps:
            raise KeyError(
                f"There is nothing under {tag!r} at step {step!r}. There are the steps "
                f"{_listed(_nearest(series.steps, step))}"
            )
        return self._read(tag, step, series.values[series.steps.index(step)])

    def _read(self, tag, step, place):
        event = self._files.event_at(*place)
        for one in reversed(event.values):
            if one.tag == tag:
                try:
                    return decoded(event.step, one).value
                except ValueError as error:
                    raise ValueError(f"{tag!r} of step {step} cannot be read: {error}") from error
        raise ValueError(f"{place.path!r} was replaced: {tag!r} of step {step} is gone.")

    @property
    def findings(self) -> List[Any]:
        """The faults of the training, a list of `Finding`, the worst first.

        What was found while the run went on; where nothing was, what the diagnosis finds in the
        vitals.
        """
        if "findings" not in self._kept:
            # By name: the diagnosis stands on the reader, not the reader on the diagnosis.
            source = importlib.import_module("gtlog.diagnosis.source")
            said = source.said(self.logged_findings)
            self._kept["findings"] = said or source.diagnose(self.table)
        return self._kept["findings"]

    @property
    def logged_findings(self) -> List[Tuple[int, Dict[str, Any]]]:
        """What was found while the run went on, as pairs of a step and the fields of a finding."""
        return self._vitals_files.findings

    def to_pandas(self):
        """The vitals as a `pandas.DataFrame`: a row for each variable and step, a column for each
        statistic.

        Raises:
          ModuleNotFoundError: pandas is not installed.
          ValueError: the run has no vitals.
        """
        self._check_vitals()
        try:
            import pandas
        except ModuleNotFoundError as error:
            if error.name != "pandas":
                raise
            raise ModuleNotFoundError(
                "Run.to_pandas() needs pandas, which is not installed: pip install pandas. "
                "Run.vitals(name) gives numpy arrays without it.",
                name="pandas",
            ) from None
        index = pandas.MultiIndex.from_product(
            [self.variables, self.table.steps.tolist()], names=["variable", "step"]
        )
        columns = {name: self.table.column(name).reshape(-1) for name in self.table.columns}
        return pandas.DataFrame(columns, index=index)

    def _repr_html_(self) -> str:
        """The run in a notebook: findings, a picture of all layers, and the page."""
        # By name, as above: what shows a run stands on the reader.
        return importlib.import_module("gtlog.looking.notebook").run_html(self)

    def __repr__(self) -> str:
        steps, names = self.steps, self.variables
        span = f", {steps[0]} to {steps[-1]}" if len(steps) else ""
        lines = [f"<Run {self.logdir!r}: {len(steps)} logged steps{span}"]
        lines.append(f"  {len(names)} variables in {len(self.layers)} layers")
        if not self.has_vitals:
            lines[-1] += "; no vitals"
        for name, numbers in list(self.losses.items())[:_LISTED]:
            known = numbers[~np.isnan(numbers)]
            if len(known):
                lines.append(f"  {name}: {known[0]:.4g} at first, {known[-1]:.4g} at last")
        lines.append(f"  {len(self._series)} tags: see .tags")
        if self.problems:
            lines.append(f"  {len(self.problems)} parts could not be read: see .problems")
        return "\n".join(lines) + ">"


def _directory_of_run(logdir):
    """The directory that holds the event files.

    Raises:
      FileNotFoundError, NotADirectoryError, ValueError: as `open_run` does.
    """
    if not os.path.exists(logdir):
        raise FileNotFoundError(f"There is no directory {logdir!r}.")
    if not os.path.isdir(logdir):
        raise NotADirectoryError(f"{logdir!r} is a file. Give the directory that it is in.")
    if next(event_files(logdir, recursive=False), None) is not None:
        return logdir
    runs = sorted({os.path.dirname(path) for path in event_files(logdir)})
    if not runs:
        raise FileNotFoundError(f"There is no event file in {logdir!r}, nor beneath.")
    if len(runs) > 1:
        raise ValueError(
            f"{logdir!r} holds {len(runs)} runs. Choose one: {_listed(map(repr, runs))}"
        )
    return runs[0]


def _nearest(steps, step):
    """The steps nearest to a number, in order."""
    try:
        return sorted(sorted(steps, key=lambda one: abs(one - step))[:_LISTED])
    except TypeError:  # it is no number
        return steps


def _listed(names):
    """Names as the end of a message; of many, the first and how many more."""
    names = list(names)
    shown = ", ".join(map(str, names[:_LISTED])) or "nothing"
    more = len(names) - _LISTED
    return shown + (f" and {more} more." if more > 0 else ".")
