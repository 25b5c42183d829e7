"""The numbers of one tensor, by numpy alone: extremes, sums and buckets.

>>> import numpy as np
>>> describe(np.array([3.0, -4.0, np.nan])).norm
5.0
"""

from gtlog.statistics.on_host import (
    describe,
    describe_difference,
    extremes,
    histogram,
    norm,
    norm_of_difference,
)
from gtlog.statistics.results import Extremes, TensorStatistics
from gtlog.statistics.signed_log import signed_log_histogram

__all__ = [
    "Extremes",
    "TensorStatistics",
    "describe",
    "describe_difference",
    "extremes",
    "histogram",
    "norm",
    "norm_of_difference",
    "signed_log_histogram",
]
