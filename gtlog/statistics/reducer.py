"""What reduces a tensor to a few numbers, wherever the tensor lives."""

from typing import Any, Optional, Protocol

import numpy as np

from gtlog.statistics.results import Extremes, TensorStatistics


class Reducer(Protocol):
    """The functions of `gtlog.statistics` and, for a tensor on a device, of `tensors.on_device`.

    `elements` is an array or an eager tensor of any shape and any numeric type. `known` is what
    `extremes` returned for the same elements, where it was asked before.
    """

    def extremes(self, elements: Any) -> Extremes:
        """Size, number of elements that are not finite, smallest and largest of the others."""

    def describe(self, elements: Any, known: Optional[Extremes] = None) -> TensorStatistics:
        """The extremes, mean and L2 norm of the finite elements."""

    def describe_difference(self, after: Any, before: Any) -> TensorStatistics:
        """`describe` of `after - before`."""

    def norm(self, elements: Any, known: Optional[Extremes] = None) -> float:
        """The L2 norm of the finite elements."""

    def norm_of_difference(self, after: Any, before: Any) -> float:
        """`norm` of `after - before`."""

    def histogram(
        self, elements: Any, buckets: int = 30, known: Optional[Extremes] = None
    ) -> np.ndarray:
        """`[buckets, 3]` rows of left edge, right edge and count of the finite elements."""
