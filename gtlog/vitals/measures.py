"""From the arrays of the variables of one step to the numbers of the vitals table.

Small tensors of one size are measured together, since numpy needs longer to begin than to compute.
Large ones are read once, block by block, as they are stored. The same pass gives the
extremes and norms that other summaries will ask for: they are handed on, and nothing is read again.
"""

import math
from typing import Any, NamedTuple, Optional

import numpy as np

from gtlog.statistics.results import Extremes
from gtlog.vitals import sketches
from gtlog.vitals.columns import COLUMNS, SKETCHES

# Elements of a large tensor that are looked at together: 1 MiB of float32.
_BLOCK = 262144
# Elements of small tensors that are measured together: 256 KiB of float64.
_TOGETHER = 32768
# Products of float32 that are summed up in float32.
_ROW = 512
# Elements from which on `gtlog.statistics` sums up the squares of float32 in float32.
_LARGE_FLOAT32 = 16384
# From this magnitude on, a row of elements may sum up to more than float32 holds.
_HUGE = 1e35
# The smallest mean square that float32 computes without loss.
_SMALLEST_SQUARE = 1e-30
# Between these magnitudes the squares stay in the range of float64.
_LARGE, _SMALL = 1e140, 1e-140

_COLUMN = {name: position for position, name in enumerate(COLUMNS)}
_SKETCH = slice(_COLUMN[SKETCHES[0]], _COLUMN[SKETCHES[-1]] + 1)


class Tensors(NamedTuple):
    """The tensors of one variable, and what is known of them.

    Attributes:
      value: Array of the value after the update; None if it cannot be read.
      before: Array of the value before the update; None if it is unknown.
      gradient: Array of the gradient, of a sparse one its touched rows; None without a gradient.
      rows: Indices of the rows that a sparse gradient touches, ascending; None if it is dense.
      units: How many output units a kernel has, which the last axes of its value count; None if
        the variable is no kernel.
      known: A `VariableRecord`, or what else has `value_extremes` and `gradient_extremes` (size,
        count of non-finite elements, smallest and largest finite element), `value_norm`,
        `gradient_norm` and `update_norm` (of the finite elements), each None where there is no such
        tensor. It is handed those that are found on the way.
    """

    value: Optional[np.ndarray]
    before: Optional[np.ndarray]
    gradient: Optional[np.ndarray]
    rows: Optional[np.ndarray]
    units: Optional[int]
    known: Any

    @property
    def dense_gradient(self) -> Optional[np.ndarray]:
        """The gradient, or None if its shape is not that of the value."""
        return self.gradient if self.rows is None else None


def measure(variables, look_for_identical_units=False):
    """Measures the variables of a step.

    Args:
      variables: List of `Tensors`.
      look_for_identical_units: Whether to compare the units of each kernel with each other.

    Returns:
      `[variables, columns]` float32 array in the order of `COLUMNS`; NaN where a number is not
      known, and in the columns that do not follow from arrays.
    """
    table = np.full((len(variables), len(COLUMNS)), np.nan)
    groups, large, others = _sorted(variables)
    without_update = []
    for key, positions in groups.items():
        without_update += _measure_together(table, variables, positions, *key)
    for position in large:
        sums = _read_once(variables[position])
        if sums is None:
            others.append(position)
        elif not _add_sums(table[position], variables[position], sums):
            without_update.append(position)
    _add_extremes_and_norms(table, variables)
    for position in without_update:
        _measure_update(table[position], variables[position])
    for position in others:
        _measure_one(table[position], variables[position])
    if look_for_identical_units:
        for row, one in zip(table, variables):
            if one.units and one.value is not None:
                columns = one.value.reshape(-1, one.units)
                row[_COLUMN["identical_units"]] = identical_units(columns)
    with np.errstate(over="ignore", under="ignore"):
        return table.astype(np.float32)


