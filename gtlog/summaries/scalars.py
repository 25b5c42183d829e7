"""The few numbers that show whether training goes well."""

import math

from gtlog import statistics, tags
from gtlog.records import together
from gtlog.summaries.parts import numbers_of, of_each, part
from gtlog.tensors.gradients import elements
from gtlog.types import Summary
from gtlog.values import Scalar, joined

_DESCRIPTIONS = {
    tags.GRADIENT_NORM: "Global L2 norm of the gradients that `tape.gradient` returned.",
    tags.WEIGHT_NORM: "Global L2 norm of the trained variables after the update.",
    tags.UPDATE_RATIO: "L2 norm of the change that the update made, over the norm after it.",
}


def scalars(per_variable: bool = False, per_replica: bool = False) -> Summary:
    """A summary that writes loss, norms, update ratio and counts of non-finite elements.

    Tags: `loss`, or `loss/<k>` where there are several; `gradient_norm`, `weight_norm` and
    `update_ratio`, over the variables that the step trains; `nonfinite/<path>`, the number of NaN
    and infinite elements of a variable's value and gradient together, only where there are any. Of
    tapes that have a name, `loss/<name>`, and `gradient_norm/<name>`, `weight_norm/<name>` and
    `update_ratio/<name>` over the variables that they were asked for. Of models that have a name,
    `gradient_norm/<name>`, `weight_norm/<name>` and `update_ratio/<name>` over the variables of
    the model that the step trains; in a step with a tape of the same name, those of the tape.

    A loss keeps its k: it belongs to the variables that it is differentiated by, not to the order
    of the `gradient` calls. Where a step has several losses by the same variables, through several
    tapes or in a loop, the last is written.

    `update_ratio` is the norm of (value after - value before the update), over the norm of the
    values after it, of the trained variables: the change that was really assigned, weight decay,
    clipping and constraints included. It is that of the whole step, also where the step makes
    several updates. It is 0 where nothing changed, and is
    not written where neither an `InstrumentedTape` nor `StepLogger.keras_callback` told the values
    before the update. Trained are the variables that an `InstrumentedTape` was asked for, or, with
    another tape, all trainable ones that the step reads. Norms are taken over the finite elements;
    moving statistics, and what is logged only because the logger's `model` has it, do not enter
    them.

    Args:
      per_variable: Whether to write `gradient_norm/<path>`, `weight_norm/<path>` and
        `update_ratio/<path>` for each variable as well.
      per_replica: Whether to write, where replicas of a `tf.distribute` strategy took gradients,
        the smallest, largest and mean of the global norms of their gradients, each as the replica
        took it, as `replica_gradient_norm/min`, `/max` and `/mean`: one replica far from the others
        shows a bad share of the data first.

    Returns:
      A callable from a `StepRecord` to an iterable of `Scalar` values.

    Raises:
      TypeError: a parameter is no bool.
    """
    for name, given in (("per_variable", per_variable), ("per_replica", per_replica)):
        if not isinstance(given, bool):
            raise TypeError(f"{name} must be a bool, got {given!r} ({type(given).__name__}).")

    def summarize(record):
        note = record.gradient_note
        yield from _losses(record)
        together.know_norms(record.variables)
        variables = [one for one in record.variables if one.role != "moving_statistic"]
        trained = _trained(variables)
        yield from _norms(trained, note)
        for variable in variables if per_variable else ():
            yield from _norms([variable], note, variable.path)
        for tape in record.tapes:
            yield from _norms(_trained(tape.variables), note, tape.name)
        for name in _models(record):
            yield from _norms([one for one in trained if name in one.models], note, name)
        if per_replica:
            yield from part("the gradients of the replicas", _spread(trained, note))
        yield from of_each(together.not_known_finite(record.variables), _nonfinite)

    summarize.__qualname__ = "scalars"
    return summarize


def _losses(record):
    for loss, name, note in zip(record.losses, record.loss_names, record.loss_notes):
        yield Scalar(tags.loss(name or None), loss, note)


def _trained(variables):
    return [one for one in variables if one.is_trained and one.role != "moving_statistic"]


def _models(record):
    """The names of the models, without those that a tape of the step has."""
    names = dict.fromkeys(name for one in record.variables for name in one.models)
    of_tapes = {tape.name for tape in record.tapes}
    return [name for name in names if name not in of_tapes]


def _norms(variables, note, of=None):
    with_gradient = [one for one in variables if one.gradient is not None]
    norms = yield from numbers_of(with_gradient, "the gradient of", lambda one: one.gradient_norm)
    if norms:
        yield _described(tags.GRADIENT_NORM, of, _norm(norms), note)
    valued = yield from numbers_of(
        variables, "the variable", lambda one: (one, one.value_norm)
    )
    if valued:
        yield _described(tags.WEIGHT_NORM, of, _norm(norm for _, norm in valued))
    updated = [one for one, _ in valued if one.before is not None]
    pairs = yield from numbers_of(
        updated, "the update of", lambda one: (one.update_norm, one.value_norm)
    )
    if pairs:
        update, weight = map(_norm, zip(*pairs))
        yield _described(tags.UPDATE_RATIO, of, _ratio(update, weight))


def _spread(variables, note):
    by_replica = list(zip(*(one.replica_gradients for one in variables if one.replica_gradients)))
    if by_replica:
        description = joined("Global L2 norms of the gradients, each as one replica took it.", note)
        norms = [_norm(statistics.norm(elements(part)) for part in parts) for parts in by_replica]
        for name, norm in (("min", min(norms)), ("max", max(norms)), ("mean", _mean(norms))):
            yield Scalar(tags.replica_gradient_norm(name), norm, description)


def _mean(norms):
    return sum(norms) / len(norms)


def _described(kind, of, value, note=""):
    return Scalar(tags.of_step(kind, of), value, joined(_DESCRIPTIONS[kind], note))


def _norm(norms):
    return math.hypot(*norms)


def _ratio(update, weight):
    if update == 0.0:
        return 0.0
    return update / weight if weight else math.inf


def _nonfinite(variable):
    count = variable.value_extremes.nonfinite
    if variable.gradient is not None:
        count += variable.gradient_extremes.nonfinite
    if count:
        description = "NaN and infinite elements of value and gradient."
        yield Scalar(tags.nonfinite(variable.path), count, description)
