"""What a way to run a step is, as a row of the table in docs/project/run-modes."""

import dataclasses
from typing import Any, Callable, List, Mapping, Optional

import tensorflow as tf

import gtlog

EVERY = 2
COLUMNS = {
    "weights": ("weights/", "weight_norm", "gates/", "unit_means/"),
    "biases": ("biases/",),
    "gradients": ("gradients/", "gradient_norm"),
    "updates": ("update_ratio",),
    "loss": ("loss",),
    "images": ("images/",),
}


@dataclasses.dataclass(frozen=True)
class Mode:
    """One way to run a step, over one task.

    Attributes:
      row: Number of its group in the table.
      name: What the table calls it; unique.
      task: Makes the `Task`, anew for each run.
      run: Given a task and an `Instruments`, trains on all batches; returns the losses as floats.
      unseen: For each column that cannot be seen, why; the events then have none of its tags.
      altered: For each column whose values cannot be those of the eager run, why; its tags and
        steps are the same.
      notice: Regular expression that one `LoggingWarning` of the run matches where something is
        unseen or altered, or one figure stands for several; None where no warning may be given.
      missing: Returns why this TensorFlow lacks the way; None where it has it.
      tolerance: Relative tolerance of losses and weights against the bare run; 0 is bit for bit.
      more_traces: How many traces of the step's Python body gtlog adds, where it cannot but.
      options: Further arguments of `gtlog.logged_step`, for this run and the eager one.
      rounding: Relative tolerance of the values against the eager run: what float32 sums differ by,
        more where TensorFlow itself rounds otherwise in a graph.
      reference: Makes the `Task` of the eager run where that is another one.
    """

    row: int
    name: str
    task: Callable[[], Any]
    run: Callable[[Any, Any], List[float]]
    unseen: Mapping[str, str] = dataclasses.field(default_factory=dict)
    altered: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notice: Optional[str] = None
    missing: Callable[[], Optional[str]] = lambda: None
    tolerance: float = 0.0
    more_traces: int = 0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rounding: float = 1e-4
    reference: Optional[Callable[[], Any]] = None


class Bare:
    """The instruments of a run without gtlog."""

    tape = tf.GradientTape
    logger = None

    def decorate(self, step):
        """The step itself."""
        return step

    def keras_callbacks(self, gradients=False):
        """None."""
        return []

    def close(self):
        """Does nothing."""


class Instruments:
    """What a run is given of gtlog.

    Args:
      logdir: Where the events go.
      options: Arguments of `gtlog.logged_step`.

    Attributes:
      logdir: The same.
      tape: Class to use in place of `tf.GradientTape`.
      decorate: The decorator.
      logger: Its `StepLogger`.
    """

    tape = gtlog.InstrumentedTape

    def __init__(self, logdir, **options):
        self.logdir = logdir
        self.decorate = gtlog.logged_step(logdir, **{"every": EVERY, **options})
        self.logger = self.decorate(lambda: None).step_logger

    def keras_callbacks(self, gradients=False):
        """What `fit` is handed where no step can be decorated."""
        return [self.logger.keras_callback(gradients)]

    def close(self):
        """Flushes what was written."""
        self.logger.close()
