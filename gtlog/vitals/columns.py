"""The columns of the vitals table: names in the order in which they are written, and meanings."""

SKETCHES = tuple(f"sketch_{k}" for k in range(4))

MEANINGS = {
    "value_rms": "root mean square of the finite elements of the value, after the update",
    "value_max": "largest magnitude among the finite elements of the value",
    "value_zeros": "share of the elements of the value that are exactly zero",
    "value_nonfinite": "count of NaN and infinite elements of the value",
    "gradient_rms": "root mean square of the finite elements of the gradient",
    "gradient_max": "largest magnitude among the finite elements of the gradient",
    "gradient_zeros": "share of the elements of the gradient that are exactly zero",
    "gradient_nonfinite": "count of NaN and infinite elements of the gradient",
    "dead_units": "share of output units whose incoming weights all have a gradient of zero",
    "update_rms": "root mean square of the change that the update made",
    "update_ratio": "norm of the change that the update made, over the norm of the value after it",
    "descent": "cosine of the change and the negative gradient: 1 goes straight down, -1 up",
    "identical_units": "share of output units whose weights equal those of another unit exactly",
    **{name: "fixed projection of the value, the same at all steps" for name in SKETCHES},
    "asked": "1 if the tape was asked for the gradient, 0 if it was asked for others only",
    "missing": "1 if the tape returned None for the gradient, 0 if it returned a gradient",
    "was_read": "1 if the tape saw the variable read in this step, 0 if not",
    "silent_units": "share of the kernel's units that put out zero for all of a fixed batch",
    "saturation": "share of the outputs of the kernel's units that lie at the ends of their range",
}
"""What each column holds, one line each. NaN means that the number is not known."""

COLUMNS = tuple(MEANINGS)

SHARES = (
    *("value_zeros", "gradient_zeros", "dead_units", "identical_units"),
    *("silent_units", "saturation"),
)
"""Columns of numbers from 0 to 1: parts of all elements or units."""

COUNTS = ("value_nonfinite", "gradient_nonfinite")
"""Columns of whole numbers from 0 up."""

FLAGS = ("asked", "missing", "was_read")
"""Columns of 0, 1 and NaN."""

MAGNITUDES = (
    "value_rms",
    "value_max",
    "gradient_rms",
    "gradient_max",
    "update_rms",
    "update_ratio",
)
"""Columns of numbers from 0 up that are compared by their logarithms."""
