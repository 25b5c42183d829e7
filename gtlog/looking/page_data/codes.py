"""Numbers as the page gets them: int16 codes, and the bytes that make them small.

A magnitude x is `round(100 * log10(x))`, so a code is off by 0.005 decades at most. A share is in
thousandths, a cosine in hundredths. Three codes lie outside of every scale.
"""

import numpy as np

from gtlog.vitals.columns import COUNTS, MAGNITUDES, SHARES

ZERO, INFINITE, ABSENT = -32768, 32766, 32767
"""Codes of an exact zero of a magnitude, of an infinite number, and of one that is not known."""

LOGARITHM, SHARE, COSINE = "log", "share", "cosine"
"""Kinds of codes."""

UNITS = {LOGARITHM: 100, SHARE: 1000, COSINE: 100}
"""How many codes lie between 0 and 1, or in a decade."""

KINDS = {
    **{name: LOGARITHM for name in (*MAGNITUDES, *COUNTS)},
    **{name: SHARE for name in SHARES},
    "descent": COSINE,
}
"""The columns that the page gets, and how they are coded."""

_MOST = 32000


def codes_of(numbers, kind):
    """Numbers as codes.

    Args:
      numbers: Array of floats.
      kind: `LOGARITHM`, `SHARE` or `COSINE`.

    Returns:
      int16 array of the same shape.

    >>> codes_of([1.0, 1e-3, 0.0, float("inf"), float("nan")], LOGARITHM).tolist()
    [0, -300, -32768, 32766, 32767]
    >>> codes_of([0.0, 0.5, 0.99999, 1.0], SHARE).tolist()
    [0, 500, 999, 1000]
    """
    numbers = np.asarray(numbers, np.float64)
    with np.errstate(all="ignore"):
        scaled = _SCALED[kind](numbers)
    codes = np.clip(np.nan_to_num(np.rint(scaled)), -_MOST, _MOST).astype(np.int16)
    if kind == LOGARITHM:
        codes[numbers == 0] = ZERO
    codes[np.isinf(numbers)] = INFINITE
    codes[np.isnan(numbers)] = ABSENT
    return codes


def _logarithms(numbers):
    return UNITS[LOGARITHM] * np.log10(np.abs(numbers))


def _shares(numbers):
    # 0 and 1 mean none and all: what is nearly so gets another code.
    unit = UNITS[SHARE]
    scaled = np.rint(unit * numbers)
    scaled = np.where((scaled <= 0) & (numbers > 0), 1, scaled)
    return np.where((scaled >= unit) & (numbers < 1), unit - 1, scaled)


def _cosines(numbers):
    return UNITS[COSINE] * numbers


_SCALED = {LOGARITHM: _logarithms, SHARE: _shares, COSINE: _cosines}


def is_special(codes):
    """Where codes lie outside of the scale."""
    return (codes == ZERO) | (codes == INFINITE) | (codes == ABSENT)


def packed(codes, predicted=None):
    """Codes as bytes that compress well.

    The predicted codes are subtracted, and differences are taken along the steps. Each difference
    is folded into an unsigned number (0, -1, 1, -2 become 0, 1, 2, 3), and all low bytes stand
    before all high ones. Arithmetic is modulo 65,536, so nothing is lost.

    Args:
      codes: int16 `[variables, steps]`.
      predicted: int16 of the same shape; None predicts zeros.

    Returns:
      `bytes`, two for each code.
    """
    left = codes.astype(np.uint16)
    if predicted is not None:
        left = left - predicted.astype(np.uint16)
    differences = left.copy()
    differences[:, 1:] -= left[:, :-1]
    signed = differences.view(np.int16)
    folded = (differences << 1) ^ (signed >> 15).view(np.uint16)
    low, high = folded & 0xFF, folded >> 8
    return low.astype(np.uint8).tobytes() + high.astype(np.uint8).tobytes()
