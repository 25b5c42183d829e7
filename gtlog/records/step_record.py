"""One logged step as plain data, which the summaries read."""

import dataclasses
import functools
from typing import Any, ClassVar, Mapping, Optional, Tuple, Union

import numpy as np
import tensorflow as tf

from gtlog import statistics
from gtlog.records.optimizer_record import OptimizerRecord
from gtlog.statistics.reducer import Reducer
from gtlog.tensors import gradients
from gtlog.tensors.arrays import array_of


class _computed_once(functools.cached_property):
    """A cached property without a lock: locking takes longer than a small tensor's numbers."""

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = self.func(instance)
        instance.__dict__[self.attrname] = value
        return value


@dataclasses.dataclass(frozen=True, eq=False)
class VariableRecord:
    """One variable of a logged step.

    Attributes:
      path: The variable's own path, `sequential/dense/kernel`, unique within the logger.
      role: `"kernel"`, `"recurrent_kernel"`, `"bias"`, `"embedding"`, `"gain"`,
        `"moving_statistic"` or `"other"`, as the path tells.
      value: Eager tensor, the value after the step and so after the optimizer update.
      before: Eager tensor of the same shape, the value before the update; if a step has several
        updates, before the first. None if the value was not read then. It is read for the variables
        that `InstrumentedTape.gradient` is asked for in this step, and at such a call for those of
        the logger's `model` too, except moving statistics. In `fit`, `StepLogger.keras_callback`
        reads it for the trainable variables of its model.
      gradient: What `InstrumentedTape.gradient` returned, summed over the calls of the step. If the
        step changed the variable between the calls, only those after the last change are summed.
        An eager tensor, or `tf.IndexedSlices` of eager tensors. None if there was none.
      layer: Class name of the layer that holds the variable (`"Conv2D"`), None if no `model` was
        given to the logger.
      models: Names of the models of the logger that hold the variable, where `model` gave them
        names; the first leads the path. Empty elsewhere.
      recounted: The path that the variable would have if the process had made no other models
        (`docs/names`). Runs are compared by it. None if the model of the variable is not known.
      replica_gradients: Where several replicas of a `tf.distribute` strategy took gradients, the
        part of each that runs in this process, in the order of their numbers; `gradient` is their
        sum. Empty elsewhere.
      is_trained: Whether the step trains the variable: whether an `InstrumentedTape` was asked for
        its gradient. If no tape was asked for any variable, whether the step reads this one and it
        is trainable. False if it is logged only because the `model` of the logger has it.
      was_asked: Whether `InstrumentedTape.gradient` was asked for the variable in this step; None
        where no `InstrumentedTape` was asked for anything.
      is_missing: Whether each such call returned None for it; None if it was not asked for.
      was_read: Whether a tape saw the variable read before it was asked; None where that cannot be
        told: without `InstrumentedTape`, with `watch_accessed_variables=False`, and of variables
        with `trainable=False`, which no tape watches.
      source: The `KnownVariable` that this is a record of; None if the record is made by hand.
      silent_units: Share of the units of a kernel that put out zero for all of a fixed batch; None
        unless `summaries.layer_outputs` has seen them.
      saturation: Share of the outputs of a kernel's units that lie at the ends of their range;
        None unless `summaries.layer_outputs` has seen them, and they have such ends.

    The statistics below are computed when first asked for and kept for the other summaries.
    """

    path: str
    role: str
    value: tf.Tensor
    before: Optional[tf.Tensor] = None
    gradient: Optional[Union[tf.Tensor, tf.IndexedSlices]] = None
    layer: Optional[str] = None
    replica_gradients: Tuple[Union[tf.Tensor, tf.IndexedSlices], ...] = ()
    is_trained: bool = True
    was_asked: Optional[bool] = None
    is_missing: Optional[bool] = None
    was_read: Optional[bool] = None
    models: Tuple[str, ...] = ()
    recounted: Optional[str] = None
    source: Any = dataclasses.field(default=None, repr=False)

    silent_units: ClassVar[Optional[float]] = None
    saturation: ClassVar[Optional[float]] = None

    def know(self, name, number):
        """Keeps a statistic that was found on the way, under the name of its property."""
        vars(self).setdefault(name, number)

    def knows(self, name):
        """Whether a statistic has been computed or found so far."""
        return name in vars(self)

    @property
    def is_bias(self) -> bool:
        """Whether the variable is a bias or an offset."""
        return self.role == "bias"

    @_computed_once
    def is_on_host(self) -> bool:
        """Whether numpy reads value and gradient without a copy to the host."""
        if not isinstance(self._value_elements, np.ndarray):
            return False
        return self.gradient is None or isinstance(self._gradient_elements, np.ndarray)

    @_computed_once
    def shape(self) -> Tuple[int, ...]:
        """Shape of the value. An array has it at once, a tensor has to make it."""
        array = vars(self).get("value_array")
        return tuple(self.value.shape) if array is None else array.shape

    @_computed_once
    def value_array(self) -> np.ndarray:
        """The value as a numpy array; on the CPU it shares the tensor's memory."""
        return array_of(self.value)

    @_computed_once
    def before_array(self) -> Optional[np.ndarray]:
        """The value before the update as a numpy array; None without one."""
        return None if self.before is None else array_of(self.before)

    @_computed_once
    def gradient_array(self) -> Optional[np.ndarray]:
        """The gradient's elements, for `tf.IndexedSlices` the touched rows; None without one."""
        return None if self.gradient is None else gradients.elements(self.gradient)

    @_computed_once
    def value_extremes(self) -> statistics.Extremes:
        """Extremes of the value after the update, all that a histogram needs."""
        return _reducer(self._value_elements).extremes(self._value_elements)

    @_computed_once
    def before_extremes(self) -> Optional[statistics.Extremes]:
        """Extremes of the value before the update; None without `before`."""
        if self.before is None:
            return None
        return _reducer(self.before).extremes(self.before)

    @_computed_once
    def value_statistics(self) -> statistics.TensorStatistics:
        """Statistics of the value after the update."""
        elements = self._value_elements
        return _reducer(elements).describe(elements, self.value_extremes)

    @_computed_once
    def value_norm(self) -> float:
        """L2 norm of the value after the update; for float32 right to a relative 1e-6."""
        elements = self._value_elements
        return _reducer(elements).norm(elements, self.value_extremes)

    def value_histogram(self, buckets: int) -> np.ndarray:
        """Histogram of the value after the update: `[buckets, 3]` rows of edges and count."""
        elements = self._value_elements
        return _reducer(elements).histogram(elements, buckets, self.value_extremes)

    @_computed_once
    def gradient_extremes(self) -> Optional[statistics.Extremes]:
        """Extremes of the gradient's elements; None without a gradient."""
        if self.gradient is None:
            return None
        return _reducer(self._gradient_elements).extremes(self._gradient_elements)

    @_computed_once
    def gradient_statistics(self) -> Optional[statistics.TensorStatistics]:
        """Statistics of the gradient's elements; None without a gradient."""
        if self.gradient is None:
            return None
        elements = self._gradient_elements
        return _reducer(elements).describe(elements, self.gradient_extremes)

    @_computed_once
    def gradient_norm(self) -> Optional[float]:
        """L2 norm of the gradient's elements, as `value_norm`; None without a gradient."""
        if self.gradient is None:
            return None
        elements = self._gradient_elements
        return _reducer(elements).norm(elements, self.gradient_extremes)

    def gradient_histogram(self, buckets: int) -> Optional[np.ndarray]:
        """Histogram of the gradient's elements, as `value_histogram`; None without a gradient."""
        if self.gradient is None:
            return None
        elements = self._gradient_elements
        return _reducer(elements).histogram(elements, buckets, self.gradient_extremes)

    @_computed_once
    def update_statistics(self) -> Optional[statistics.TensorStatistics]:
        """Statistics of `value - before`, the change that was made; None without `before`."""
        if self.before is None:
            return None
        return _reducer(self._value_elements).describe_difference(*self._update_elements)

    @_computed_once
    def update_norm(self) -> Optional[float]:
        """L2 norm of `value - before`, as `value_norm`; None without `before`."""
        if self.before is None:
            return None
        return _reducer(self._value_elements).norm_of_difference(*self._update_elements)

    @_computed_once
    def _value_elements(self):
        """The value where it lives: an array on the host, else the tensor."""
        return self.value_array if _reducer(self.value) is statistics else self.value

    @_computed_once
    def _gradient_elements(self):
        """The gradient where it lives; for slices the touched rows, put together on the host."""
        is_sparse = isinstance(self.gradient, tf.IndexedSlices)
        if is_sparse or _reducer(self.gradient) is statistics:
            return self.gradient_array
        return self.gradient

    @property
    def _update_elements(self):
        if isinstance(self._value_elements, np.ndarray):
            return self.value_array, self.before_array
        return self.value, self.before


