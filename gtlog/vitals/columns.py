"""The columns of the vitals table, in the order in which they are written."""

SKETCHES = tuple(f"sketch_{k}" for k in range(4))
COLUMNS = (
    "value_rms",
    "value_max",
    "value_zeros",
    "value_nonfinite",
    "gradient_rms",
    "gradient_max",
    "gradient_zeros",
    "gradient_nonfinite",
    "dead_units",
    "update_rms",
    "update_ratio",
    "descent",
    "identical_units",
    *SKETCHES,
    "asked",
    "missing",
    "was_read",
)
