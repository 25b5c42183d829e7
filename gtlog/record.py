"""What one logged step left behind, as plain data that the summaries read."""

import dataclasses
import functools
from typing import Optional, Tuple, Union

import numpy as np
import tensorflow as tf

from gtlog import gradients, statistics


class _computed_once(functools.cached_property):
    """A cached property without the lock, which takes longer than many a small tensor's numbers."""

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
      before: Eager tensor of the same shape, the value before the update; None where neither
        `InstrumentedTape.gradient` asked for the variable in this step, nor
        `StepLogger.keras_callback` for the trainable variables of its model.
      gradient: What `InstrumentedTape.gradient` returned, summed over the calls of the step: an
        eager tensor, or `tf.IndexedSlices` of eager tensors. None where there was none.
      layer: Class name of the layer that holds the variable (`"Conv2D"`), None where no `model` was
        given to the logger.
      replica_gradients: Where several replicas of a `tf.distribute` strategy took gradients, the
        part of each that runs in this process, in the order of their numbers; `gradient` is their
        sum. Empty elsewhere.
      was_asked: Whether `InstrumentedTape.gradient` was asked for the variable in this step; None
        where no `InstrumentedTape` was asked for anything.
      is_missing: Whether each such call returned None for it; None where it was not asked for.
      was_read: Whether a tape saw the variable read before it was asked; None where that cannot be
        told: without `InstrumentedTape`, with `watch_accessed_variables=False`, and of variables
        with `trainable=False`, which no tape watches.

    The statistics below are computed when first asked for and kept for the other summaries.
    """

    path: str
    role: str
    value: tf.Tensor
    before: Optional[tf.Tensor] = None
    gradient: Optional[Union[tf.Tensor, tf.IndexedSlices]] = None
    layer: Optional[str] = None
    replica_gradients: Tuple[Union[tf.Tensor, tf.IndexedSlices], ...] = ()
    was_asked: Optional[bool] = None
    is_missing: Optional[bool] = None
    was_read: Optional[bool] = None

    def know(self, name, number):
        """Keeps a statistic that was found on the way, under the name of its property."""
        vars(self).setdefault(name, number)

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
    def value_array(self) -> np.ndarray:
        """The value as a numpy array; on the CPU it shares the tensor's memory."""
        return gradients.array_of(self.value)

    @_computed_once
    def before_array(self) -> Optional[np.ndarray]:
        """The value before the update as a numpy array; None without one."""
        return None if self.before is None else gradients.array_of(self.before)

    @_computed_once
    def gradient_array(self) -> Optional[np.ndarray]:
        """The gradient's elements, for `tf.IndexedSlices` the touched rows; None without one."""
        return None if self.gradient is None else gradients.elements(self.gradient)

    @_computed_once
    def value_extremes(self) -> statistics.Extremes:
        """Extremes of the value after the update: all that a histogram needs."""
        return _reducer(self._value_elements).extremes(self._value_elements)

    @_computed_once
    def value_statistics(self) -> statistics.TensorStatistics:
        """Statistics of the value after the update."""
        elements = self._value_elements
        return _reducer(elements).describe(elements, self.value_extremes)

    @_computed_once
    def value_norm(self) -> float:
        """L2 norm of the value after the update, of float32 right to a relative 1e-6."""
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
        """The gradient where it lives; of slices the touched rows, which are put together here."""
        is_sparse = isinstance(self.gradient, tf.IndexedSlices)
        if is_sparse or _reducer(self.gradient) is statistics:
            return self.gradient_array
        return self.gradient

    @property
    def _update_elements(self):
        if isinstance(self._value_elements, np.ndarray):
            return self.value_array, self.before_array
        return self.value, self.before


def _reducer(elements):
    """The module that reduces a tensor where it lives, or an array."""
    if isinstance(elements, np.ndarray) or "CPU" in elements.device.upper():
        return statistics
    from gtlog import device_statistics  # a millisecond or more, which most programs never need

    return device_statistics


@dataclasses.dataclass(frozen=True, eq=False)
class StepRecord:
    """One logged step: its number, its losses and its variables.

    Attributes:
      step: The number of the step, 0 or more.
      losses: One float for each target that was differentiated in the step, in the order of the
        `gradient` calls; the sum where the target is no scalar. Empty without an
        `InstrumentedTape`.
      variables: The variables that the step touched and the logger's filter lets through, in the
        order of their creation.
      gradient_note: Markdown that must be read with losses and gradients, of loss scales; mostly
        empty.
    """

    step: int
    losses: Tuple[float, ...] = ()
    variables: Tuple[VariableRecord, ...] = ()
    gradient_note: str = ""
