"""One table a step of what each variable did, and the few numbers of the step itself."""

import math

import numpy as np
import tensorflow as tf

from gtlog import tags
from gtlog.records import together
from gtlog.summaries.kernels import kinds as kernel_kinds
from gtlog.summaries.parts import numbers_of
from gtlog.summaries.scalars import scalars
from gtlog.tensors.arrays import array_of
from gtlog.types import Summary
from gtlog.values import Scalar, Table
from gtlog.variables import roles
from gtlog.variables.optimizers import WantedOptimizers
from gtlog.vitals import measures
from gtlog.vitals.columns import COLUMNS

VERSION = 1
_STEP_VALUES = ("loss", "gradient_norm", "weight_norm", "update_ratio")
# Units are compared on the first tables of a tag, on those whose number is a power of two, and on
# each 64th.
_RARELY = 64
_MATRIX = 2
_FACTS = {
    **{"asked": "was_asked", "missing": "is_missing", "was_read": "was_read"},
    **{"silent_units": "silent_units", "saturation": "saturation"},
}


def vitals() -> Summary:
    """A summary that writes one table of all variables, which the diagnosis and viewers read.

    Tags: `gtlog/vitals`, a row for each variable, a column for each statistic; `gtlog/steps`, the
    losses and global norms that `scalars` writes, once more in float64, and the learning rate of
    each optimizer that is found, under the names and by the rules of `optimizer`. The header of the
    event file names rows and columns. Where another set of variables is logged, it has a tag of its
    own: `gtlog/vitals/2`, and so on. TensorBoard draws nothing of it.

    Returns:
      A callable from a `StepRecord` to an iterable of `Table` values. It keeps which tag belongs to
      which variables, so each logger is given one of its own.
    """
    tables, steps = _Series(tags.VITALS), _Series(tags.STEPS)
    step_values = scalars()

    def summarize(record):
        if record.variables:
            yield from _table(tables, record.variables)
        scalars_of_step = [one for one in step_values(record) if isinstance(one, Scalar)]
        values = {one.tag: one.value for one in scalars_of_step if _is_of_step(one.tag)}
        values.update(_learning_rates(record))
        if values:
            tag, header, _ = steps.next(
                tuple(values), lambda: {"kind": "steps", "names": list(values)}
            )
            yield Table(tag, np.array(list(values.values())), header)

    summarize.__qualname__ = "vitals"
    summarize.optimizers = WantedOptimizers(rate_alone=True)  # type: ignore[attr-defined]
    return summarize


class _Series:
    """Tags of the tables of one kind: one for each set of rows.

    Args:
      kind: `tags.VITALS` or `tags.STEPS`.
    """

    def __init__(self, kind):
        self._kind = kind
        self._by_rows = {}

    def next(self, rows, make_header):
        """The tag, the header and the number, from 0, of a table.

        Args:
          rows: Hashable; what makes the rows those of another table.
          make_header: Called without arguments where the rows are new.
        """
        if rows not in self._by_rows:
            number = len(self._by_rows) + 1
            tag = tags.table(self._kind, number)
            self._by_rows[rows] = [tag, {"version": VERSION, **make_header()}, -1]
        known = self._by_rows[rows]
        known[2] += 1
        return tuple(known)


def _table(series, variables):
    together.know_extremes(variables)
    rows = tuple(map(_key_of, variables))
    tag, header, number = series.next(rows, lambda: _header_of(variables))
    position_of = {id(variable): position for position, variable in enumerate(variables)}
    pairs = yield from numbers_of(
        variables, "the variable", lambda one: (position_of[id(one)], _tensors_of(one))
    )
    table = np.full((len(variables), len(COLUMNS)), np.nan, np.float32)
    if pairs:
        positions, tensors = map(list, zip(*pairs))
        table[positions] = measures.measure(tensors, _is_time_to_compare(number))
    for column, fact in _FACTS.items():
        table[:, COLUMNS.index(column)] = [_number(getattr(one, fact)) for one in variables]
    yield Table(tag, table, header)


def _learning_rates(record):
    """By tag the learning rates of the optimizers that were found, none of those not known."""
    return {
        tags.learning_rate(one.name): one.learning_rate
        for one in record.optimizers
        if one.learning_rate is not None
    }


def _is_time_to_compare(number):
    return number % _RARELY == 0 or number & (number - 1) == 0


def _key_of(variable):
    return variable.path, variable.shape, variable.value.dtype


def _header_of(variables):
    return {
        "kind": "vitals",
        "columns": list(COLUMNS),
        "variables": [
            [
                variable.path,
                variable.role,
                [int(size) for size in variable.shape],
                variable.value.dtype.name,
                _is_trained(variable),
                order,
                *([] if variable.recounted is None else [variable.recounted]),
            ]
            for order, variable in enumerate(variables)
        ],
    }


def _is_trained(variable):
    """Whether the step trains a variable. None if no tape shows it."""
    return None if variable.was_asked is None else variable.is_trained


def _number(fact):
    return math.nan if fact is None else float(fact)


def _is_of_step(tag):
    return tag.partition("/")[0] in _STEP_VALUES


def _tensors_of(variable):
    """The tensors of a variable that the table needs; no array of one on another device."""
    if not variable.is_on_host:
        return measures.Tensors(None, None, None, None, None, variable)
    rows = None
    if isinstance(variable.gradient, tf.IndexedSlices):
        rows = np.unique(array_of(variable.gradient.indices))
    return measures.Tensors(
        variable.value_array,
        variable.before_array,
        variable.gradient_array,
        rows,
        _units(variable),
        variable,
    )


def _units(variable):
    """How many units the last axes of a kernel count; None of all else.

    A matrix whose name says nothing, as in a hand-written module, counts as a kernel.
    """
    shape = variable.shape
    is_matrix = variable.role == roles.OTHER and len(shape) == _MATRIX and min(shape) > 1
    if not is_matrix and variable.role not in (roles.KERNEL, roles.RECURRENT_KERNEL):
        return None
    if len(shape) < _MATRIX:
        return None
    if kernel_kinds.is_convolution(variable):
        if kernel_kinds.is_transposed(variable):
            return None
        if kernel_kinds.is_depthwise(variable):
            return int(shape[-2]) * int(shape[-1])
    return int(shape[-1])
