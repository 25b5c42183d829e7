"""The types of the public parameters, each named once."""

import os
from typing import Any, Callable, Iterable, Pattern, Sequence, Union

from gtlog.diagnosis.finding import Finding
from gtlog.records.step_record import StepRecord
from gtlog.values import ChartLayout, Histogram, Image, Scalar, Table

# TensorFlow has no types for a checker: its writers, variables and models are Any.
Writer = Union[Any, str, "os.PathLike[str]", Sequence[Any]]
Schedule = Callable[[int], bool]
Every = Union[int, Schedule]
Step = Union[None, int, Callable[[], int], Any]
Value = Union[Scalar, Histogram, Image, Table, ChartLayout]
Summary = Callable[[StepRecord], Iterable[Value]]
Diagnose = Union[bool, Callable[[Finding], Any]]
Expressions = Union[None, str, Pattern[str], Sequence[Union[str, Pattern[str]]]]
