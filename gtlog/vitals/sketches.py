"""Fixed projections of a tensor: a few numbers that tell whether it moved, and how far.

Element p of a tensor enters projection k with a sign, plus or minus one, that p and k alone decide:
no random number is drawn, and each process and version has the same signs. The sum is divided by
the square root of the number of elements. So a change of root mean square r moves each projection
by a number of about the size of r.
"""

import math

import numpy as np

PROJECTIONS = 4
# Up to here each element has four signs of its own. In larger tensors the elements of a row have
# one sign each and the row four, so that the elements are read once for all projections.
SMALL = 4096
ROW = 512


def _mixed(numbers):
    """Well mixed bits of uint64 numbers: the finalizer of splitmix64.

    https://prng.di.unimi.it/splitmix64.c
    """
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def _signs(count, first_bit, bits=PROJECTIONS):
    """`[count, bits]` float64 signs."""
    mixed = _mixed(np.arange(count, dtype=np.uint64))[:, np.newaxis]
    shifts = np.arange(first_bit, first_bit + bits, dtype=np.uint64)
    return 1.0 - 2.0 * ((mixed >> shifts) & np.uint64(1)).astype(np.float64)


_OF_ELEMENTS = _signs(SMALL, 8)
_OF_ROWS = _signs(SMALL, 24)
_WITHIN_ROW = _signs(ROW, 40, 1)
_WITHIN_ROW_FLOAT32 = _WITHIN_ROW.astype(np.float32)


def of_small(rows):
    """The projections of tensors of at most `SMALL` elements.

    Args:
      rows: `[tensors, elements]` float64 array, finite.

    Returns:
      `[tensors, PROJECTIONS]`.
    """
    elements = rows.shape[1]
    return np.dot(rows, _OF_ELEMENTS[:elements]) / math.sqrt(max(elements, 1))


def sums_of_rows(block):
    """Signed sums of rows of `ROW` elements, from which `of_large` makes the projections.

    Args:
      block: Flat float32 or float64 array, finite. Of all blocks of a tensor but the last, the
        size is a multiple of `ROW`.

    Returns:
      Float64 array, an element for each row; the last row may be short.
    """
    signs = _WITHIN_ROW_FLOAT32 if block.dtype == np.float32 else _WITHIN_ROW
    whole = block.size // ROW
    rows = block[: whole * ROW].reshape(whole, 1, ROW)
    sums = np.matmul(rows, signs).reshape(-1).astype(np.float64)
    rest = block[whole * ROW :]
    if not rest.size:
        return sums
    return np.append(sums, float(np.dot(rest, signs[: rest.size, 0])))


def of_large(sums, elements):
    """The projections of a tensor of more than `SMALL` elements.

    Args:
      sums: What `sums_of_rows` returned for its blocks, as one array.
      elements: How many elements the tensor has.

    Returns:
      `[PROJECTIONS]`.
    """
    signs = _OF_ROWS if sums.size <= SMALL else _signs(sums.size, 24)
    return np.dot(sums, signs[: sums.size]) / math.sqrt(elements)