def identical_units(columns):
    """The share of columns that equal another one.

    Columns with a NaN or infinite element equal none; 0.0 equals -0.0.

    Args:
      columns: `[weights, units]` array.

    Returns:
      Float; NaN where the array is empty.

    >>> identical_units(np.array([[1.0, 2.0, 1.0], [0.0, 3.0, -0.0]]))
    0.6666666666666666
    """
    if not columns.size:
        return math.nan
    alike = _repeated(columns[0])
    if len(columns) > 1 and alike.size > 1:  # one more weight sets most of them apart
        alike = alike[_alike_in(columns[len(columns) // 2, alike])]
    if alike.size < 2:
        return 0.0
    candidates = np.ascontiguousarray(columns[:, alike].T)
    candidates = candidates[np.isfinite(candidates).all(axis=1)] + candidates.dtype.type(0)
    whole = candidates.view(np.dtype((np.void, candidates.dtype.itemsize * len(columns))))
    _, counts = np.unique(whole.reshape(-1), return_counts=True)
    return float(counts[counts > 1].sum()) / columns.shape[1]


def _repeated(numbers):
    """Positions of the numbers that are there more than once."""
    return np.flatnonzero(_alike_in(numbers))


def _alike_in(numbers):
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return counts[places.reshape(-1)] > 1


def _add_extremes_and_norms(table, variables):
    """Fills the columns that follow from extremes and norms."""
    if not variables:
        return
    unknown = (math.nan,) * 4
    known = [one.known for one in variables]
    value = np.array([one.value_extremes for one in known], np.float64)
    gradient = np.array([one.gradient_extremes or unknown for one in known], np.float64)
    norms = [(one.value_norm, one.gradient_norm, one.update_norm) for one in known]
    of_value, of_gradient, of_update = np.array(norms, np.float64).T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        finite = _add_of(table, "value", value, of_value)
        _add_of(table, "gradient", gradient, of_gradient)
        table[:, _COLUMN["update_rms"]] = of_update / np.sqrt(finite)
        ratio = np.where(of_update == 0.0, 0.0, of_update / of_value)
        table[:, _COLUMN["update_ratio"]] = ratio + 0.0 * finite


def _add_of(table, name, extremes, norms):
    """Fills the columns of values or gradients; returns how many elements are finite, NaN for 0."""
    size, nonfinite, low, high = extremes.T
    finite = np.where(size > nonfinite, size - nonfinite, np.nan)
    table[:, _COLUMN[name + "_rms"]] = norms / np.sqrt(finite)
    table[:, _COLUMN[name + "_max"]] = np.maximum(-low, high) + 0.0 * finite
    table[:, _COLUMN[name + "_nonfinite"]] = nonfinite
    table[(low > 0) | (high < 0), _COLUMN[name + "_zeros"]] = 0.0
    return finite


def _sorted(variables):
    """Positions of small tensors by what they share, of large ones, and of all others."""
    groups, large, others = {}, [], []
    for position, one in enumerate(variables):
        if one.value is None:
            continue
        if _is_large_float32(one):
            large.append(position)
        elif one.value.size <= sketches.SMALL and _is_plain(one):
            key = one.value.size, one.before is not None, one.gradient is not None
            groups.setdefault(key, []).append(position)
        else:
            others.append(position)
    return groups, large, others


def _is_large_float32(one):
    if one.value.size <= sketches.SMALL or one.rows is not None:
        return False
    arrays = [array for array in (one.value, one.before, one.gradient) if array is not None]
    return all(array.dtype == np.float32 for array in arrays)


def _is_plain(one):
    """Whether a tensor is finite, with a dense gradient, and of float32 or moderate float64."""
    if one.rows is not None or not one.value.size:
        return False
    return _is_moderate(one.value, one.known.value_extremes) and (
        one.gradient is None or _is_moderate(one.gradient, one.known.gradient_extremes)
    )


def _is_moderate(array, extremes):
    _, nonfinite, low, high = extremes
    if nonfinite or array.dtype.char not in "fd":
        return False
    return low == high == 0.0 or _SMALL < max(-low, high) < _LARGE


def _is_huge(one):
    _, _, low, high = one.known.value_extremes
    return max(-low, high) > _HUGE


def _measure_together(table, variables, positions, size, has_before, has_gradient):
    """Fills rows of small tensors. Returns the positions of those whose update is left."""
    count, left = max(_TOGETHER // size, 1), []
    # Each by itself: the last bits of a sum depend on how its numbers lie in memory.
    rows = [np.empty((min(count, len(positions)), size)) for _ in range(2)]
    for start in range(0, len(positions), count):
        part = positions[start : start + count]
        ones = [variables[position] for position in part]
        part = np.array(part)
        values = _stacked([one.value for one in ones], rows[0])
        table[part, _COLUMN["value_zeros"]] = _counts(values == 0.0) / size
        table[part, _SKETCH] = sketches.of_small(values)
        _tell(ones, "value_norm", _norms(values))
        gradients = norms = None
        if has_gradient:
            gradients = _stacked([one.gradient for one in ones], rows[1])
            norms = _norms(gradients)
            _tell(ones, "gradient_norm", norms)
            _add_zeros_of_gradients(table, part, ones, gradients)
        if has_before:
            for row, one in zip(values, ones):
                row -= one.before.reshape(-1)
            left += _add_updates(table, part, ones, values, gradients, norms)
    return left


def _stacked(arrays, rows):
    """Fills the first rows of a float64 array, and returns these."""
    for row, array in zip(rows, arrays):
        row[:] = array.reshape(-1)
    return rows[: len(arrays)]


def _counts(flags):
    """How many flags of each row stand; numpy is slow where it is given an axis."""
    return np.array([np.count_nonzero(row) for row in flags])


def _products(rows, others):
    """The dot product of each row and its other."""
    return np.matmul(rows[:, np.newaxis, :], others[:, :, np.newaxis]).reshape(-1)


def _norms(rows):
    return np.sqrt(_products(rows, rows))


def _tell(ones, name, norms):
    for one, norm in zip(ones, norms.tolist()):
        one.known.know(name, norm)


def _add_zeros_of_gradients(table, part, ones, gradients):
    is_zero = gradients == 0.0
    zeros = _counts(is_zero)
    table[part, _COLUMN["gradient_zeros"]] = zeros / is_zero.shape[1]
    for position, one, row, count in zip(part, ones, is_zero, zeros):
        if one.units:
            is_dead = count >= row.size // one.units and row.reshape(-1, one.units).all(axis=0)
            table[position, _COLUMN["dead_units"]] = np.count_nonzero(is_dead) / one.units


def _add_updates(table, part, ones, updates, gradients, norms_of_gradients):
    """Fills the columns of updates; returns positions where the value before is out of range."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms = _norms(updates)
        is_told = (norms > _SMALL) & (norms < _LARGE)
        if not is_told.all():
            is_told |= (norms == 0.0) & ~updates.any(axis=1)
        if gradients is not None:
            lengths = norms * norms_of_gradients
            descent = -_products(updates, gradients) / np.where(lengths > 0.0, lengths, np.nan)
            table[part, _COLUMN["descent"]] = _clipped(descent)
    for one, norm, is_known in zip(ones, norms.tolist(), is_told.tolist()):
        if is_known:
            one.known.know("update_norm", norm)
    return part[~is_told].tolist()


def _read_once(one):
    """The `_Sums` of a large float32 variable; None if it has elements that they cannot hold."""
    sums = _Sums(one)
    for start in range(0, one.value.size, _BLOCK):
        if not sums.add(start):
            return None
    sums.tell()
    return sums


def _add_sums(row, one, sums):
    """Fills the row of a large float32 variable. Returns whether that included its update."""
    size = one.value.size
    row[_COLUMN["value_zeros"]] = sums.value_zeros / size
    row[_SKETCH] = sketches.of_large(np.concatenate(sums.of_rows), size)
    if one.gradient is not None:
        row[_COLUMN["gradient_zeros"]] = sums.gradient_zeros / size
        if sums.is_dead is not None:
            row[_COLUMN["dead_units"]] = np.count_nonzero(sums.is_dead) / one.units
        elif one.units:
            row[_COLUMN["dead_units"]] = _dead_units(one.gradient, one.units, sums.gradient_zeros)
    if one.before is None:
        return True
    if not math.isfinite(sums.update_squares):
        return False
    norms = (one.known.update_norm * one.known.gradient_norm) if one.gradient is not None else 0.0
    if norms:
        if not size * _SMALLEST_SQUARE < norms:
            return False
        row[_COLUMN["descent"]] = _clipped(-sums.product / norms)
    return True


class _Sums:
    """Sums over a large float32 variable, block by block, and its extremes where nobody knows them.

    The squares are summed up as `gtlog.statistics` does, so the norms are the same to the last bit.

    Args:
      one: `Tensors`.

    Attributes:
      is_dead: Bool array `[units]`, the units whose weights all have a gradient of zero; None where
        a block does not end with a row of the kernel, and of all else.
    """

    def __init__(self, one):
        self._known = one.known
        self._value = one.value.reshape(-1)
        self._before = None if one.before is None else one.before.reshape(-1)
        self._gradient = None if one.gradient is None else one.gradient.reshape(-1)
        self._update = np.empty(min(_BLOCK, self._value.size), np.float32)
        self._is_zero = np.empty(self._update.size, bool)
        self.value_squares = self.gradient_squares = self.update_squares = self.product = 0.0
        self.value_zeros = self.gradient_zeros = 0
        self.of_rows = []
        self.is_dead = None
        if self._gradient is not None and one.units and _BLOCK % one.units == 0:
            self.is_dead = np.ones(one.units, bool)
        self._value_range = _Range(one.value.size, one.known, "value_extremes")
        if self._gradient is not None:
            self._gradient_range = _Range(one.gradient.size, one.known, "gradient_extremes")

    def add(self, start):
        """Adds the block that begins at an element, unless it has elements that are out of range.

        Returns:
          Whether it was added.
        """
        value = self._value[start : start + _BLOCK]
        gradient = update = None
        if not self._value_range.takes(value, _HUGE):
            return False
        if self._gradient is not None:
            gradient = self._gradient[start : start + _BLOCK]
            if not self._gradient_range.takes(gradient, math.inf):
                return False
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            self.value_zeros += self._zeros(value)
            self.value_squares = _with_dot(self.value_squares, value, value)
            self.of_rows.append(sketches.sums_of_rows(value))
            if self._before is not None:
                update = self._update[: value.size]
                np.subtract(value, self._before[start : start + _BLOCK], out=update)
                self.update_squares = _with_dot(self.update_squares, update, update)
            if gradient is not None:
                self.gradient_zeros += self._zeros(gradient)
                if self.is_dead is not None:
                    is_zero = self._is_zero[: gradient.size].reshape(-1, self.is_dead.size)
                    self.is_dead &= is_zero.all(axis=0)
                self.gradient_squares = _with_dot(self.gradient_squares, gradient, gradient)
            if update is not None and gradient is not None:
                self.product = _with_dot(self.product, update, gradient)
        return True

    def _zeros(self, block):
        is_zero = self._is_zero[: block.size]
        np.equal(block, 0, out=is_zero)
        return int(np.count_nonzero(is_zero))

    def tell(self):
        """Hands on extremes, and norms that float32 can hold, as `gtlog.statistics` has them."""
        size = self._value.size
        self._value_range.tell()
        if self._gradient is not None:
            self._gradient_range.tell()
        if size < _LARGE_FLOAT32:
            return
        for name in ("value", "gradient", "update"):
            squares = getattr(self, f"{name}_squares")
            if size * _SMALLEST_SQUARE < squares < math.inf:
                self._known.know(f"{name}_norm", math.sqrt(squares))


class _Range:
    """The extremes of a float32 tensor, block by block unless they are known.

    Args:
      size: Number of elements.
      known: As in `Tensors`.
      name: What `known` calls them.
    """

    def __init__(self, size, known, name):
        self._size, self._known, self._name = size, known, name
        self._extremes = getattr(known, name) if known.knows(name) else None
        self._low, self._high = math.inf, -math.inf

    def takes(self, block, largest):
        """Whether all elements of a block are finite, and none is larger than `largest`."""
        if self._extremes is not None:
            _, nonfinite, low, high = self._extremes
            return not nonfinite and max(-low, high) <= largest
        low, high = float(np.minimum.reduce(block)), float(np.maximum.reduce(block))
        self._low, self._high = min(self._low, low), max(self._high, high)
        return math.isfinite(low) and math.isfinite(high) and max(-low, high) <= largest

    def tell(self):
        """Hands on what was found."""
        if self._extremes is None:
            self._known.know(self._name, Extremes(self._size, 0, self._low, self._high))


def _with_dot(total, block, other):
    """Adds the dot product of two blocks: 512 elements at a time in float32, these in float64."""
    whole = block.size // _ROW * _ROW
    products = np.matmul(block[:whole].reshape(-1, 1, _ROW), other[:whole].reshape(-1, _ROW, 1))
    total += float(np.sum(products, dtype=np.float64))
    if whole == block.size:
        return total
    rest = block[whole:].astype(np.float64)
    return total + float(np.dot(rest, other[whole:].astype(np.float64)))


def _measure_one(row, one):
    """Fills the columns of a variable that is in some way out of the ordinary."""
    if not one.value.size:
        return
    _measure_value(row, one)
    if one.gradient is not None and one.gradient.size:
        _measure_gradient(row, one)
    if one.before is not None:
        _measure_update(row, one)


def _measure_value(row, one):
    size, nonfinite = one.known.value_extremes[:2]
    flat = one.value.reshape(-1)
    count_zeros = math.isnan(row[_COLUMN["value_zeros"]])
    zeros, sums = 0, []
    for block in _blocks(flat, nonfinite, _is_huge(one)):
        if count_zeros:
            zeros += int(np.count_nonzero(block == 0))
        if size > sketches.SMALL:
            sums.append(sketches.sums_of_rows(block))
        else:
            row[_SKETCH] = sketches.of_small(block.astype(np.float64)[np.newaxis])[0]
    if sums:
        row[_SKETCH] = sketches.of_large(np.concatenate(sums), size)
    # Elements that are not finite were taken for zero.
    row[_COLUMN["value_zeros"]] = _share(zeros - nonfinite * count_zeros, size - nonfinite)
    if nonfinite == size:
        row[_SKETCH] = math.nan


def _measure_gradient(row, one):
    size, nonfinite = one.known.gradient_extremes[:2]
    zeros = 0
    if math.isnan(row[_COLUMN["gradient_zeros"]]):
        for block in _blocks(one.gradient.reshape(-1), nonfinite):
            zeros += int(np.count_nonzero(block == 0))
        zeros -= nonfinite
    row[_COLUMN["gradient_zeros"]] = _share(zeros, size - nonfinite)
    if one.units and one.dense_gradient is not None:
        row[_COLUMN["dead_units"]] = _dead_units(one.gradient, one.units, zeros)


def _share(count, of):
    return count / of if of else math.nan


def _dead_units(gradient, units, zeros):
    """The share of units whose weights all have a gradient of zero, given how many are zero."""
    weights = gradient.size // units
    if zeros < weights:
        return 0.0
    rows = gradient.reshape(weights, units)
    is_alive = np.zeros(units, bool)
    for start in range(0, weights, max(_BLOCK // units, 1)):
        is_alive |= np.logical_or.reduce(rows[start : start + max(_BLOCK // units, 1)] != 0, axis=0)
        if is_alive.all():
            return 0.0
    return 1.0 - np.count_nonzero(is_alive) / units


def _measure_update(row, one):
    """Fills the columns of the update of one variable."""
    product, finite = _product(one)
    if finite:
        row[_COLUMN["update_rms"]] = one.known.update_norm / math.sqrt(finite)
    else:
        row[[_COLUMN["update_rms"], _COLUMN["update_ratio"]]] = math.nan
    if one.gradient is not None and one.known.update_norm and one.known.gradient_norm:
        row[_COLUMN["descent"]] = _clipped(-product)


def _product(one):
    """Cosine of update and gradient over their finite elements; number of finite updates."""
    scales = _to_one(one.known.update_norm), _to_one(one.known.gradient_norm or 1.0)
    total, finite = 0.0, 0
    for start in range(0, one.value.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        update = _difference(one.value.reshape(-1)[block], one.before.reshape(-1)[block])
        finite += int(np.count_nonzero(np.isfinite(update)))
        if one.dense_gradient is not None:
            total += _dot(update, one.dense_gradient.reshape(-1)[block], *scales)
    if one.rows is not None:
        total = _product_of_rows(one, *scales)
    norms = (one.known.update_norm * scales[0]) * ((one.known.gradient_norm or 0.0) * scales[1])
    return (total / norms if norms else math.nan), finite


def _product_of_rows(one, update_scale, gradient_scale):
    total = 0.0
    count = max(_BLOCK // max(one.gradient[:1].size, 1), 1)
    for start in range(0, len(one.rows), count):
        rows = one.rows[start : start + count]
        update = _difference(one.value[rows].reshape(-1), one.before[rows].reshape(-1))
        gradient = one.gradient[start : start + count].reshape(-1)
        total += _dot(update, gradient, update_scale, gradient_scale)
    return total


def _dot(update, gradient, update_scale, gradient_scale):
    with np.errstate(over="ignore", invalid="ignore"):
        products = (update * update_scale) * np.conj(_wide(gradient) * gradient_scale)
    return float(np.sum(products[np.isfinite(products)]).real)


def _to_one(norm):
    """A power of two, itself no denormal number, that brings a norm near to one."""
    if not norm or not math.isfinite(norm):
        return 1.0
    return math.ldexp(1.0, max(-1000, min(-math.frexp(norm)[1], 1000)))


def _difference(after, before):
    with np.errstate(invalid="ignore", over="ignore"):
        return _wide(after) - _wide(before)


def _wide(flat):
    return flat.astype(np.complex128 if flat.dtype.kind == "c" else np.float64)


def _blocks(flat, nonfinite, is_huge=False):
    """Yields the elements block after block: magnitudes of complex ones, 0 for non-finite ones."""
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        if block.dtype.kind == "c":
            block = np.absolute(block.astype(np.complex128))
        elif is_huge or block.dtype.char not in "fd":
            block = block.astype(np.float64)
        yield np.where(np.isfinite(block), block, block.dtype.type(0)) if nonfinite else block


def _clipped(cosines):
    """Cosines that rounding has left a little beyond one."""
    return np.clip(cosines, -1.0, 1.0)