def _reducer(elements) -> Reducer:
    """The module that reduces a tensor where it lives, or an array."""
    if isinstance(elements, np.ndarray) or "CPU" in elements.device.upper():
        return statistics
    from gtlog.tensors import on_device  # a millisecond or more, which most programs never need

    return on_device


@dataclasses.dataclass(frozen=True, eq=False)
class TapeRecord:
    """What the tapes of one name, `InstrumentedTape(name=...)`, have done in a logged step.

    Attributes:
      name: The name.
      variables: The variables that these tapes were asked for; the `gradient` of each is that of
        these tapes alone.
    """

    name: str
    variables: Tuple[VariableRecord, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class StepRecord:
    """One logged step: its number, its losses and its variables.

    Attributes:
      step: The number of the step, 0 or more.
      losses: One float for each loss of the step, in the order of the `gradient` calls; the sum
        where the target is no scalar. Empty without an `InstrumentedTape`.
      variables: The variables that the step touched and the logger's filter lets through, in the
        order of their creation.
      gradient_note: Markdown that must be read with losses and gradients, such as on loss scales;
        mostly empty.
      loss_names: The name of each loss, the part of its tag after `loss/`: the name of its tape, or
        a number that the same loss has in all steps; empty for the tag `loss`. Without them, one
        loss has no name, and several are `"0"`, `"1"`, ….
      loss_notes: Markdown for each loss, what it is the loss of.
      tapes: One `TapeRecord` for each name that tapes of the step have.
      optimizers: One `OptimizerRecord` for each known optimizer of the step, if the logger has the
        summary `vitals()` or `optimizer()`. Without `optimizer()` they have no slots.
      computed: What summaries have had computed at the end of the step's graph: eager tensors by
        the summary.
      is_over: Whether the step's function has returned, so that variables have the values that it
        left. False beneath a `tf.function`, whose graph still runs.
    """

    step: int
    losses: Tuple[float, ...] = ()
    variables: Tuple[VariableRecord, ...] = ()
    gradient_note: str = ""
    loss_names: Tuple[str, ...] = ()
    loss_notes: Tuple[str, ...] = ()
    tapes: Tuple[TapeRecord, ...] = ()
    optimizers: Tuple[OptimizerRecord, ...] = ()
    computed: Mapping[Any, Tuple[tf.Tensor, ...]] = dataclasses.field(default_factory=dict)
    is_over: bool = True

    def __post_init__(self):
        count = len(self.losses)
        if not self.loss_names:
            names = ("",) if count == 1 else tuple(map(str, range(count)))
            object.__setattr__(self, "loss_names", names)
        if not self.loss_notes:
            notes = ("What `tape.gradient` differentiated.",) * count
            object.__setattr__(self, "loss_notes", notes)
