"""Numbers as they stand in a sentence."""

import math

OUTPUTS_AT_THE_ENDS = (
    "of its outputs for the fixed batch lie at the ends of the range of its activation"
)


def times(factor):
    """A factor with as many digits as a reader needs.

    >>> times(3217.0), times(2.345), times(0.9e9)
    ('3,200', '2.3', '9e+08')
    """
    if not math.isfinite(factor):
        return "infinitely many"
    if factor >= 1e6:
        return f"{factor:.0e}"
    if factor >= 10:
        return f"{_two_digits(factor):,.0f}"
    return f"{factor:.2g}"


def figure(number):
    """A quantity, short.

    >>> figure(0.0), figure(1.234e-9), figure(0.12345)
    ('0', '1.2e-09', '0.12')
    """
    return f"{number:.2g}"


def percent(share):
    """A share as a percentage.

    >>> percent(0.5), percent(0.999), percent(1.0)
    ('50 %', '99.9 %', '100 %')
    """
    text = f"{100 * share:.3g}"
    return f"{text} %"


def several(number, noun):
    """A number with its noun.

    >>> several(1, "layer"), several(2000, "step")
    ('1 layer', '2,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _two_digits(number):
    unit = 10 ** (math.floor(math.log10(number)) - 1)
    return round(number / unit) * unit
