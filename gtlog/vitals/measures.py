"""From the arrays of the variables of one step to the numbers of the vitals table.

The other summaries have found extremes and norms; here is what they lack, in one pass over the
value and one over the gradient. Small tensors of one size are measured together, since numpy needs
longer to begin than to compute; large ones block by block, as they are stored.
"""

import math
from typing import NamedTuple, Optional, Tuple

import numpy as np

from gtlog.vitals import sketches
from gtlog.vitals.columns import COLUMNS, SKETCHES

# Elements of a large tensor that are looked at together: 256 KiB of float32.
_BLOCK = 65536
# Elements of small tensors that are measured together: 256 KiB of float64.
_TOGETHER = 32768
# Products of float32 that are summed up in float32.
_ROW = 512
# Elements of which float32 cannot sum up a row.
_HUGE = 1e35
# Root mean squares whose product float32 can tell.
_SMALLEST_PRODUCT = 1e-30
# Norms whose squares float64 can tell.
_LARGE, _SMALL = 1e140, 1e-140

_COLUMN = {name: position for position, name in enumerate(COLUMNS)}
_SKETCH = slice(_COLUMN[SKETCHES[0]], _COLUMN[SKETCHES[-1]] + 1)


class Tensors(NamedTuple):
    """The tensors of one variable, and what is known of them.

    Attributes:
      value: Array of the value after the update; None where it is not in reach.
      before: Array of the value before the update; None where it is not known.
      gradient: Array of the gradient, of sparse ones the touched rows; None without one.
      rows: Indices of the touched rows in rising order, of a sparse gradient; None of a dense one.
      units: How many output units a kernel has, which the last axes of its value count; None of a
        variable that is no kernel.
      value_extremes: Size, count of non-finite elements, smallest and largest finite element.
      value_norm: L2 norm of the finite elements.
      gradient_extremes: The same of the gradient; None without one.
      gradient_norm: The same of the gradient; None without one.
      update_norm: L2 norm of value - before; None where that is not known.
    """

    value: Optional[np.ndarray]
    before: Optional[np.ndarray]
    gradient: Optional[np.ndarray]
    rows: Optional[np.ndarray]
    units: Optional[int]
    value_extremes: Tuple[int, int, float, float]
    value_norm: float
    gradient_extremes: Optional[Tuple[int, int, float, float]] = None
    gradient_norm: Optional[float] = None
    update_norm: Optional[float] = None

    @property
    def is_updated(self) -> bool:
        """Whether value and gradient tell the direction of the update."""
        return self.before is not None and self.gradient is not None


