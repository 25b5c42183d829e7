"""The few numbers that tell whether training goes well."""

import math

from gtlog.types import Summary
from gtlog.values import Scalar, joined

_DESCRIPTIONS = {
    "gradient_norm": "Global L2 norm of the gradients that `tape.gradient` returned.",
    "weight_norm": "Global L2 norm of the variables after the update.",
    "update_ratio": "L2 norm of the change that the update made, over the norm after it.",
}


def scalars(per_variable: bool = False) -> Summary:
    """A summary that writes loss, norms, update ratio and counts of non-finite elements.

    Tags: `loss`, or `loss/<k>` where a step differentiated several targets; `gradient_norm`,
    `weight_norm` and `update_ratio`, over all logged variables; `nonfinite/<path>`, the number of
    NaN and infinite elements of a variable's value and gradient together, only where there are any.

    `update_ratio` is the norm of (value after - value before the update), over the norm of the
    values after it, of the variables whose gradient was taken: the change that was really
    assigned, weight decay, clipping and constraints included. It is 0 where nothing changed, and is
    not written where no `InstrumentedTape` told the values before the update. Norms are taken over
    the finite elements, moving statistics do not enter them.

    Args:
      per_variable: Whether to write `gradient_norm/<path>`, `weight_norm/<path>` and
        `update_ratio/<path>` for each variable as well.

    Returns:
      A callable from a `StepRecord` to an iterable of `Scalar` values.

    Raises:
      TypeError: `per_variable` is no bool.
    """
    if not isinstance(per_variable, bool):
        raise TypeError(
            f"per_variable must be a bool, got {per_variable!r} ({type(per_variable).__name__})."
        )

    def summarize(record):
        note = record.gradient_note
        yield from _losses(record.losses, note)
        trained = [one for one in record.variables if one.role != "moving_statistic"]
        yield from _norms(trained, note)
        for variable in trained if per_variable else ():
            yield from _norms([variable], note, f"/{variable.path}")
        for variable in record.variables:
            yield from _nonfinite(variable)

    summarize.__qualname__ = "scalars"
    return summarize


def _losses(losses, note):
    if len(losses) == 1:
        description = joined("What `tape.gradient` differentiated.", note)
        yield Scalar("loss", losses[0], description)
        return
    for k, loss in enumerate(losses):
        description = joined(f"Target {k} that `tape.gradient` differentiated.", note)
        yield Scalar(f"loss/{k}", loss, description)


def _norms(variables, note, suffix=""):
    with_gradient = [one for one in variables if one.gradient is not None]
    if with_gradient:
        norm = _norm(one.gradient_statistics for one in with_gradient)
        yield _described("gradient_norm", suffix, norm, note)
    if variables:
        norm = _norm(one.value_statistics for one in variables)
        yield _described("weight_norm", suffix, norm)
    updated = [one for one in variables if one.before is not None]
    if updated:
        update = _norm(one.update_statistics for one in updated)
        weight = _norm(one.value_statistics for one in updated)
        yield _described("update_ratio", suffix, _ratio(update, weight))


def _described(name, suffix, value, note=""):
    return Scalar(name + suffix, value, joined(_DESCRIPTIONS[name], note))


def _norm(statistics):
    return math.hypot(*(one.norm for one in statistics))


def _ratio(update, weight):
    if update == 0.0:
        return 0.0
    return update / weight if weight else math.inf


def _nonfinite(variable):
    count = variable.value_extremes.nonfinite
    if variable.gradient is not None:
        count += variable.gradient_extremes.nonfinite
    if count:
        yield Scalar(
            f"nonfinite/{variable.path}", count, "NaN and infinite elements of value and gradient."
        )
