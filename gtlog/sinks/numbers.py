"""The numbers and findings of a step, out of the values that a sink is given."""

import math
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from gtlog import tags
from gtlog.diagnosis.finding import Finding
from gtlog.values import Scalar, Strings, Table
from gtlog.vitals.columns import MEANINGS, SKETCHES

PER_VARIABLE = (
    "value_rms",
    "gradient_rms",
    "update_rms",
    "update_ratio",
    "dead_units",
    "value_nonfinite",
    "gradient_nonfinite",
)
"""Columns of the vitals that `per_variable=True` takes."""

PerVariable = Union[bool, Sequence[str]]


class Number(NamedTuple):
    """One number of a step.

    Attributes:
      name: What it is: `loss`, `gradient_norm`, the tag of a scalar of your own, or, of a variable,
        a column of the vitals such as `gradient_rms`.
      value: The number. It may be NaN or infinite.
      variable: Path of the variable or layer that it is about; None if it is about the step.
    """

    name: str
    value: float
    variable: Optional[str] = None

    @property
    def tag(self) -> str:
        """Name and path in one, such as `gradient_rms/dense/kernel`."""
        return self.name if self.variable is None else f"{self.name}/{self.variable}"


def numbers_of(values: Iterable[Any], per_variable: PerVariable = False) -> List[Number]:
    """The numbers of a step: losses, norms, ratio, scalars of your own.

    Args:
      values: What the sink was given.
      per_variable: Whether to add the vitals of each variable, NaN aside, which means that a number
        is not known. True takes seven columns (`value_rms`, `gradient_rms`, `update_rms`,
        `update_ratio`, `dead_units`, `value_nonfinite`, `gradient_nonfinite`); a sequence names
        others. The scalars of single variables and layers (`nonfinite/<path>`, what
        `gtlog.summaries.scalars(per_variable=True)` writes, shares of a layer's outputs) come with
        them.

    Returns:
      List of `Number`, one for each pair of name and variable.

    Raises:
      TypeError: `per_variable` is neither a bool nor a sequence of strings.
      ValueError: it names no column, or one that the vitals do not have.

    >>> numbers_of([Scalar("loss", 0.5), Scalar("accuracy", 0.9)])[0]
    Number(name='loss', value=0.5, variable=None)
    """
    columns, values = columns_of(per_variable), list(values)
    vitals = [one for one in values if _is_table(one, tags.VITALS)]
    numbers = {}
    for one in values:
        if _is_table(one, tags.STEPS):
            for name, value in zip(one.header["names"], one.array.tolist()):
                numbers[name, None] = value
    paths = {path for table in vitals for path in _paths(table)}
    for one in values:
        if isinstance(one, Scalar):
            name, variable = _name_and_variable(one.tag, paths)
            if variable is None or columns:
                numbers[name, variable] = one.value
    for table in vitals:
        _add_columns(numbers, table, columns)
    return [Number(name, value, variable) for (name, variable), value in numbers.items()]


def findings_of(values: Iterable[Any]) -> List[Finding]:
    """What the diagnosis found at a step.

    Args:
      values: What the sink was given.

    Returns:
      List of `gtlog.Finding`, empty where nothing is new.
    """
    return [
        Finding.from_json(text)
        for one in values
        if isinstance(one, Strings) and tags.kind_of_table(one.tag) == tags.FINDINGS
        for text in one.texts
    ]


def columns_of(per_variable: PerVariable) -> Tuple[str, ...]:
    """The columns of the vitals that `per_variable` asks for.

    Raises:
      TypeError, ValueError: as `numbers_of`.
    """
    if isinstance(per_variable, bool):
        return PER_VARIABLE if per_variable else ()
    is_sequence = isinstance(per_variable, (list, tuple))
    if not is_sequence or not all(isinstance(one, str) for one in per_variable):
        raise TypeError(
            "per_variable must be True, False or a list of columns of the vitals, got "
            f"{per_variable!r} ({type(per_variable).__name__})."
        )
    known = [name for name in MEANINGS if name not in SKETCHES]
    unknown = [name for name in per_variable if name not in known]
    if unknown or not per_variable:
        raise ValueError(
            f"per_variable={per_variable!r}: the columns are {', '.join(known)}."
        )
    return tuple(per_variable)


def _is_table(value, kind):
    return isinstance(value, Table) and tags.kind_of_table(value.tag) == kind


def _paths(vitals):
    return [variable[0] for variable in vitals.header["variables"]]


def _name_and_variable(tag, paths):
    """Splits the tag of a scalar into name and path. A named tape is part of the name, no path."""
    kind, path, _ = tags.kind_and_path(tag)
    has_path = kind == tags.NONFINITE or kind in tags.KINDS_BY_LAYER
    if has_path or (kind in tags.KINDS_OF_STEPS and path in paths):
        return kind, path
    return tag, None


def _add_columns(numbers: Dict[Any, float], table, columns):
    names = table.header["columns"]
    for column in columns:
        if column in names:
            values = table.array[:, names.index(column)].tolist()
            for path, value in zip(_paths(table), values):
                if not math.isnan(value):
                    numbers[column, path] = value
