"""What is not finite in a step, for the one warning about it."""

import math


def first_nonfinite(record):
    """Names the first NaN or infinite value of a step.

    It looks at the losses, and at the extremes that the summaries have asked for: no tensor is read
    once more for it.

    Args:
      record: `StepRecord` that all summaries have run on.

    Returns:
      The beginning of a sentence, such as "2 of 9 elements of the gradient of 'dense/kernel' are
      NaN or infinite"; None where all is finite.
    """
    parts = [part for variable in record.variables for part in _of(variable)][:1]
    parts += [f"the loss is {loss}" for loss in record.losses if not math.isfinite(loss)][:1]
    return " and ".join(parts) or None


def _of(variable):
    known = vars(variable)  # where cached properties keep what was asked for
    for kind in ("value", "gradient"):
        extremes = known.get(f"{kind}_extremes")
        if extremes is not None and extremes.nonfinite:
            yield (
                f"{extremes.nonfinite} of {extremes.size} elements of the {kind} of "
                f"{variable.path!r} are NaN or infinite"
            )