def measure(variables, look_for_identical_units=False):
    """Measures the variables of a step.

    Args:
      variables: List of `Tensors`.
      look_for_identical_units: Whether to compare the units of each kernel with each other.

    Returns:
      `[variables, columns]` float32 array in the order of `COLUMNS`; NaN where a number is not
      known, and in the columns that no array tells.
    """
    table = np.full((len(variables), len(COLUMNS)), np.nan)
    _add_extremes_and_norms(table, variables)
    groups, single = _grouped(variables)
    for key, positions in groups.items():
        _measure_together(table, variables, positions, *key)
    for position in single:
        _measure_one(table[position], variables[position])
    if look_for_identical_units:
        for row, one in zip(table, variables):
            if one.units and one.value is not None:
                units = one.value.reshape(-1, one.units)
                row[_COLUMN["identical_units"]] = identical_units(units)
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
    if len(columns) > 1 and alike.size > 1:  # one weight more, which tells most of them apart
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
    value = np.array([one.value_extremes for one in variables], np.float64)
    gradient = np.array([one.gradient_extremes or unknown for one in variables], np.float64)
    norms = np.array(
        [(one.value_norm, one.gradient_norm, one.update_norm) for one in variables], np.float64
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for name, extremes, norm in (("value", value, 0), ("gradient", gradient, 1)):
            size, nonfinite, low, high = extremes.T
            finite = np.where(size > nonfinite, size - nonfinite, np.nan)
            table[:, _COLUMN[name + "_rms"]] = norms[:, norm] / np.sqrt(finite)
            table[:, _COLUMN[name + "_max"]] = np.maximum(-low, high) + 0.0 * finite
            table[:, _COLUMN[name + "_nonfinite"]] = nonfinite
            # Where no sign changes, no element is zero; elsewhere zeros must be counted.
            table[:, _COLUMN[name + "_zeros"]] = np.where((low > 0) | (high < 0), 0.0, np.nan)
        size, nonfinite = value[:, 0], value[:, 1]
        finite = np.where(size > nonfinite, size - nonfinite, np.nan)
        table[:, _COLUMN["update_rms"]] = norms[:, 2] / np.sqrt(finite)
        ratio = np.where(norms[:, 2] == 0.0, 0.0, norms[:, 2] / norms[:, 0])
        table[:, _COLUMN["update_ratio"]] = ratio + 0.0 * finite


def _grouped(variables):
    """Positions of small tensors that can be measured together, by what they share; the others."""
    groups, single = {}, []
    for position, one in enumerate(variables):
        if one.value is None:
            continue
        if _is_plain(one):
            key = (one.value.size, one.before is not None, one.gradient is not None)
            groups.setdefault(key, []).append(position)
        else:
            single.append(position)
    return groups, single


def _is_plain(one):
    """Whether a small tensor is finite, dense and of a type that widens to float64."""
    if not 0 < one.value.size <= sketches.SMALL or one.value.dtype.char not in "fd":
        return False
    if one.value_extremes[1] or not _is_moderate(one.value_norm):
        return False
    if one.before is not None and not _is_moderate(one.update_norm):
        return False
    return one.gradient is None or (
        one.rows is None
        and one.gradient.dtype.char in "fd"
        and not one.gradient_extremes[1]
        and _is_moderate(one.gradient_norm)
    )


def _is_moderate(norm):
    return norm == 0.0 or _SMALL < norm < _LARGE


def _measure_together(table, variables, positions, size, has_before, has_gradient):
    count = max(_TOGETHER // size, 1)
    for start in range(0, len(positions), count):
        part = positions[start : start + count]
        ones = [variables[position] for position in part]
        values = _stacked([one.value for one in ones], size)
        table[part, _COLUMN["value_zeros"]] = _zeros_in_rows(values) / size
        table[part, _SKETCH] = sketches.of_small(values)
        gradients = _stacked([one.gradient for one in ones], size) if has_gradient else None
        if has_gradient:
            _add_zeros_of_gradients(table, part, ones, gradients)
        if has_before:
            values -= _stacked([one.before for one in ones], size)
            _add_directions(table, part, ones, values, gradients)


def _stacked(arrays, size):
    """`[arrays, size]` float64 array."""
    stacked = np.empty(len(arrays) * size)
    np.concatenate([array.reshape(-1) for array in arrays], out=stacked)
    return stacked.reshape(len(arrays), size)


def _zeros_in_rows(rows):
    return np.sum(rows == 0.0, axis=1)


def _add_zeros_of_gradients(table, part, ones, gradients):
    zeros = _zeros_in_rows(gradients)
    table[part, _COLUMN["gradient_zeros"]] = zeros / gradients.shape[1]
    for position, one, count in zip(part, ones, zeros.tolist()):
        if one.units:
            table[position, _COLUMN["dead_units"]] = _dead_units(one.gradient, one.units, count)


def _add_directions(table, part, ones, updates, gradients):
    """Fills the columns of the updates of small tensors."""
    finite = np.isfinite(updates).all(axis=1)
    if not finite.all():  # the value before the update was not
        for position, one, is_finite in zip(part, ones, finite):
            if not is_finite:
                _measure_update(table[position], one)
        part, ones = _chosen(part, finite), _chosen(ones, finite)
        updates, gradients = updates[finite], None if gradients is None else gradients[finite]
    if gradients is None:
        return
    norms = [one.update_norm * one.gradient_norm or math.nan for one in ones]
    products = np.einsum("ij,ij->i", updates, gradients)
    table[part, _COLUMN["descent"]] = _clipped(-products / np.array(norms, np.float64))


def _chosen(sequence, mask):
    return [one for one, is_chosen in zip(sequence, mask) if is_chosen]


def _measure_one(row, one):
    """Fills the columns of a variable that is large, or in some way out of the ordinary."""
    if not one.value.size:
        return
    _measure_value(row, one)
    if one.gradient is not None and one.gradient.size:
        _measure_gradient(row, one)
    if one.before is not None:
        _measure_update(row, one)


def _measure_value(row, one):
    size, nonfinite = one.value_extremes[:2]
    flat = one.value.reshape(-1)
    count_zeros = math.isnan(row[_COLUMN["value_zeros"]])
    is_huge = max(map(abs, one.value_extremes[2:])) > _HUGE
    zeros, sums = 0, []
    for block in _blocks(flat, nonfinite, is_huge):
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
    size, nonfinite = one.gradient_extremes[:2]
    zeros = 0
    if math.isnan(row[_COLUMN["gradient_zeros"]]):
        for block in _blocks(one.gradient.reshape(-1), nonfinite):
            zeros += int(np.count_nonzero(block == 0))
        zeros -= nonfinite
    row[_COLUMN["gradient_zeros"]] = _share(zeros, size - nonfinite)
    if one.units and one.rows is None:
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
    product = finite = None
    if one.rows is None and _is_float32(one.value, one.before, one.gradient):
        product = _float32_product(one)
    if product is None:
        product, finite = _product(one)
    if finite is not None:
        row[_COLUMN["update_rms"]] = one.update_norm / math.sqrt(finite) if finite else math.nan
    if one.gradient is not None and one.update_norm and one.gradient_norm:
        row[_COLUMN["descent"]] = _clipped(-product)


def _is_float32(*arrays):
    return all(array is None or array.dtype == np.float32 for array in arrays)


def _float32_product(one):
    """Cosine of update and gradient, None where float32 cannot tell it or all is not finite."""
    size, norms = one.value.size, one.update_norm * (one.gradient_norm or 0.0)
    if one.gradient is None:
        with np.errstate(over="ignore", invalid="ignore"):
            return 0.0 if math.isfinite(np.add.reduce(one.before.reshape(-1))) else None
    if one.gradient_extremes[1] or not size * _SMALLEST_PRODUCT < norms < math.inf:
        return None
    after, before, gradient = (
        array.reshape(-1) for array in (one.value, one.before, one.gradient)
    )
    buffer, total = np.empty(min(_BLOCK, size), np.float32), 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for start in range(0, size, _BLOCK):
            part = gradient[start : start + _BLOCK]
            update = buffer[: part.size]
            np.subtract(after[start : start + _BLOCK], before[start : start + _BLOCK], out=update)
            whole = part.size // _ROW * _ROW
            products = np.matmul(
                update[:whole].reshape(-1, 1, _ROW), part[:whole].reshape(-1, _ROW, 1)
            )
            total += float(np.sum(products, dtype=np.float64))
            total += float(np.dot(update[whole:].astype(np.float64), part[whole:]))
    return total / norms if math.isfinite(total) else None


def _product(one):
    """Cosine of update and gradient over their finite elements; number of finite updates."""
    update_scale, gradient_scale = _to_one(one.update_norm), _to_one(one.gradient_norm or 1.0)
    total, finite, start = 0.0, 0, 0
    for update in _updates(one):
        is_finite = np.isfinite(update)
        finite += int(np.count_nonzero(is_finite))
        if one.gradient is None or one.rows is not None:
            continue
        total += _dot(update, _part(one.gradient, start, update.size), update_scale, gradient_scale)
        start += update.size
    if one.rows is not None:
        total = _product_of_rows(one, update_scale, gradient_scale)
    norms = (one.update_norm * update_scale) * ((one.gradient_norm or 0.0) * gradient_scale)
    if one.value.dtype.kind == "c":
        finite //= 2
    return (total / norms if norms else math.nan), finite


def _product_of_rows(one, update_scale, gradient_scale):
    total = 0.0
    length = max(one.gradient[0].size, 1) if len(one.gradient) else 1
    count = max(_BLOCK // length, 1)
    for start in range(0, len(one.rows), count):
        rows = one.rows[start : start + count]
        update = _difference(one.value[rows].reshape(-1), one.before[rows].reshape(-1))
        gradient = _real(one.gradient[start : start + count].reshape(-1))
        total += _dot(update, gradient, update_scale, gradient_scale)
    return total


def _dot(update, gradient, update_scale, gradient_scale):
    with np.errstate(over="ignore", invalid="ignore"):
        products = (update * update_scale) * (gradient * gradient_scale)
    return float(np.sum(products[np.isfinite(products)]))


def _to_one(norm):
    """A power of two, itself no denormal number, that brings a norm near to one."""
    if not norm or not math.isfinite(norm):
        return 1.0
    return math.ldexp(1.0, max(-1000, min(-math.frexp(norm)[1], 1000)))


def _updates(one):
    """Yields value - before block after block, complex numbers as pairs."""
    after, before = one.value.reshape(-1), one.before.reshape(-1)
    for start in range(0, after.size, _BLOCK):
        yield _difference(after[start : start + _BLOCK], before[start : start + _BLOCK])


def _difference(after, before):
    with np.errstate(invalid="ignore", over="ignore"):
        return _real(after) - _real(before)


def _part(gradient, start, size):
    flat = gradient.reshape(-1)
    if flat.dtype.kind == "c":
        return _real(flat[start // 2 : (start + size) // 2])
    return _real(flat[start : start + size])


def _real(flat):
    """The elements as float64; of complex ones real and imaginary parts."""
    if flat.dtype.kind == "c":
        return np.ascontiguousarray(flat, np.complex128).view(np.float64)
    return flat.astype(np.float64)


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
