"""Learning rate and slots of optimizers."""

from typing import Any

from gtlog import statistics, tags
from gtlog.summaries.histograms import DEFAULT_BUCKETS, check_buckets
from gtlog.summaries.parts import part
from gtlog.tensors.arrays import array_of
from gtlog.types import Summary
from gtlog.values import Histogram, Scalar
from gtlog.variables.objects import is_optimizer
from gtlog.variables.optimizers import WantedOptimizers


def optimizer(
    optimizer: Any = None, *, histograms: bool = False, buckets: int = DEFAULT_BUCKETS
) -> Summary:
    """A summary that writes the learning rate of an optimizer, and the norms of what it keeps.

    Tags: `learning_rate`, that of the last update that the optimizer has counted, of a schedule
    too; `slot_norm/<path>/<slot>`, the L2 norm of each slot that it keeps for a variable of the
    step, such as `slot_norm/dense/kernel/momentum`; with `histograms`, its elements as
    `slots/<path>/<slot>`. Of several optimizers `learning_rate/<name>`. Slots have the names that
    the optimizer gives them: `m` and `v` before Keras 2.11, `momentum` and `velocity` since.

    Before its first update there is nothing of an optimizer. A schedule is called once more on
    logged steps, with the count of updates; a legacy `decay` is taken into account.

    Args:
      optimizer: An optimizer of any Keras, one that scales the loss included; a dict of several by
        name; or None: those that the step holds, as `model=` or `fit` have them, or as what the
        decorated function is a method of, is called with, closes over or names. They are held
        weakly.
      histograms: Whether to write the elements of the slots as well.
      buckets: Positive number of buckets of a histogram.

    Returns:
      A callable from a `StepRecord` to an iterable of values.

    Raises:
      TypeError: `optimizer` is none, or another parameter is of the wrong kind.
      ValueError: `buckets` is below 1, or the dict is empty.
    """
    if not isinstance(histograms, bool):
        raise TypeError(
            f"histograms must be a bool, got {histograms!r} ({type(histograms).__name__})."
        )
    check_buckets(buckets)

    def summarize(record):
        for one in record.optimizers:
            if one.learning_rate is not None:
                description = f"Of update {one.updates} of the optimizer."
                yield Scalar(tags.learning_rate(one.name), one.learning_rate, description)
        for slot in _slots(record):
            what = f"the slot {slot.slot!r} of {slot.path!r}"
            yield from part(what, _values_of(slot, buckets if histograms else None))

    summarize.__qualname__ = "optimizer"
    summarize.optimizers = WantedOptimizers(_named(optimizer))  # type: ignore[attr-defined]
    return summarize


def _slots(record):
    """The slots, each once: of two optimizers that train one variable, those of the first."""
    slots = [slot for one in record.optimizers for slot in one.slots]
    return {(slot.path, slot.slot): slot for slot in reversed(slots)}.values()


def _values_of(slot, buckets):
    description = f"Slot `{slot.slot}` of `{slot.path}`, after the update."
    yield Scalar(tags.slot_norm(slot.path, slot.slot), slot.norm, f"L2 norm. {description}")
    if buckets is not None:
        rows = statistics.histogram(array_of(slot.value), buckets)
        yield Histogram(tags.slots(slot.path, slot.slot), rows, description)


def _named(optimizer):
    if optimizer is None:
        return []
    if isinstance(optimizer, dict):
        if not optimizer:
            raise ValueError("optimizer is an empty dict. None takes those that the step holds.")
        return [(str(name), _checked(one)) for name, one in optimizer.items()]
    return [("", _checked(optimizer))]


def _checked(optimizer):
    if not is_optimizer(optimizer):
        raise TypeError(
            "optimizer must be a Keras optimizer, a dict of them by name, or None, got "
            f"{optimizer!r} ({type(optimizer).__name__})."
        )
    return optimizer
